//! The npm package: the wasm crate, compiled, bound, made small, bundled and packed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::gannet::Gannet;
use crate::{process, tools, wasm};

/// What a page loads to run Gannet, compressed as servers do, has no more bytes than this.
const MAX_GZIP_BYTES: u64 = 100_000;
const LIMIT: Duration = Duration::from_secs(600);
const TEST_LIMIT: Duration = Duration::from_secs(900);

/// What a page loads of the entry `.`; the tarball holds more, for other entries.
pub(crate) const LOADED: [&str; 3] = ["index.js", "worker.js", "gannet.wasm"];

/// What every browser of the last years has, and no more.
const FEATURES: [&str; 7] = [
    "bulk-memory",
    "bulk-memory-opt",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Builds and packs, and fails if a page has to load too much; where the tarball is.
pub(crate) fn run() -> Result<PathBuf> {
    let packed = build()?;
    check_size()?;
    Ok(packed)
}

/// Where the files are that a page loads, once it was built.
pub(crate) fn dist() -> PathBuf {
    folder().join("dist")
}

/// Builds and packs; where the tarball is.
pub(crate) fn build() -> Result<PathBuf> {
    let module = wasm::build()?;
    tools(&folder())?;
    let bound = folder().join("bound");
    bind(&module, &bound)?;
    shrink(&bound)?;
    npm(&folder(), &["run", "--silent", "build"])?;
    pack()
}

/// Builds and packs, and runs the package's own tests: in Node, in Chromium against the programs of
/// the ordinary swarm, and what was packed through bundlers, compilers and linters.
pub(crate) fn test() -> Result<()> {
    let packed = run()?;
    tools(&folder().join("tests/packaging"))?;
    let gannet = Gannet::build(false)?;
    let peers = tools::Peers::ensure()?;
    let chromium = tools::chromium()?;
    // Whatever a test leaves when it is interrupted goes with this folder.
    let scratch = tempfile::Builder::new().prefix("gannet-npm-").tempdir()?;
    let mut npm = Command::new("npm");
    npm.args(["test", "--silent"]).current_dir(folder()).stdin(Stdio::null());
    npm.env("GANNET_TEST_BINARY", gannet.path()).env("GANNET_TEST_PYTHON", peers.python);
    npm.env("GANNET_TARBALL", packed);
    npm.env("CHROMIUM", chromium).env("TMPDIR", scratch.path());
    process::run(&mut npm, TEST_LIMIT)
}

/// The package's sources.
pub(crate) fn folder() -> PathBuf {
    crate::root().join("wasm/npm")
}

/// Installs what a folder's lock file says, exactly, unless that was done before. No package's own
/// script runs: none of these needs it, and those that fetch programs fail without a network.
pub(crate) fn tools(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.package-lock.json");
    let is_fresh = modified(&installed).is_some_and(|at| Some(at) > modified(&lock));
    if is_fresh {
        return Ok(());
    }
    npm(folder, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
}

fn modified(file: &Path) -> Option<std::time::SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// Writes the JavaScript and the types that go with the module.
fn bind(module: &Path, bound: &Path) -> Result<()> {
    let mut bindgen = Command::new(wasm::bindgen()?);
    bindgen.args(["--target=web", "--omit-default-module-path", "--out-name=engine", "--out-dir"]);
    process::run(bindgen.arg(bound).arg(module).stdin(Stdio::null()), LIMIT)
}

/// Has Binaryen make the module small, and puts it where the package wants it.
fn shrink(bound: &Path) -> Result<()> {
    let (small, ordered) = (bound.join("small.wasm"), bound.join("ordered.wasm"));
    let mut optimiser = optimiser();
    // Inlining makes it larger once it is compressed, by a quarter.
    optimiser.args(["--no-inline=*", "--flatten", "--rereloop", "-Oz", "--gufa-optimizing", "-Oz"]);
    // Where no data is, at the end of the stack, no pointer leads: offsets can be part of loads.
    optimiser.args(["--low-memory-unused", "--optimize-added-constants-propagate"]);
    // How loads are aligned is a hint that engines don't take: the same everywhere, it packs well.
    optimiser.args(["--converge", "--dealign"]);
    process::run(optimiser.arg(bound.join("engine_bg.wasm")).arg("-o").arg(&small), LIMIT)?;

    let mut order = Command::new("node");
    order.arg(folder().join("scripts/order.mjs")).arg(&small).arg(&ordered);
    process::run(order.stdin(Stdio::null()), LIMIT)?;

    finish(&ordered, bound)
}

/// Sorts what is in order by now, and shortens names: the JavaScript around it is told of them.
fn finish(ordered: &Path, bound: &Path) -> Result<()> {
    std::fs::create_dir_all(dist())?;
    let mut optimiser = optimiser();
    optimiser.args(["--minify-imports-and-exports-and-modules", "--reorder-functions-by-name"]);
    // Slow, and so only once: which locals can be the same one, and which is the first.
    optimiser.args(["--coalesce-locals-learning", "--reorder-locals"]);
    optimiser.args(["--strip-debug", "--strip-producers"]);
    let names =
        process::output(optimiser.arg(ordered).arg("-o").arg(dist().join("gannet.wasm")), LIMIT)?;
    std::fs::write(bound.join("names.json"), names)?;
    Ok(())
}

fn optimiser() -> Command {
    let mut optimiser = Command::new("node");
    optimiser.arg(folder().join("node_modules/binaryen/bin/wasm-opt")).stdin(Stdio::null());
    optimiser.args(FEATURES.map(|feature| format!("--enable-{feature}")));
    optimiser
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(folder).stdin(Stdio::null());
    process::run(&mut npm, LIMIT)
}

/// Says how much a page has to load, and fails if it is too much.
fn check_size() -> Result<()> {
    let mut total = 0;
    for file in LOADED {
        let bytes = gzip_bytes(&dist().join(file))?;
        println!("{file}: {bytes} bytes gzipped");
        total += bytes;
    }
    println!("together: {total} bytes gzipped, at most {MAX_GZIP_BYTES}");
    if total > MAX_GZIP_BYTES {
        bail!("the package is too large: {total} bytes gzipped, at most {MAX_GZIP_BYTES}");
    }
    Ok(())
}

/// How large a file is once it is compressed, as servers do.
pub(crate) fn gzip_bytes(file: &Path) -> Result<u64> {
    let mut gzip = Command::new("gzip");
    let output = gzip.args(["-9", "--no-name", "--stdout"]).arg(file).output();
    let output = output.with_context(|| format!("gzip can't compress {}", file.display()))?;
    Ok(output.stdout.len() as u64)
}

fn pack() -> Result<PathBuf> {
    let packed = crate::target().join("npm");
    std::fs::create_dir_all(&packed)?;
    let to = packed.to_str().context("the target folder has a name that isn't UTF-8")?;
    npm(&folder(), &["pack", "--silent", "--pack-destination", to])?;
    Ok(packed.join(concat!("gannet-", env!("CARGO_PKG_VERSION"), ".tgz")))
}
