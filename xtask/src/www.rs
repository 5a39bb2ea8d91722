//! The download page: built, weighed, tried in Chromium, and photographed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::gannet::Gannet;
use crate::{npm, process, tools};

/// What somebody who opens the page loads at most, compressed as servers do: every file that there is,
/// also those that wait until they are needed.
const MAX_GZIP_BYTES: u64 = 200_000;
const BUILD_LIMIT: Duration = Duration::from_secs(120);
const TEST_LIMIT: Duration = Duration::from_secs(900);

/// Builds the package that the page imports, and the page; fails if it is too large. Where it is.
pub(crate) fn run() -> Result<PathBuf> {
    npm::build()?;
    npm::tools(&folder())?;
    let built = crate::target().join("www");
    node(&["node_modules/typescript/bin/tsc"], BUILD_LIMIT)?;
    let to = built.to_str().context("the target folder has a name that isn't UTF-8")?;
    node(
        &["node_modules/vite/bin/vite.js", "build", "--logLevel=warn", "--outDir", to],
        BUILD_LIMIT,
    )?;
    check_size(&built)?;
    Ok(built)
}

/// Builds the page and does with it what people do, in Chromium, against the programs of a swarm.
pub(crate) fn test() -> Result<()> {
    in_chromium(&["--test", "--test-concurrency=1", "tests/*.test.mjs"])
}

/// Builds the page and takes pictures of it, in light and in dark, on a phone and on a desktop.
pub(crate) fn shots() -> Result<()> {
    in_chromium(&["tests/shots.mjs"])
}

fn in_chromium(arguments: &[&str]) -> Result<()> {
    let page = run()?;
    let gannet = Gannet::build(false)?;
    let chromium = tools::chromium()?;
    tools::ensure("openssl", "the certificate of a page over TLS")?;
    // Whatever is left when it is interrupted goes with this folder.
    let scratch = tempfile::Builder::new().prefix("gannet-page-").tempdir()?;
    let mut command = command(arguments);
    command.env("GANNET_TEST_BINARY", gannet.path()).env("GANNET_TEST_PAGE", page);
    command.env("CHROMIUM", chromium).env("TMPDIR", scratch.path());
    process::run(&mut command, TEST_LIMIT)
}

/// The page's sources.
fn folder() -> PathBuf {
    crate::root().join("www")
}

fn node(arguments: &[&str], limit: Duration) -> Result<()> {
    process::run(&mut command(arguments), limit)
}

/// The shell isn't asked, so patterns are spread out here: older versions of Node don't know them.
fn command(arguments: &[&str]) -> Command {
    let mut node = Command::new("node");
    node.current_dir(folder()).stdin(Stdio::null());
    for argument in arguments {
        match argument.strip_suffix("*.test.mjs") {
            Some(tests) => node.args(files(&folder().join(tests), ".test.mjs")),
            None => node.arg(argument),
        };
    }
    node
}

/// Says what the page weighs, file by file, and fails if it is too much.
fn check_size(built: &Path) -> Result<()> {
    let mut total = 0;
    for file in [files(built, ""), files(&built.join("assets"), "")].concat() {
        let bytes = npm::gzip_bytes(&file)?;
        println!("{}: {bytes} bytes gzipped", file.strip_prefix(built).unwrap_or(&file).display());
        total += bytes;
    }
    println!("the page: {total} bytes gzipped, at most {MAX_GZIP_BYTES}");
    if total > MAX_GZIP_BYTES {
        bail!("the page is too large: {total} bytes gzipped, at most {MAX_GZIP_BYTES}");
    }
    Ok(())
}

/// The files in a folder, not below it, whose name has this end, in order.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let has_end = |path: &PathBuf| path.is_file() && path.to_string_lossy().ends_with(end);
    let mut files: Vec<PathBuf> = entries.filter(has_end).collect();
    files.sort();
    files
}
