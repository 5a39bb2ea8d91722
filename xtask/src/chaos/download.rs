//! A `gannet get` that is watched, and what it told.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::stage::{Shared, Stage};
use super::watch::{self, MEMORY_ALLOWANCE_BYTES, MEMORY_CAP_BYTES};
use crate::process::{self, Running};

/// A download that runs until it is dropped.
pub(super) struct Download {
    running: Running,
    lines: Receiver<(Instant, Value)>,
    log: Log,
    /// The most memory that it may ever have in use.
    most_bytes: u64,
}

/// What a download told, and when.
#[derive(Default)]
pub(super) struct Log {
    events: Vec<(Instant, Value)>,
    pub(super) peak_bytes: u64,
}

impl Download {
    pub(super) fn start(
        stage: &Stage,
        shared: &Shared,
        into: &Path,
        more: &[String],
    ) -> Result<Self> {
        let mut command = stage.gannet.command();
        command.arg("get").arg(&shared.torrent).arg("-o").arg(into).args(more);
        command.args(["--json", "--listen", "127.0.0.1:0"]);
        Self::of(command.stderr(Stdio::null()), MEMORY_CAP_BYTES + MEMORY_ALLOWANCE_BYTES)
    }

    /// Runs what tells as `gannet get --json` does.
    pub(super) fn of(command: &mut Command, most_bytes: u64) -> Result<Self> {
        let mut running = Running::start(command.stdout(Stdio::piped()))?;
        let stdout = BufReader::new(running.stdout().context("its output is a pipe")?);
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // A program that is killed may leave half a line.
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = sender.send((Instant::now(), event));
                }
            }
        });
        Ok(Self { running, lines, log: Log::default(), most_bytes })
    }

    /// Waits until what it told is enough. It must not end before.
    pub(super) fn until(
        &mut self,
        what: &str,
        limit: Duration,
        enough: impl Fn(&Log) -> bool,
    ) -> Result<&Log> {
        process::until(what, limit, || {
            self.look();
            if enough(&self.log) {
                return Ok(Some(()));
            }
            self.running.check_alive().map(|()| None)
        })?;
        Ok(&self.log)
    }

    /// Waits until so many pieces are there.
    pub(super) fn until_pieces(&mut self, count: usize, limit: Duration) -> Result<()> {
        let what = format!("downloading {count} pieces");
        self.until(&what, limit, |log| log.have() >= count).map(|_| ())
    }

    /// Waits for its end at most so long; whether it has ended.
    pub(super) fn ends_within(&mut self, limit: Duration) -> Result<bool> {
        self.waits(limit, |_| false)
    }

    /// Waits until something was told, or its end, at most so long; whether it has ended.
    pub(super) fn waits(&mut self, limit: Duration, enough: impl Fn(&Log) -> bool) -> Result<bool> {
        let end = Instant::now() + limit;
        process::until("a moment", limit + Duration::from_secs(1), || {
            self.look();
            let has_ended = self.running.ended()?.is_some();
            let is_over = has_ended || Instant::now() >= end || enough(&self.log);
            Ok(is_over.then_some(has_ended))
        })
    }

    /// Ends it at once; all that it told.
    pub(super) fn kill(mut self) -> Result<Log> {
        self.look();
        self.running.kill()?;
        self.rest()
    }

    /// Waits until it has ended well; all that it told.
    pub(super) fn finish(mut self, limit: Duration) -> Result<Log> {
        ensure!(self.ends_within(limit)?, "a download took more than {} s", limit.as_secs());
        let (code, log) = self.end()?;
        ensure!(code == Some(0), "a download ended with {code:?}: {}", log.complaint());
        Ok(log)
    }

    /// The exit code of one that has ended, if it has one, and all that it told.
    pub(super) fn end(mut self) -> Result<(Option<i32>, Log)> {
        let status = self.running.ended()?.context("it hasn't ended")?;
        Ok((status.code(), self.rest()?))
    }

    fn look(&mut self) {
        self.log.events.extend(self.lines.try_iter());
        let peak = watch::peak_bytes(self.running.pid());
        self.log.peak_bytes = self.log.peak_bytes.max(peak.unwrap_or_default());
    }

    /// What it told to its end, with its memory under its cap.
    fn rest(mut self) -> Result<Log> {
        self.log.events.extend(self.lines.iter());
        let (peak, most) = (self.log.peak_bytes, self.most_bytes);
        ensure!(peak <= most, "{peak} bytes of memory were in use, of {most}");
        Ok(self.log)
    }
}

impl Log {
    /// The events of a kind.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().map(|(_, event)| event).filter(move |event| event["event"] == name)
    }

    /// Pieces that were there at its start, once it knows.
    pub(super) fn at_start(&self) -> Option<usize> {
        let pieces = self.named("checked").next()?["pieces_have"].as_u64()?;
        usize::try_from(pieces).ok()
    }

    /// Pieces that came.
    pub(super) fn came(&self) -> usize {
        self.named("piece").count()
    }

    /// Pieces that are there.
    pub(super) fn have(&self) -> usize {
        self.at_start().unwrap_or_default() + self.came()
    }

    /// Pieces that came within so long of its end.
    pub(super) fn came_lately(&self, within: Duration) -> usize {
        let Some(end) = self.events.last().map(|(at, _)| *at) else { return 0 };
        let late = self.events.iter().rev().take_while(|(at, _)| end - *at <= within);
        late.filter(|(_, event)| event["event"] == "piece").count()
    }

    /// Its last statistics.
    pub(super) fn stats(&self) -> Result<&Value> {
        let done = self.named("done").last().context("it told no end")?;
        Ok(&done["torrents"][0])
    }

    /// The last thing that it told of a trouble.
    fn complaint(&self) -> String {
        let trouble = ["storage_failed", "tracker_failed", "dial_failed"];
        let told = trouble.iter().find_map(|name| self.named(name).last());
        told.map_or_else(|| "no complaint".to_owned(), Value::to_string)
    }
}
