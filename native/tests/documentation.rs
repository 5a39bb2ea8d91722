//! The page on reliability names tests that are there, and what it says is nowhere is nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of all tests below a folder, in Rust and in JavaScript.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "node_modules" | "target" | "dist") {
            sources(&path, text);
        } else if name.ends_with(".rs") || name.ends_with(".mjs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// What stands between back quotes in the last column of each row of a table.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault"));
    let rows = rows.filter(|line| !line.starts_with("| way in"));
    let cells = |line| {
        let mut cells = str::split(line, '|').rev().skip(1);
        (line, cells.next().unwrap_or_default().split('`').skip(1).step_by(2).collect())
    };
    rows.map(cells).collect()
}

#[test]
fn every_row_on_reliability_names_tests_that_are_there_or_says_that_there_is_none() {
    let mut tests = String::new();
    for folder in ["core", "fuzz", "native", "wasm/npm/tests", "www/tests"] {
        sources(&root().join(folder), &mut tests);
    }
    let page = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 30, "{} rows", rows.len());
    for (row, names) in rows {
        assert!(!names.is_empty() || row.contains("not yet"), "{row}");
        for name in names {
            let beginnings = ["fn {}(", "test('{}'", "scene('{}'"];
            let is_there = beginnings.map(|beginning| beginning.replace("{}", name));
            assert!(is_there.iter().any(|it| tests.contains(it)), "no test {name}: {row}");
        }
    }
}

#[test]
fn nothing_in_gannet_starts_a_program() {
    let mut code = String::new();
    for folder in ["core/src", "native/src", "wasm/src"] {
        sources(&root().join(folder), &mut code);
    }
    assert!(code.len() > 100_000, "{} bytes of code", code.len());
    for way in
        ["process::Command", "Command::new", "CommandExt", "posix_spawn", "execve", "system("]
    {
        assert!(!code.contains(way), "{way}");
    }
}
