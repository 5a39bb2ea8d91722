//! The core, compiled to WebAssembly by whichever compiler this machine can have, and its own tests
//! run there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::{install, process};

const TRIPLE: &str = "wasm32-unknown-unknown";
const LIMIT: Duration = Duration::from_secs(1800);
/// For one test program in Node.
const TEST_LIMIT: Duration = Duration::from_secs(600);
/// A server that is out of reach is tried for seconds, not minutes.
const RUSTUP_LIMIT: Duration = Duration::from_secs(25);
/// Debian's compiler brings the standard library as source, so `std` is built as well.
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];
const LINKER: &str = "wasm-ld-22";
/// Panics that say nothing; copies of a few words by one instruction, where LLVM would take two for
/// each word (3,150 bytes of what a page loads, compressed); and loops as they were written, without a
/// counter for each address in them (840).
const SMALL: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none \
                     -Zfmt-debug=none -Cllvm-args=--max-store-memcpy=1 \
                     -Cllvm-args=--max-store-memmove=1 -Cllvm-args=--max-store-memset=1 \
                     -Cllvm-args=--disable-lsr";

#[derive(Args)]
pub(crate) struct Options {
    /// Which compiler to use, instead of the first that there is
    #[arg(long, value_name = "NAME")]
    compiler: Option<Compiler>,
}

/// Where a compiler for WebAssembly comes from.
#[derive(Clone, Copy, ValueEnum)]
enum Compiler {
    /// The installed Rust, with its own target
    Own,
    /// Debian's packages
    Debian,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let compiler = options.compiler.map_or_else(choose, Ok)?;
    check(compiler)
}

/// The check as part of the tests.
pub(crate) fn run_default() -> Result<()> {
    check(choose()?)
}

/// Compiles the crate that pages load; the module as the linker left it.
///
/// The standard library is built for size as well, and panics say nothing but that they happened:
/// a page has nobody who would read it, and the words are a quarter of the module.
pub(crate) fn build() -> Result<PathBuf> {
    let compiler = choose()?;
    let mut cargo = cargo(compiler)?;
    cargo.args(["build", "--package=gannet-wasm", "--lib", "--profile=wasm", "--target", TRIPLE]);
    if matches!(compiler, Compiler::Debian) || has_source() {
        cargo.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
        cargo.env("RUSTFLAGS", SMALL).env("RUSTC_BOOTSTRAP", "1");
    }
    let folder = crate::target().join("module");
    cargo.arg("--target-dir").arg(&folder);
    process::run(&mut cargo, LIMIT)?;
    Ok(folder.join(TRIPLE).join("wasm/gannet_wasm.wasm"))
}

/// Whether the installed Rust knows all that makes a module small, and has the source of its standard
/// library or can have it.
fn has_source() -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(SMALL.split_whitespace()).env("RUSTC_BOOTSTRAP", "1");
    let Some(sysroot) = process::answer(rustc.args(["--print", "sysroot"])) else {
        return false;
    };
    let is_there = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std").exists();
    let mut rustup = Command::new("rustup");
    rustup.args(["component", "add", "rust-src"]).stdin(Stdio::null());
    is_there
        || (install::find("rustup").is_some()
            && process::succeeds(&mut rustup, RUSTUP_LIMIT).unwrap_or(false))
}

fn check(compiler: Compiler) -> Result<()> {
    let mut cargo = cargo(compiler)?;
    // A library that links: what it still needs of its host shows in its imports. Nothing calls the
    // core here, so what looks dead must stay in, or every module would pass.
    cargo.args(["rustc", "--package=gannet-core", "--lib", "--crate-type=cdylib"]);
    cargo.args(target(compiler)).args(["--", "-Clink-dead-code", "-Clink-arg=--no-gc-sections"]);
    process::run(&mut cargo, LIMIT)?;
    no_imports(&folder(compiler).join(TRIPLE).join("debug/gannet_core.wasm"))?;
    tests(compiler)
}

/// The core's own tests, in Node. Its documentation's tests stay native: rustdoc knows no runner.
fn tests(compiler: Compiler) -> Result<()> {
    let mut cargo = cargo_test(compiler)?;
    process::run(cargo.arg("--tests"), LIMIT)
}

/// One ignored test of the core, in Node: a program, the profile it is built with, its name.
pub(crate) fn test_of_the_core(program: &str, profile: &str, name: &str) -> Result<Command> {
    let mut cargo = cargo_test(choose()?)?;
    cargo.args(["--test", program, "--profile", profile, "--", "--include-ignored", "--nocapture"]);
    cargo.arg(name);
    Ok(cargo)
}

fn cargo_test(compiler: Compiler) -> Result<Command> {
    let runner = format!("{} test", bindgen()?.display());
    let mut cargo = cargo(compiler)?;
    cargo.args(["test", "--package=gannet-core"]).args(target(compiler));
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    cargo.env("WASM_BINDGEN_TEST_TIMEOUT", TEST_LIMIT.as_secs().to_string());
    Ok(cargo)
}

/// Builds the tools of wasm-bindgen and tells where they are.
pub(crate) fn bindgen() -> Result<PathBuf> {
    let mut cargo = process::cargo();
    cargo.args(["build", "--package=xtask", "--bin=bindgen", "--features=bindgen", "--quiet"]);
    process::run(cargo.current_dir(crate::root()).stdin(Stdio::null()), LIMIT)?;
    Ok(crate::target().join("debug/bindgen"))
}

fn cargo(compiler: Compiler) -> Result<Command> {
    let mut cargo = match compiler {
        Compiler::Own => process::cargo(),
        Compiler::Debian => debian()?,
    };
    cargo.current_dir(crate::root()).stdin(Stdio::null());
    Ok(cargo)
}

/// What names the target to cargo.
fn target(compiler: Compiler) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--target".into(), TRIPLE.into()];
    if matches!(compiler, Compiler::Debian) {
        arguments.push("-Zbuild-std=std,panic_abort,test".into());
    }
    arguments.extend(["--target-dir".into(), folder(compiler).into()]);
    arguments
}

/// Artefacts of another compiler don't mix with ours.
fn folder(compiler: Compiler) -> PathBuf {
    match compiler {
        Compiler::Own => crate::target(),
        Compiler::Debian => crate::target().join("wasm"),
    }
}

fn debian() -> Result<Command> {
    if !has_debian() {
        install::debian("the WebAssembly check", &PACKAGES)?;
    }
    let mut cargo = Command::new("/usr/bin/cargo");
    for name in
        ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "RUSTDOC", "RUSTC_WRAPPER", "RUSTFLAGS"]
    {
        cargo.env_remove(name);
    }
    cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    Ok(cargo)
}

fn has_debian() -> bool {
    let files = ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/lib/rustlib/src/rust/library"];
    files.iter().all(|file| Path::new(file).exists()) && install::find(LINKER).is_some()
}

/// What has built here before is used again: then there is nothing to wait for.
fn choose() -> Result<Compiler> {
    let debian_is_ready = has_debian() && folder(Compiler::Debian).exists();
    if has_own() || (!debian_is_ready && add_target()) {
        return Ok(Compiler::Own);
    }
    println!("the installed Rust has no {TRIPLE}: using Debian's compiler");
    Ok(Compiler::Debian)
}

fn has_own() -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let folder = process::answer(rustc.args(["--print", "target-libdir", "--target", TRIPLE]));
    folder.is_some_and(|folder| {
        Path::new(&folder).read_dir().is_ok_and(|mut files| files.next().is_some())
    })
}

fn add_target() -> bool {
    if install::find("rustup").is_none() {
        return false;
    }
    println!("trying rustup for {TRIPLE}");
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TRIPLE]).stdin(Stdio::null());
    process::succeeds(&mut rustup, RUSTUP_LIMIT).unwrap_or(false) && has_own()
}

/// Has Node compile the module, and list what it would import.
fn no_imports(module: &Path) -> Result<()> {
    let script = "const bytes = require('fs').readFileSync(process.argv[1]);
        for (const i of WebAssembly.Module.imports(new WebAssembly.Module(bytes)))
            console.log(`${i.module}.${i.name}`)";
    let mut node = Command::new("node");
    node.args(["--eval", script]).arg(module);
    let imports = process::answer(&mut node)
        .with_context(|| format!("Node doesn't accept {}, or isn't there", module.display()))?;
    if !imports.is_empty() {
        bail!("the core asks its host for\n{imports}");
    }
    println!("{TRIPLE}: {} bytes, no imports", module.metadata()?.len());
    Ok(())
}
