//! Puts the built page into the binary, if it was built: a table of paths and contents.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let folder = target().join("www");
    // Cargo takes a folder that isn't there for one that always changes, and would build again each
    // time. An empty one stays the same until the page is built.
    let _ = fs::create_dir_all(&folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    if folder.join("index.html").is_file() {
        find(&folder, "", &mut files)?;
    }
    files.sort();
    let mut table = "static EMBEDDED: &[(&str, &[u8])] = &[\n".to_owned();
    for (name, path) in files {
        // Writing into memory can't fail.
        let _ = writeln!(table, "    ({name:?}, include_bytes!({path:?})),");
    }
    table.push_str("];\n");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(out.join("page.rs"), table)
}

/// Where cargo builds, as `cargo xtask` sees it too.
fn target() -> PathBuf {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = package.parent().map(Path::to_path_buf).unwrap_or_default();
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |it| workspace.join(it))
}

fn find(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => find(&entry.path(), &name, files)?,
            false => files.push((name, entry.path())),
        }
    }
    Ok(())
}
