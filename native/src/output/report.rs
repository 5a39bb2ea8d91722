//! Tells the user, in the way asked for, how torrents are doing.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use gannet_core::{event::News, id::InfoHash, stats::TorrentStats, storage::StorageError};
use serde_json::json;

use super::{Existing, bar::Bars, json, line, log, note, print, table, write_file};
use crate::{
    cli::ReportArgs,
    exit::{self, Exit, Failure},
    format,
};

/// How often bars move.
const BAR_PERIOD: Duration = Duration::from_millis(200);
/// How often `--json` prints statistics.
const JSON_PERIOD: Duration = Duration::from_secs(1);
/// How often a plain line is printed.
const LINE_PERIOD: Duration = Duration::from_secs(5);

/// How the run ended.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    /// What the process will end with.
    pub(crate) exit: Exit,
    /// Where each torrent stands.
    pub(crate) torrents: &'a [TorrentStats],
}

/// Tells the user, in the way asked for, how torrents are doing.
#[derive(Debug)]
pub(crate) struct Report {
    style: Style,
    stats: Option<PathBuf>,
    verbose: bool,
    started: Instant,
    told: Instant,
    torrents: Vec<Named>,
    /// Trackers whose failure was told already.
    failed_trackers: BTreeSet<String>,
}

#[derive(Debug)]
struct Named {
    name: String,
    info_hash: InfoHash,
    /// What was told of its disk last.
    trouble: Option<StorageError>,
}

#[derive(Debug)]
enum Style {
    Json,
    Quiet,
    Lines,
    Bars(Bars),
}

impl Report {
    /// A report in the way the flags ask for.
    pub(crate) fn new(args: &ReportArgs) -> Self {
        let style = match (args.json, args.quiet) {
            (true, _) => Style::Json,
            (_, true) => Style::Quiet,
            _ => Bars::on_terminal().map_or(Style::Lines, Style::Bars),
        };
        Self {
            style,
            stats: args.stats.clone(),
            verbose: args.verbose,
            started: Instant::now(),
            told: Instant::now(),
            torrents: Vec::new(),
            failed_trackers: BTreeSet::new(),
        }
    }

    /// How often [`Self::stats`] wants to hear of each torrent.
    pub(crate) fn period(&self) -> Duration {
        if matches!(self.style, Style::Bars(_)) { BAR_PERIOD } else { JSON_PERIOD }
    }

    /// Takes a torrent in; torrents are numbered in the order of these calls.
    pub(crate) fn add(&mut self, name: &str, info_hash: InfoHash) {
        self.torrents.push(Named { name: name.to_owned(), info_hash, trouble: None });
        if let Style::Bars(bars) = &mut self.style {
            bars.add();
        }
    }

    /// Something that a person should know, on standard error.
    pub(crate) fn note(&self, text: &str) {
        match &self.style {
            Style::Json | Style::Quiet => {}
            Style::Lines => note(text),
            Style::Bars(bars) => bars.aside(|| note(text)),
        }
    }

    /// Something that went wrong, on standard error however quiet it shall be.
    pub(crate) fn complain(&self, text: &str) {
        let text = format!("gannet: {text}");
        match &self.style {
            Style::Bars(bars) => bars.aside(|| note(text)),
            _ => note(text),
        }
    }

    /// A line of its own for a program, nothing for a person.
    pub(crate) fn json(&self, torrent: usize, event: &str, fields: serde_json::Value) {
        if let Style::Json = self.style {
            let info_hash = self.torrents.get(torrent).map(|named| named.info_hash);
            // The torrents go on even if nobody reads any more.
            let _ = print(json::line(event, info_hash, fields));
        }
    }

    /// Tells of an event.
    pub(crate) fn news(&mut self, torrent: usize, news: &News) {
        if let News::Metadata(info) = news
            && let Some(named) = self.torrents.get_mut(torrent)
        {
            named.name = info.name().to_owned();
        }
        if let (News::StorageRecovered, Some(named)) = (news, self.torrents.get_mut(torrent)) {
            named.trouble = None;
        }
        if let Style::Json = self.style
            && let Some((event, fields)) = json::event(news)
        {
            self.json(torrent, event, fields);
        }
        match news {
            News::StorageFailed(error) => self.storage_failed(torrent, error),
            _ if self.verbose => self.log(torrent, news),
            News::StorageRecovered => self.note("the disk works again"),
            News::TrackerFailed { url, error } if self.failed_trackers.insert(url.clone()) => {
                self.note(&format!("tracker {url}: {error}"));
            }
            _ => {}
        }
    }

    /// The disk is tried again and again; that it fails is told once.
    fn storage_failed(&mut self, torrent: usize, error: &StorageError) {
        let Some(named) = self.torrents.get_mut(torrent) else { return };
        if named.trouble.replace(error.clone()).as_ref() != Some(error) {
            self.complain(&error.to_string());
        }
    }

    fn log(&self, torrent: usize, news: &News) {
        let Some(line) = log::line(news) else { return };
        let elapsed = self.started.elapsed().as_secs_f64();
        self.note(&match self.torrents.as_slice() {
            [_] => format!("{elapsed:8.3}  {line}"),
            all => format!("{elapsed:8.3}  {}: {line}", all[torrent].name),
        });
    }

    /// Shows how the torrents are doing, if it is time to.
    pub(crate) fn stats(&mut self, torrents: &[TorrentStats]) {
        let period = if matches!(self.style, Style::Lines) { LINE_PERIOD } else { self.period() };
        if self.told.elapsed() + BAR_PERIOD / 2 < period {
            return;
        }
        self.told = Instant::now();
        for (number, stats) in torrents.iter().enumerate() {
            let name = &self.torrents[number].name;
            match &self.style {
                Style::Quiet => {}
                Style::Json => drop(print(json::stats(stats))),
                Style::Lines => note(format!("{name}  {}", line::status(stats))),
                Style::Bars(bars) => bars.update(number, name, stats),
            }
        }
    }

    /// The last word: tables and totals, or the last line of JSON; and the file of `--stats`.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(crate) fn finish(self, ending: &Ending<'_>) -> Result<(), Failure> {
        if let Style::Bars(bars) = &self.style {
            bars.clear();
        }
        let elapsed = self.started.elapsed();
        match &self.style {
            Style::Quiet => {}
            Style::Json => print(json::line(
                "done",
                None,
                json!({
                    "exit_code": ending.exit.code(),
                    "seconds": elapsed.as_secs_f64(),
                    "torrents": ending.torrents,
                }),
            ))?,
            Style::Lines | Style::Bars(_) => {
                ending.torrents.iter().zip(&self.torrents).try_for_each(summary)?;
                print(format!("total time {}\n", format::duration(elapsed)))?;
            }
        }
        let Some(path) = &self.stats else { return Ok(()) };
        let text = json::document(ending.torrents).to_string() + "\n";
        let written = write_file(path, text.as_bytes(), Existing::Replace);
        exit::written(written, path.display())
    }
}

fn summary((stats, named): (&TorrentStats, &Named)) -> Result<(), Failure> {
    let name = gannet_core::names::escape_for_terminal(&named.name);
    let peers = if stats.peers.is_empty() { "no peers\n".to_owned() } else { table::peers(stats) };
    print(format!("\n{name}  {}\n{peers}{}", named.info_hash, table::totals(stats)))
}
