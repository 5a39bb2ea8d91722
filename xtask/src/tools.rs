//! The foreign clients and servers that the interop tests and the benchmark talk to.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::{install, process};

/// The release that the tests are written for, from the Python package index.
const LIBTORRENT: &str = "libtorrent==2.1.1";
const VENV_LIMIT: Duration = Duration::from_secs(120);
const PIP_LIMIT: Duration = Duration::from_secs(180);

/// Each program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 6] = [
    ("aria2c", "aria2"),
    ("transmission-daemon", "transmission-daemon"),
    ("transmission-remote", "transmission-cli"),
    ("transmission-create", "transmission-cli"),
    ("ip", "iproute2"),
    ("redis-server", "redis-server"),
];

/// The packages that start a service which nobody asked for.
const SERVICES: [&str; 2] = ["transmission-daemon", "redis-server"];

/// Where every foreign client is.
pub(crate) struct Peers {
    programs: Vec<PathBuf>,
    /// A Python that has libtorrent.
    pub(crate) python: PathBuf,
}

impl Peers {
    /// Finds all of them, after installing what is missing. Names the command to type if it can't.
    pub(crate) fn ensure() -> Result<Self> {
        if !install::is_root() {
            // Transmission refuses peers on loopback, so each side gets a network of its own.
            bail!("the interop tests make network namespaces: run them as root");
        }
        let missing = PROGRAMS.iter().filter(|(program, _)| install::find(program).is_none());
        let mut packages: Vec<&str> = missing.map(|&(_, package)| package).collect();
        packages.dedup();
        if !packages.is_empty() {
            install::debian("the interop tests", &packages)?;
        }
        let started = SERVICES.iter().filter(|service| packages.contains(service));
        started.for_each(|service| install::quieten(service));
        let find = |(program, _): &(&str, &str)| {
            install::find(program)
                .with_context(|| format!("{program} isn't there after installing it"))
        };
        let programs = PROGRAMS.iter().map(find).collect::<Result<_>>()?;
        Ok(Self { programs, python: libtorrent()? })
    }

    pub(crate) fn print(&self) {
        for program in &self.programs {
            println!("{}", program.display());
        }
        println!("{} ({LIBTORRENT})", self.python.display());
    }
}

/// A program that is in a package of its own name.
pub(crate) fn ensure(program: &str, purpose: &str) -> Result<()> {
    match install::find(program) {
        Some(_) => Ok(()),
        None => install::debian(purpose, &[program]),
    }
}

/// A Chromium, Debian's if there is none.
pub(crate) fn chromium() -> Result<PathBuf> {
    let find =
        || ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(install::find);
    if let Some(found) = find() {
        return Ok(found);
    }
    install::debian("the tests of pages", &["chromium"])?;
    find().context("chromium isn't there after installing it")
}

/// A Python with libtorrent, kept under the target folder so that nothing else is touched.
pub(crate) fn libtorrent() -> Result<PathBuf> {
    let folder = crate::target().join("tools/libtorrent");
    let python = folder.join("bin/python");
    if has_libtorrent(&python) {
        return Ok(python);
    }
    println!("installing {LIBTORRENT} (for the interop tests)");
    let base = match host_python() {
        Some(base) => base,
        None => {
            install::debian("libtorrent", &["python3", "python3-venv"])?;
            host_python().context("no Python with the modules venv and ensurepip was found")?
        }
    };
    let mut venv = Command::new(base);
    process::run(venv.args(["-m", "venv", "--clear"]).arg(&folder), VENV_LIMIT)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", LIBTORRENT]);
    process::run(pip.stdin(Stdio::null()), PIP_LIMIT)?;
    if !has_libtorrent(&python) {
        bail!("{} can't import libtorrent after installing it", python.display());
    }
    Ok(python)
}

fn has_libtorrent(python: &PathBuf) -> bool {
    let version = LIBTORRENT.rsplit('=').next().unwrap_or_default();
    let script =
        format!("import libtorrent; assert libtorrent.__version__.startswith('{version}')");
    process::answer(Command::new(python).args(["-c", &script]).stderr(Stdio::null())).is_some()
}

/// The first Python that can make an environment: Debian's has the module `venv` in a package apart.
fn host_python() -> Option<&'static str> {
    let check = "import sys, venv, ensurepip; assert sys.version_info >= (3, 8)";
    let mut candidates = ["python3", "/usr/bin/python3"].into_iter();
    candidates.find(|python| {
        process::answer(Command::new(python).args(["-c", check]).stderr(Stdio::null())).is_some()
    })
}
