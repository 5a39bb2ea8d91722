//! Keeps the client inside in the swarms of the tracker inside, and hears from it who else is there.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use gannet_core::{announce::AnnounceEvent, id::InfoHash, stats::TorrentState};
use tokio::time::sleep;

use super::downloads::Downloads;
use crate::tracker::{Inside, Presence};

/// How often: it costs nothing, and a peer that came is met soon.
const PERIOD: Duration = Duration::from_secs(10);
/// Peers to hear of, for what isn't whole yet.
const NUM_WANT: u32 = 50;

/// Announces whatever there is at `port`, for ever.
pub(super) async fn keep(downloads: Arc<Downloads>, tracker: Inside, port: u16) {
    let mut known = BTreeSet::new();
    loop {
        let now = announce_all(&downloads, &tracker, port, &known).await;
        for info_hash in known.difference(&now) {
            say(&tracker, presence(&tracker, *info_hash, port, AnnounceEvent::Stopped));
        }
        known = now;
        tokio::select! {
            () = downloads.changed() => {}
            () = sleep(PERIOD) => {}
        }
    }
}

/// Announces all that run; which they are.
async fn announce_all(
    downloads: &Downloads,
    tracker: &Inside,
    port: u16,
    known: &BTreeSet<InfoHash>,
) -> BTreeSet<InfoHash> {
    let mut running = BTreeSet::new();
    for (info_hash, torrent) in downloads.torrents() {
        let Ok(stats) = torrent.stats().await else { continue };
        if stats.state == TorrentState::Paused {
            continue;
        }
        running.insert(info_hash);
        let event = match known.contains(&info_hash) {
            true => AnnounceEvent::None,
            false => AnnounceEvent::Started,
        };
        let is_seed = stats.state == TorrentState::Seeding;
        let presence = presence(tracker, info_hash, port, event);
        // Seeders wait to be asked: leechers look for them.
        let num_want = if is_seed { 0 } else { NUM_WANT };
        for peer in say(tracker, Presence { is_seed, num_want, ..presence }) {
            // A torrent that has gone meanwhile needs no peers.
            let _ = torrent.add_peer(peer).await;
        }
    }
    running
}

fn presence(tracker: &Inside, info_hash: InfoHash, port: u16, event: AnnounceEvent) -> Presence {
    Presence { info_hash, ip: tracker.ip(), port, is_seed: false, event, num_want: 0 }
}

/// The peers that are named in answer.
fn say(tracker: &Inside, presence: Presence) -> Vec<std::net::SocketAddr> {
    match tracker.announce(&presence) {
        Ok(answer) => answer.peers,
        Err(error) => {
            tracing::warn!(%error, "our own tracker doesn't take us");
            Vec::new()
        }
    }
}
