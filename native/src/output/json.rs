//! Events as JSON, one object a line. Every object has `schema`, `event` and, where it is about one
//! torrent, `info_hash`.

use gannet_core::{
    event::News,
    id::InfoHash,
    stats::{PieceReport, STATS_SCHEMA, TorrentStats},
};
use serde_json::{Map, Value, json};

/// One line.
pub(super) fn line(event: &str, info_hash: Option<InfoHash>, fields: Value) -> String {
    let mut line = Map::new();
    line.insert("schema".into(), STATS_SCHEMA.into());
    line.insert("event".into(), event.into());
    if let Some(info_hash) = info_hash {
        line.insert("info_hash".into(), info_hash.to_string().into());
    }
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    Value::Object(line).to_string() + "\n"
}

/// The statistics of one torrent.
pub(super) fn stats(stats: &TorrentStats) -> String {
    line("stats", stats.info_hash, json!({ "stats": stats }))
}

/// The last statistics of all torrents: what `--stats` writes.
pub(super) fn document(torrents: &[TorrentStats]) -> Value {
    json!({ "schema": STATS_SCHEMA, "torrents": torrents })
}

/// The name and the fields of an event; `None` for what only this program is told.
pub(super) fn event(news: &News) -> Option<(&'static str, Value)> {
    let about = [about_torrent, about_tracker, about_peer, about_transfer];
    about.into_iter().find_map(|about| about(news))
}

fn about_torrent(news: &News) -> Option<(&'static str, Value)> {
    Some(match news {
        News::State(state) => ("state", json!({ "state": state })),
        News::Metadata(info) => (
            "metadata",
            json!({
                "name": info.name(),
                "total_bytes": info.layout().total_length(),
                "pieces": info.layout().piece_count(),
            }),
        ),
        News::Checked { pieces_have } => ("checked", json!({ "pieces_have": pieces_have })),
        News::StorageFailed(error) => ("storage_failed", json!({ "error": error.to_string() })),
        News::StorageRecovered => ("storage_recovered", json!({})),
        News::Finished => ("finished", json!({})),
        News::Removed => ("removed", json!({})),
        _ => return None,
    })
}

fn about_tracker(news: &News) -> Option<(&'static str, Value)> {
    Some(match news {
        News::TrackerAnswered { url, event, seeders, leechers, warning } => (
            "tracker",
            json!({
                "url": url,
                "announced": format!("{event:?}").to_lowercase(),
                "seeders": seeders,
                "leechers": leechers,
                "warning": warning,
            }),
        ),
        News::TrackerPeers { url, peers } => {
            ("tracker_peers", json!({ "url": url, "peers": peers }))
        }
        News::TrackerFailed { url, error } => {
            ("tracker_failed", json!({ "url": url, "error": error.to_string() }))
        }
        _ => return None,
    })
}

fn about_peer(news: &News) -> Option<(&'static str, Value)> {
    Some(match news {
        News::PeerJoined(peer) => (
            "peer",
            json!({
                "addr": peer.addr,
                "outgoing": peer.outgoing,
                "peer_id": peer.peer_id.to_string(),
                "client": peer.client,
                "fast": peer.fast,
                "extended": peer.extended,
                "metadata": peer.metadata,
            }),
        ),
        News::PeerHas { addr, pieces } => ("peer_has", json!({ "addr": addr, "pieces": pieces })),
        News::PeerLeft { addr, why } => {
            ("peer_left", json!({ "addr": addr, "why": why.to_string() }))
        }
        News::DialFailed { addr, reason, retry_in } => (
            "dial_failed",
            json!({
                "addr": addr,
                "reason": reason.to_string(),
                "retry_in_seconds": retry_in.map(|retry| retry.as_secs_f64()),
            }),
        ),
        News::Banned { name } => ("banned", json!({ "name": name })),
        News::SourceLeft { name, why } => ("source_left", json!({ "name": name, "why": why })),
        _ => return None,
    })
}

fn about_transfer(news: &News) -> Option<(&'static str, Value)> {
    Some(match news {
        News::PieceDone(report) => ("piece", piece(report)),
        News::PieceFailed(report) => ("piece_failed", piece(report)),
        News::Retry { piece, name, failure, delay } => (
            "retry",
            json!({
                "piece": piece,
                "name": name,
                "failure": failure.to_string(),
                "delay_seconds": delay.as_secs_f64(),
            }),
        ),
        _ => return None,
    })
}

fn piece(report: &PieceReport) -> Value {
    json!({
        "piece": report.piece,
        "bytes": report.bytes,
        "micros": report.micros,
        "from": report.from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_with_schema_and_event() {
        let hash = InfoHash::new([0xab; 20]);
        let news = News::Banned { name: "10.0.0.1:1\n".into() };
        let (name, fields) = event(&news).unwrap();
        let line = line(name, Some(hash), fields);
        assert_eq!(line.lines().count(), 1);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["schema"], 1);
        assert_eq!(read["event"], "banned");
        assert_eq!(read["info_hash"], hash.to_string());
        assert_eq!(read["name"], "10.0.0.1:1\n");
    }
}
