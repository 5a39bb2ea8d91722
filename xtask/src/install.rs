//! Debian's packages: installed where that is possible, else the one command to type is named.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process;

/// An index or a package that takes longer than this isn't coming.
const LIMIT: Duration = Duration::from_secs(300);

/// Installs Debian packages that `purpose` needs, as root; else fails and says what to type.
pub(crate) fn debian(purpose: &str, packages: &[&str]) -> Result<()> {
    let packages_line = packages.join(" ");
    if !is_root() || find("apt-get").is_none() {
        bail!(
            "{purpose} needs programs that are missing; type\n  sudo apt-get install {packages_line}"
        );
    }
    println!("installing {packages_line} (for {purpose})");
    update_once();
    // Never at the price of something that is installed: rather fail, and let the person decide.
    let mut install = apt(&["install", "--yes", "--no-install-recommends", "--no-remove"]);
    if !process::succeeds(install.args(packages), LIMIT)? {
        bail!("{purpose}: apt-get could not install {packages_line}");
    }
    Ok(())
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet=2", "--option=Dpkg::Use-Pty=0", "--option=DPkg::Lock::Timeout=60"]);
    command.args(["--option=Acquire::Retries=2"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

/// An old index still installs most things, so a failure here isn't the end.
fn update_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| match process::succeeds(&mut apt(&["update"]), LIMIT) {
        Ok(true) => {}
        Ok(false) => eprintln!("warning: apt-get update failed; trying with the old lists"),
        Err(error) => eprintln!("warning: apt-get update: {error:#}"),
    });
}

/// The program's full path, looked for where the shell would and where Debian keeps root's tools.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/bin"].map(Into::into);
    let mut folders = std::env::split_paths(&path).chain(usual);
    folders.find_map(|folder| {
        let file = folder.join(program);
        Path::is_file(&file).then_some(file)
    })
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Stops a service that a package starts on its own, on a machine where packages do that.
pub(crate) fn quieten(service: &str) {
    if Path::new("/run/systemd/system").exists() {
        let _ = process::answer(Command::new("systemctl").args(["disable", "--now", service]));
    }
}
