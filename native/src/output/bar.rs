//! Progress bars on a terminal.

use std::{io::IsTerminal, time::Duration};

use gannet_core::{names::escape_for_terminal, stats::TorrentStats};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line;
use crate::format;

/// The longest name in front of a bar, in characters.
const MAX_NAME_CHARS: usize = 28;

/// A bar a torrent.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    /// Bars on standard error, if that is a terminal.
    pub(super) fn on_terminal() -> Option<Self> {
        let is_terminal = std::io::stderr().is_terminal();
        is_terminal.then(|| Self { all: MultiProgress::new(), bars: Vec::new() })
    }

    pub(super) fn add(&mut self) {
        let bar = ProgressBar::new(0).with_style(style("{prefix} {wide_bar:.cyan/blue} {msg}"));
        self.bars.push(self.all.add(bar));
    }

    pub(super) fn update(&self, torrent: usize, name: &str, stats: &TorrentStats) {
        let Some(bar) = self.bars.get(torrent) else { return };
        let (done, whole) = line::progress(stats);
        bar.set_prefix(shortened(&escape_for_terminal(name)));
        bar.set_length(whole);
        bar.set_position(done);
        bar.set_message(line::status(stats));
    }

    /// Prints above the bars.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    /// Leaves the terminal as it was.
    pub(super) fn clear(&self) {
        self.bars.iter().for_each(ProgressBar::finish_and_clear);
        // If the terminal has gone there is nothing to clear.
        let _ = self.all.clear();
    }
}

/// A bar for work that counts bytes on its own: hashing. None if standard error is no terminal.
pub(crate) fn counting(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.set_prefix(what);
    bar.set_style(style("{prefix} {wide_bar:.cyan/blue} {msg}"));
    bar.set_message(message(0, total, Duration::ZERO));
    bar
}

/// A bar that nobody sees.
pub(crate) fn hidden() -> ProgressBar {
    ProgressBar::hidden()
}

/// Moves a bar of [`counting`].
pub(crate) fn count_to(bar: &ProgressBar, done: u64) {
    bar.set_position(done);
    bar.set_message(message(done, bar.length().unwrap_or(0), bar.elapsed()));
}

fn message(done: u64, total: u64, elapsed: Duration) -> String {
    let rate = (done as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    format!(
        "{} of {}  {}",
        format::percent(done, total),
        format::bytes(total),
        format::rate(if done == 0 { 0 } else { rate }),
    )
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME_CHARS) {
        Some(_) => name.chars().take(MAX_NAME_CHARS - 1).chain(['…']).collect(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_leaves_room_for_the_bar() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"ü".repeat(100)).chars().count(), MAX_NAME_CHARS);
    }
}
