//! What `-v` says of each event.

use std::time::Duration;

use gannet_core::{
    event::{News, PeerIntroduction},
    stats::{PieceReport, TorrentState},
};

use crate::format;

/// A line for a person; `None` where there is nothing to say. Not escaped yet.
pub(super) fn line(news: &News) -> Option<String> {
    Some(match news {
        News::State(state) => format!("state: {}", named(*state)),
        News::Metadata(info) => {
            let layout = info.layout();
            let size = format::bytes(layout.total_length());
            format!("metadata: {size} in {} pieces", layout.piece_count())
        }
        News::Checked { pieces_have } => format!("checked: {pieces_have} pieces are good"),
        News::PeerJoined(peer) => joined(peer),
        News::PeerHas { addr, pieces } => format!("peer {addr} has {pieces} pieces"),
        News::PeerLeft { addr, why } => format!("peer {addr} left: {why}"),
        News::DialFailed { addr, reason, retry_in } => {
            format!("peer {addr} can't be reached: {reason}{}", again(*retry_in))
        }
        News::SourceLeft { name, why } => format!("source {name} left: {why}"),
        News::Banned { name } => format!("banned {name}: it sent corrupt data"),
        News::PieceDone(report) => piece(report, "done"),
        News::PieceFailed(report) => piece(report, "failed: bad hash"),
        News::Retry { piece, name, failure, delay } => {
            format!("piece {piece}: {name} {failure}{}", again(Some(*delay)))
        }
        News::TrackerAnswered { url, seeders, leechers, warning, .. } => {
            answered(url, *seeders, *leechers, warning.as_deref())
        }
        News::TrackerPeers { url, peers } => {
            format!("tracker {url}: named {}", format::count(peers.len() as u64, "peer", "peers"))
        }
        News::TrackerFailed { url, error } => format!("tracker {url}: {error}"),
        News::StorageFailed(error) => error.to_string(),
        News::StorageRecovered => "the disk works again".to_owned(),
        News::Finished => "finished".to_owned(),
        News::Removed => "stopped".to_owned(),
        News::Read { .. } | News::ResultReady => return None,
    })
}

fn named(state: TorrentState) -> &'static str {
    match state {
        TorrentState::Metadata => "fetching metadata",
        TorrentState::Checking => "checking",
        TorrentState::Downloading => "downloading",
        TorrentState::Seeding => "seeding",
        TorrentState::Paused => "paused",
        TorrentState::StorageError => "waiting for the disk",
    }
}

fn answered(
    url: &str,
    seeders: Option<u32>,
    leechers: Option<u32>,
    warning: Option<&str>,
) -> String {
    let count = |count: Option<u32>| count.map_or("?".to_owned(), |count| count.to_string());
    let warning = warning.map_or(String::new(), |warning| format!("; {warning}"));
    format!("tracker {url}: {} seeders, {} leechers{warning}", count(seeders), count(leechers))
}

fn joined(peer: &PeerIntroduction) -> String {
    let client = peer.client.as_deref().unwrap_or("unnamed client");
    let direction = if peer.outgoing { "to" } else { "from" };
    format!("connected {direction} {}: {client} ({})", peer.addr, peer.peer_id)
}

fn piece(report: &PieceReport, what: &str) -> String {
    format!(
        "piece {} {what}: {} in {} from {}",
        report.piece,
        format::bytes(report.bytes.into()),
        format::latency(report.micros),
        report.from.join(", "),
    )
}

fn again(after: Option<Duration>) -> String {
    after.map_or(String::new(), |after| format!("; again in {}", format::duration(after)))
}
