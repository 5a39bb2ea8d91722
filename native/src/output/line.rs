//! How a torrent is doing, in a line.

use gannet_core::stats::{TorrentState, TorrentStats};

use crate::format;

/// What is done, and what there is to do, in the unit of the present state.
pub(super) fn progress(stats: &TorrentStats) -> (u64, u64) {
    match stats.state {
        TorrentState::Checking => (stats.pieces_checked.into(), stats.pieces.into()),
        _ => (stats.have_bytes, stats.wanted_bytes),
    }
}

/// Percent, bytes, rate, time left and peers, or what is being done instead of downloading.
pub(super) fn status(stats: &TorrentStats) -> String {
    let peers = format::count(stats.peers_connected.into(), "peer", "peers");
    let (done, whole) = progress(stats);
    let percent = format::percent(done, whole);
    match stats.state {
        TorrentState::Metadata => format!("fetching metadata  {peers}"),
        TorrentState::Checking => format!("checking {percent}"),
        TorrentState::Paused => format!("paused at {percent}"),
        TorrentState::StorageError => format!("{percent}  waiting for the disk  {peers}"),
        TorrentState::Seeding => format!(
            "seeding  up {}  {} sent  {peers}",
            format::rate(stats.upload_bytes_per_second),
            format::bytes(stats.uploaded_bytes),
        ),
        TorrentState::Downloading => format!(
            "{percent}  {} of {}  {}  {}  {peers}",
            format::bytes(done),
            format::bytes(whole),
            format::rate(stats.download_bytes_per_second),
            stats.eta_seconds.map_or("stalled".to_owned(), |left| {
                format!("{} left", format::estimate(left))
            }),
        ),
    }
}
