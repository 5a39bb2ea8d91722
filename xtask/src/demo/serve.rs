//! The demo's end: the same file from `gannet serve`, for a browser.

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Demo;
use crate::gannet::{Stats, http_json};
use crate::process::{self, Running};
use crate::{npm, tools, www};

/// How long a page may take, to load and to download.
const BROWSER_LIMIT: Duration = Duration::from_secs(180);
const SCRIPT: &str = include_str!("browser.mjs");

/// A server of the demo's file.
struct Served {
    running: Running,
    addr: String,
    link: String,
}

/// Serves the file and prints the link; with `browser`, downloads it there too.
pub(super) fn close(demo: &Demo, browser: bool, once: bool) -> Result<()> {
    let stays = !once && std::io::stdout().is_terminal();
    let page = match (browser, stays) {
        (true, _) => Some(page()?),
        (false, true) => page().map_err(|error| println!("without the page: {error:#}")).ok(),
        (false, false) => built_page(),
    };
    let mut served = Served::start(demo, page.as_deref())?;
    println!("\nthe same file in a browser, from this machine:\n\n  {}\n", served.link);
    if browser {
        let native = served.natively(demo)?;
        let in_page = served.in_chromium(demo)?;
        println!("{:<22} {:>8}   {:>12}", "from one server", "time", "rate");
        for (who, seconds) in [("gannet get", native), ("a page in Chromium", in_page)] {
            let rate = demo.length as f64 / seconds / f64::from(1 << 20);
            println!("{who:<22} {seconds:>6.2} s   {rate:>6.1} MiB/s");
        }
    }
    if !stays {
        return served.check();
    }
    println!("it stays until Ctrl-C");
    while !process::interrupted() {
        served.running.check_alive()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The download page, if it was built.
fn built_page() -> Option<PathBuf> {
    let folder = crate::target().join("www");
    folder.join("index.html").is_file().then_some(folder)
}

/// The download page, built if it wasn't.
fn page() -> Result<PathBuf> {
    built_page().map_or_else(
        || {
            println!("\nbuilding the page");
            www::run()
        },
        Ok,
    )
}

impl Served {
    fn start(demo: &Demo, page: Option<&Path>) -> Result<Self> {
        let mut command = demo.gannet.command();
        command.arg("serve").arg(&demo.file).args(["--quiet", "--listen", "127.0.0.1:0"]);
        command.args(["--peer-listen", "127.0.0.1:0", "--output-dir"]).arg(demo.folder.path());
        if let Some(page) = page {
            command.arg("--www").arg(page);
        }
        let mut running = Running::start(command.stdout(Stdio::piped()))?;
        let stdout = running.stdout().context("gannet serve has a pipe")?;
        let mut link = String::new();
        BufReader::new(stdout).read_line(&mut link)?;
        let link = link.trim().to_owned();
        let rest = link.strip_prefix("http://").context("gannet serve printed no link")?;
        let addr = rest.split('/').next().unwrap_or_default().to_owned();
        Ok(Self { running, addr, link })
    }

    /// Fails unless the page and the torrent are there.
    fn check(&self) -> Result<()> {
        let manifest = http_json(&self.addr, "/gannet.json")?;
        match manifest["torrents"].as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => bail!("gannet serve doesn't share the file: {manifest}"),
        }
    }

    /// Seconds that `gannet get` takes.
    fn natively(&self, demo: &Demo) -> Result<f64> {
        let manifest = http_json(&self.addr, "/gannet.json")?;
        let path = manifest["torrents"][0]["url"].as_str().context("the torrent has a URL")?;
        let url = format!("http://{}{path}", self.addr);
        let stats = demo.get(url.as_ref(), "served")?;
        stats.seconds()
    }

    /// Seconds from a person's agreement to the last byte sent to the page.
    fn in_chromium(&mut self, demo: &Demo) -> Result<f64> {
        npm::tools(&npm::folder())?;
        let before = self.uploaded_bytes()?;
        let script = demo.folder.path().join("browser.mjs");
        std::fs::write(&script, SCRIPT)?;
        let playwright = npm::folder().join("node_modules/playwright-core/index.mjs");
        let mut node = Command::new("node");
        node.arg(script).arg(playwright).arg(tools::chromium()?).arg(&self.link);
        node.env("TMPDIR", demo.folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut browser = Running::start(&mut node)?;
        let mut said = String::new();
        let stdout = browser.stdout().context("the browser's script has a pipe")?;
        BufReader::new(stdout).read_line(&mut said)?;
        if said.trim() != "started" {
            bail!("the page didn't begin to download");
        }
        let start = Instant::now();
        process::until("the page's download", BROWSER_LIMIT, || {
            let sent = self.uploaded_bytes()? - before;
            Ok((sent >= demo.length).then_some(()))
        })?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Payload that the server has sent so far.
    fn uploaded_bytes(&self) -> Result<u64> {
        let all: Value = http_json(&self.addr, "/api/v1/downloads")?;
        all["torrents"][0]["uploaded_bytes"].as_u64().context("the server has statistics")
    }
}

impl Demo<'_> {
    /// Downloads from what `source` names, and checks what came.
    pub(super) fn get(&self, source: &std::ffi::OsStr, name: &str) -> Result<Stats> {
        let folder = self.folder.path().join(format!("from-{name}"));
        let stats = self.folder.path().join(format!("from-{name}.json"));
        let mut get = self.gannet.command();
        get.arg("get").arg(source).arg("-o").arg(&folder).arg("--stats").arg(&stats);
        get.args(["--listen", "127.0.0.1:0"]);
        let status = Running::start(&mut get)?.wait(self.limit())?;
        if !status.success() {
            bail!("gannet get failed: {status}");
        }
        let name = self.file.file_name().context("a file has a name")?;
        if crate::payload::sha256(&folder.join(name))? != self.sha256 {
            bail!("what came isn't what was shared");
        }
        std::fs::remove_dir_all(&folder)?;
        Stats::read(&stats)
    }
}
