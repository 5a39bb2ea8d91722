//! The programs of a comparison: found, or installed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::gannet::Gannet;
use crate::{install, process};

/// Each program and the Debian package that has it.
const PROGRAMS: [(&str, &str); 4] =
    [("opentracker", "opentracker"), ("node", "nodejs"), ("npm", "npm"), ("taskset", "util-linux")];

const NPM_LIMIT: Duration = Duration::from_secs(180);

/// Which release of bittorrent-tracker, and of all it needs, and how it is started.
const NPM_FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../../peers/package.json")),
    ("package-lock.json", include_str!("../../../peers/package-lock.json")),
    ("tracker.mjs", include_str!("../../../peers/tracker.mjs")),
];

/// Where every tracker is.
pub(super) struct Programs {
    pub(super) gannet: PathBuf,
    pub(super) opentracker: PathBuf,
    pub(super) node: PathBuf,
    /// A script that starts it.
    pub(super) bittorrent_tracker: PathBuf,
}

impl Programs {
    /// Finds all of them, after installing what is missing, and builds Gannet.
    pub(super) fn ensure() -> Result<Self> {
        let missing = PROGRAMS.iter().filter(|(program, _)| install::find(program).is_none());
        let packages: Vec<&str> = missing.map(|&(_, package)| package).collect();
        if !packages.is_empty() {
            install::debian("the benchmark", &packages)?;
        }
        if packages.contains(&"opentracker") {
            install::quieten("opentracker");
        }
        let find = |program: &str| install::find(program).with_context(|| program.to_owned());
        let bittorrent_tracker = bittorrent_tracker(&find("npm")?)?;
        let (opentracker, node) = (find("opentracker")?, find("node")?);
        let gannet = Gannet::build(true)?.program().to_owned();
        Ok(Self { gannet, opentracker, node, bittorrent_tracker })
    }

    /// The releases that are compared.
    pub(super) fn versions(&self) -> String {
        let answer = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            process::answer(command.args(arguments).stderr(Stdio::null())).unwrap_or_default()
        };
        let opentracker = answer("dpkg-query", &["--show", "opentracker"]).replace('\t', " ");
        let lock: serde_json::Value = serde_json::from_str(NPM_FILES[1].1).unwrap_or_default();
        let peer = &lock["packages"]["node_modules/bittorrent-tracker"]["version"];
        let peer = peer.as_str().unwrap_or_default();
        let node = answer(&self.node.to_string_lossy(), &["--version"]);
        format!("{opentracker}; bittorrent-tracker {peer} on Node.js {node}")
    }
}

/// Installs it under the target folder, unless just that is there; no script of a package is run.
fn bittorrent_tracker(npm: &std::path::Path) -> Result<PathBuf> {
    let folder = crate::target().join("tools/bittorrent-tracker");
    let has = |(name, text): &(&str, &str)| {
        fs::read_to_string(folder.join(name)).is_ok_and(|own| own == *text)
    };
    let script = folder.join("tracker.mjs");
    if NPM_FILES.iter().all(has) {
        return Ok(script);
    }
    println!("installing bittorrent-tracker (for the benchmark)");
    fs::create_dir_all(&folder)?;
    // The script last: with it the installation counts as complete.
    let (files, own) = NPM_FILES.split_at(2);
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    let mut ci = Command::new(npm);
    ci.args(["ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]);
    process::run(ci.current_dir(&folder).stdin(Stdio::null()), NPM_LIMIT)?;
    for (name, text) in own {
        fs::write(folder.join(name), text)?;
    }
    Ok(script)
}
