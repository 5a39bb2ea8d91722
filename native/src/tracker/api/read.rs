//! What can be read: the tracker itself, totals, torrents, seeders.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    response::Response,
};
use gannet_core::{announce::ScrapeEntry, id::InfoHash, magnet::Magnet};
use serde::Serialize;

use super::{
    ApiError, ApiState,
    catalogue::Published,
    config::MAX_SHOWN_PEERS,
    json,
    listing::{SeederRow, TorrentRow},
    query,
};
use crate::tracker::PeerView;

type Shared = State<Arc<ApiState>>;
type Answer = Result<Response, ApiError>;

#[derive(Serialize)]
struct About<'s> {
    name: &'static str,
    version: &'static str,
    api: u32,
    interval_seconds: u32,
    register: bool,
    max_torrents_per_seeder: usize,
    publish: bool,
    read: &'static str,
    announce: &'s [String],
}

/// What this tracker is, and what it lets a client do. Needs no token.
pub(super) async fn about(State(state): Shared) -> Response {
    json(&About {
        name: "gannet",
        version: env!("CARGO_PKG_VERSION"),
        api: 1,
        interval_seconds: state.desk.interval_seconds().0,
        register: true,
        max_torrents_per_seeder: state.config.max_torrents_per_seeder,
        publish: state.config.publish_token.is_some(),
        read: if state.config.read_token.is_some() { "token" } else { "open" },
        announce: &state.config.announce_urls,
    })
}

#[derive(Serialize)]
struct TotalsView {
    torrents: usize,
    seeders: usize,
    leechers: usize,
    published: usize,
    registered_seeders: usize,
    uptime_seconds: u64,
}

pub(super) async fn totals(State(state): Shared) -> Response {
    let totals = state.desk.store.totals();
    json(&TotalsView {
        torrents: totals.torrents,
        seeders: totals.seeders,
        leechers: totals.leechers,
        published: state.catalogue.len(),
        registered_seeders: state.registry.len(),
        uptime_seconds: state.started.elapsed().as_secs(),
    })
}

#[derive(Serialize)]
struct TorrentView {
    info_hash: InfoHash,
    name: Option<String>,
    total_bytes: Option<u64>,
    seeders: u32,
    leechers: u32,
    downloaded: u32,
    torrent: Option<String>,
    magnet: String,
}

impl ApiState {
    fn torrent_view(
        &self,
        info_hash: InfoHash,
        entry: ScrapeEntry,
        published: Option<&Published>,
    ) -> TorrentView {
        let name = published.map(|published| published.name.clone());
        let magnet = Magnet {
            name: name.clone(),
            trackers: self.config.announce_urls.clone(),
            ..Magnet::new(info_hash)
        };
        TorrentView {
            info_hash,
            name,
            total_bytes: published.map(|published| published.total_bytes),
            seeders: entry.complete,
            leechers: entry.incomplete,
            downloaded: entry.downloaded,
            torrent: published.map(Published::path),
            magnet: magnet.to_string(),
        }
    }
}

#[derive(Serialize)]
struct TorrentsView {
    total: usize,
    torrents: Vec<TorrentView>,
}

pub(super) async fn torrents(State(state): Shared, RawQuery(query): RawQuery) -> Answer {
    let (view, page) = query::read(&query.unwrap_or_default())?;
    let listing = state.torrents(view).await?;
    let view =
        |row: &TorrentRow| state.torrent_view(row.info_hash, row.entry, row.published.as_deref());
    let rows = page.of(listing.order()).map(|&place| view(listing.row(place)));
    Ok(json(&TorrentsView { total: listing.len(), torrents: rows.collect() }))
}

#[derive(Serialize)]
struct PeerRow {
    addr: SocketAddr,
    heard_seconds: u64,
}

#[derive(Serialize)]
struct Peers {
    seeders: Vec<PeerRow>,
    leechers: Vec<PeerRow>,
}

#[derive(Serialize)]
struct OneTorrent {
    #[serde(flatten)]
    torrent: TorrentView,
    peers: Peers,
}

pub(super) async fn torrent(
    State(state): Shared,
    path: Result<Path<String>, PathRejection>,
) -> Answer {
    let Path(text) = path.map_err(|_| ApiError::Path)?;
    let info_hash: InfoHash = text.parse()?;
    let published = state.catalogue.of_torrent(&info_hash);
    let swarm = state.desk.store.swarm_of(Instant::now(), &info_hash, MAX_SHOWN_PEERS);
    if published.is_none() && swarm.is_none() {
        return Err(ApiError::UnknownTorrent);
    }
    let (entry, peers) = swarm.map(|swarm| (swarm.entry, swarm.peers)).unwrap_or_default();
    let (seeders, leechers): (Vec<_>, Vec<_>) = peers.into_iter().partition(|peer| peer.is_seed);
    let rows = |peers: Vec<PeerView>| {
        let row =
            |peer: PeerView| PeerRow { addr: peer.addr, heard_seconds: peer.heard_ago.as_secs() };
        peers.into_iter().map(row).collect()
    };
    Ok(json(&OneTorrent {
        torrent: state.torrent_view(info_hash, entry, published.as_deref()),
        peers: Peers { seeders: rows(seeders), leechers: rows(leechers) },
    }))
}

#[derive(Serialize)]
struct SeederView {
    addr: SocketAddr,
    peer_id: Option<String>,
    client: Option<String>,
    torrents: u32,
    heard_seconds: u32,
}

#[derive(Serialize)]
struct SeedersView {
    total: usize,
    seeders: Vec<SeederView>,
}

impl ApiState {
    fn seeder_view(&self, row: &SeederRow) -> SeederView {
        let peer_id = self.registry.peer_id(row.addr);
        SeederView {
            addr: row.addr,
            client: peer_id.and_then(|id| id.client()),
            peer_id: peer_id.map(|id| InfoHash::new(*id.as_bytes()).to_string()),
            torrents: row.torrents,
            heard_seconds: row.heard_seconds,
        }
    }
}

pub(super) async fn seeders(State(state): Shared, RawQuery(query): RawQuery) -> Answer {
    let (view, page) = query::read(&query.unwrap_or_default())?;
    let listing = state.seeders(view).await?;
    let rows = page.of(listing.order()).map(|&place| state.seeder_view(listing.row(place)));
    Ok(json(&SeedersView { total: listing.len(), seeders: rows.collect() }))
}

#[derive(Serialize)]
struct OneSeeder {
    addr: SocketAddr,
    peer_id: Option<String>,
    client: Option<String>,
    total: usize,
    torrents: Vec<TorrentView>,
}

/// One seeder and its torrents, in the order of their info hashes.
pub(super) async fn seeder(
    State(state): Shared,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    let Path(text) = path.map_err(|_| ApiError::Path)?;
    let addr: SocketAddr = text.parse().map_err(|_| ApiError::Address)?;
    let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
    let page = query::read_page(&query.unwrap_or_default())?;
    let hashes = state.holdings(addr).await?;
    if hashes.is_empty() {
        return Err(ApiError::UnknownSeeder);
    }
    let view = |&info_hash: &InfoHash| {
        let published = state.catalogue.of_torrent(&info_hash);
        state.torrent_view(info_hash, state.desk.scrape(&info_hash), published.as_deref())
    };
    let row = SeederRow { addr, torrents: 0, heard_seconds: 0 };
    let SeederView { addr, peer_id, client, .. } = state.seeder_view(&row);
    let torrents = page.of(&hashes).map(view).collect();
    Ok(json(&OneSeeder { addr, peer_id, client, total: hashes.len(), torrents }))
}
