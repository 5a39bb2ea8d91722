//! Seeders that register their whole list of torrents, and withdraw it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
    sync::Arc,
    time::Instant,
};

use axum::{
    Extension,
    body::Body,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use gannet_core::{
    announce::AnnounceEvent,
    id::{InfoHash, PeerId},
};
use serde::{Deserialize, Serialize};

use super::{
    ApiError, ApiState, body,
    config::{MAX_LEECHERS_PER_REGISTRATION, MAX_LEECHERS_PER_TORRENT, MAX_REGISTRATION_BYTES},
    json, listing, query,
    registry::TorrentList,
};
use crate::tracker::{Answer, Presence, metrics::Refusal};

/// Forty hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "&str")]
struct Digits([u8; 20]);

impl TryFrom<&str> for Digits {
    type Error = &'static str;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        let hash = text.parse::<InfoHash>().ok().filter(|_| text.len() == 40);
        hash.map(|hash| Self(*hash.as_bytes())).ok_or("expected 40 hexadecimal digits")
    }
}

#[derive(Debug, Deserialize)]
struct Request {
    peer_id: Digits,
    port: NonZeroU16,
    torrents: Vec<Digits>,
}

#[derive(Debug, Default, Serialize)]
struct Registered {
    interval_seconds: u32,
    /// How many are in their swarms now.
    torrents: usize,
    /// Those that aren't on the allow list, or for which there was no room.
    refused: Vec<InfoHash>,
    /// Leechers to connect to, by torrent.
    peers: BTreeMap<InfoHash, Vec<SocketAddr>>,
}

pub(super) async fn register(
    State(state): State<Arc<ApiState>>,
    Extension(addr): Extension<SocketAddr>,
    body: Body,
) -> Result<Response, ApiError> {
    let registered = match state.rate.check(addr.ip()) {
        Ok(()) => {
            let body = body::read(body, MAX_REGISTRATION_BYTES).await;
            let body = body.map_err(|error| state.refused(error))?;
            in_turn(&state, move |state| state.take_in(addr.ip(), &body)).await
        }
        Err(error) => {
            body::drain(body).await;
            Err(error)
        }
    };
    registered.map(|registered| json(&registered)).map_err(|error| state.refused(error))
}

pub(super) async fn withdraw(
    State(state): State<Arc<ApiState>>,
    Extension(addr): Extension<SocketAddr>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, ApiError> {
    let refused = |error| state.refused(error);
    let Path(text) = path.map_err(|_| refused(ApiError::Path))?;
    let id = Digits::try_from(text.as_str()).map_err(|_| refused(ApiError::PeerId))?;
    let port = query::read_port(&query.unwrap_or_default());
    let port = port.map_err(|error| refused(error.into()))?;
    state.rate.check(addr.ip()).map_err(refused)?;
    let addr = SocketAddr::new(addr.ip().to_canonical(), port);
    let withdrawn = in_turn(&state, move |state| state.take_out(addr, PeerId::new(id.0))).await;
    withdrawn.map(|()| StatusCode::NO_CONTENT).map_err(refused)
}

/// Does long work on a blocking thread, after all that came before: even if the client has gone.
async fn in_turn<T: Send + 'static>(
    state: &Arc<ApiState>,
    work: impl FnOnce(&ApiState) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let turn = Arc::clone(&state.registering).acquire_owned().await;
    let turn = turn.map_err(|_| ApiError::Stopping)?;
    let state = Arc::clone(state);
    let work = move || {
        let _turn = turn;
        work(&state)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Stopping)?
}

impl ApiState {
    fn take_in(&self, ip: IpAddr, body: &[u8]) -> Result<Registered, ApiError> {
        let request: Request = serde_json::from_slice(body)?;
        let (count, max) = (request.torrents.len(), self.config.max_torrents_per_seeder);
        if count > max {
            return Err(ApiError::TooManyTorrents { count, max });
        }
        let addr = SocketAddr::new(ip.to_canonical(), request.port.get());
        let (torrents, refused) = self.sort_out(request.torrents);
        let (now, peer_id) = (Instant::now(), PeerId::new(request.peer_id.0));
        let before = match torrents.is_empty() {
            true => self.registry.forget(addr),
            false => self.registry.register(now, addr, peer_id, Arc::clone(&torrents))?,
        };
        let before = before.unwrap_or_else(|| self.known_elsewhere(now, addr));
        let gone = before.iter().filter(|hash| torrents.binary_search(hash).is_err());
        gone.for_each(|hash| self.leave(now, addr, hash));
        let mut registered = self.join(now, addr, &torrents, &before);
        registered.refused.extend(refused);
        self.desk.counters.api.latency.observe(now.elapsed().as_secs_f64());
        Ok(registered)
    }

    fn take_out(&self, addr: SocketAddr, peer_id: PeerId) -> Result<(), ApiError> {
        let now = Instant::now();
        let torrents = match self.registry.withdraw(addr, &peer_id) {
            Some(torrents) => torrents,
            None => self.known_elsewhere(now, addr),
        };
        if torrents.is_empty() {
            return Err(ApiError::NotRegistered);
        }
        torrents.iter().for_each(|hash| self.leave(now, addr, hash));
        Ok(())
    }

    /// Parts torrents that are served, in order and each once, from those that aren't.
    fn sort_out(&self, torrents: Vec<Digits>) -> (TorrentList, Vec<InfoHash>) {
        let mut torrents: Vec<_> = torrents.into_iter().map(|it| InfoHash::new(it.0)).collect();
        torrents.sort_unstable();
        torrents.dedup();
        let is_served = |hash: &InfoHash| self.desk.allow_list.permits(hash);
        let (served, refused): (Vec<_>, Vec<_>) = torrents.into_iter().partition(is_served);
        let refusals = self.desk.counters.api.refusals(Refusal::NotAllowed);
        refusals.inc_by(refused.len() as u64);
        (served.into(), refused)
    }

    /// What a seeder has that may have registered with another instance: the swarms tell.
    fn known_elsewhere(&self, now: Instant, addr: SocketAddr) -> TorrentList {
        match self.config.is_shared {
            true => listing::holdings(&self.desk.store, now, addr),
            false => TorrentList::default(),
        }
    }

    fn leave(&self, now: Instant, addr: SocketAddr, info_hash: &InfoHash) {
        let presence = seeder(addr, *info_hash, AnnounceEvent::Stopped, 0);
        // Only who comes may find no room.
        let _ = self.desk.store.announce(now, &presence);
        self.desk.counters.api.announces(AnnounceEvent::Stopped).inc();
    }

    /// Puts a seeder into the swarms. It is told of leechers, beginning with any of its torrents:
    /// there may be more leechers than are told at once.
    fn join(
        &self,
        now: Instant,
        addr: SocketAddr,
        torrents: &[InfoHash],
        before: &[InfoHash],
    ) -> Registered {
        let interval_seconds = self.desk.interval_seconds().0;
        let mut registered = Registered { interval_seconds, ..Registered::default() };
        let (end, start) = torrents.split_at(fastrand::usize(..=torrents.len()));
        let (mut room, mut answer) = (MAX_LEECHERS_PER_REGISTRATION, Answer::default());
        for hash in start.iter().chain(end) {
            let wanted = MAX_LEECHERS_PER_TORRENT.min(room as u32);
            let presence = seeder(addr, *hash, AnnounceEvent::None, wanted);
            if self.desk.store.announce_into(now, &presence, &mut answer).is_err() {
                self.desk.counters.api.refusals(Refusal::Full).inc();
                registered.refused.push(*hash);
                continue;
            }
            self.count(before.binary_search(hash).is_err());
            registered.torrents += 1;
            room -= answer.peers.len().min(room);
            if !answer.peers.is_empty() {
                registered.peers.insert(*hash, answer.peers.clone());
            }
        }
        registered
    }

    fn count(&self, is_new: bool) {
        let event = if is_new { AnnounceEvent::Started } else { AnnounceEvent::None };
        self.desk.counters.api.announces(event).inc();
    }
}

fn seeder(addr: SocketAddr, info_hash: InfoHash, event: AnnounceEvent, num_want: u32) -> Presence {
    Presence { info_hash, ip: addr.ip(), port: addr.port(), is_seed: true, event, num_want }
}
