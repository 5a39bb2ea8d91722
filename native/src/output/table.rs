//! Tables on the terminal.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table, presets};
use gannet_core::{
    names::escape_for_terminal,
    stats::{PeerKind, PeerStats, TorrentStats},
};

use crate::format;

/// Where a column's content stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings, without lines around; content from strangers is escaped.
pub(crate) fn table<const N: usize>(
    columns: [(&str, Align); N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let cell = |text: &str, align| {
        Cell::new(escape_for_terminal(text)).set_alignment(match align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        })
    };
    table.set_header(columns.map(|(heading, align)| cell(heading, align)));
    for row in rows {
        table.add_row(row.iter().zip(columns).map(|(text, (_, align))| cell(text, align)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

/// One row a peer or source that took part.
pub(super) fn peers(stats: &TorrentStats) -> String {
    use Align::{Left, Right};
    table(
        [
            ("peer", Left),
            ("client", Left),
            ("pieces asked", Right),
            ("good", Right),
            ("failed", Right),
            ("down", Right),
            ("up", Right),
            ("latency", Right),
            ("rate", Right),
            ("score", Right),
        ],
        stats.peers.iter().map(peer_row),
    )
}

fn peer_row(peer: &PeerStats) -> [String; 10] {
    let marked = match (peer.banned, &peer.kind) {
        (true, _) => format!("{} (banned)", peer.name),
        (_, PeerKind::Incoming) => format!("{} (incoming)", peer.name),
        _ => peer.name.clone(),
    };
    [
        marked,
        peer.client.clone().unwrap_or_default(),
        peer.pieces_asked.to_string(),
        peer.pieces_good.to_string(),
        peer.pieces_failed.to_string(),
        format::bytes(peer.downloaded_bytes),
        format::bytes(peer.uploaded_bytes),
        peer.mean_latency_micros.map(format::latency).unwrap_or_default(),
        format::rate(peer.mean_download_bytes_per_second),
        peer.score.to_string(),
    ]
}

/// How long the transfer took: from the first request to the last piece.
pub(crate) fn transfer_seconds(stats: &TorrentStats) -> Option<f64> {
    let span = &stats.transfer;
    Some((span.end_seconds? - span.start_seconds?).max(0.0))
}

/// The totals under a torrent's table, a line each.
pub(super) fn totals(stats: &TorrentStats) -> String {
    let mut lines = vec![format!(
        "{} of {} ({} of {} pieces)",
        format::bytes(stats.have_bytes),
        format::bytes(stats.wanted_bytes),
        stats.pieces_have,
        stats.pieces_wanted,
    )];
    lines.push(match transfer_seconds(stats) {
        Some(seconds) if stats.downloaded_bytes > 0 => format!(
            "downloaded {} in {}, {} on average",
            format::bytes(stats.downloaded_bytes),
            format::seconds(seconds),
            format::rate(mean(stats.downloaded_bytes, seconds)),
        ),
        _ => format!("downloaded {}", format::bytes(stats.downloaded_bytes)),
    });
    lines.push(format!("uploaded {}", format::bytes(stats.uploaded_bytes)));
    lines.push(format!(
        "{}, {} corrupt, {} duplicate ({}), {}",
        format::count(stats.failed_pieces, "failed piece", "failed pieces"),
        format::bytes(stats.corrupt_bytes),
        format::bytes(stats.duplicate_bytes),
        format::percent(stats.duplicate_bytes, stats.downloaded_bytes.max(1)),
        format::count(stats.retries, "retry", "retries"),
    ));
    if let Some(seconds) = stats.last_percent_seconds {
        lines.push(format!("{} from 99 % to done", format::seconds(seconds)));
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn mean(bytes: u64, seconds: f64) -> u64 {
    let shortest = Duration::from_micros(1).as_secs_f64();
    (bytes as f64 / seconds.max(shortest)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_terminal_obeys_them() {
        let shown = table(
            [("name", Align::Left), ("size", Align::Right)],
            [["a".to_owned(), "1000".to_owned()], ["\x1b[2Jlong".to_owned(), "1".to_owned()]],
        );
        assert!(!shown.contains('\x1b'), "{shown:?}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("a ") && lines[1].ends_with("1000"), "{shown}");
        assert!(lines[2].ends_with("   1"), "{shown}");
    }
}
