//! Lists of all torrents and all seeders: found by walking through all swarms, so each is made on
//! a blocking thread, once for all who ask within [`LISTING_LIFETIME`].

mod seeders;
mod torrents;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use gannet_core::id::InfoHash;
use tokio::sync::Semaphore;

pub(super) use self::{
    seeders::{SeederColumn, SeederRow, holdings},
    torrents::{TorrentColumn, TorrentRow},
};
use super::{
    ApiError, ApiState,
    cache::Cache,
    config::{LISTING_LIFETIME, MAX_LISTINGS},
    query::View,
};

/// Rows, in the order of a view.
#[derive(Debug, Clone)]
pub(super) struct Listing<T> {
    rows: Arc<[T]>,
    order: Arc<[u32]>,
}

impl<T> Listing<T> {
    /// The rows for which `is_found`, in the order of `compare`.
    fn new(
        rows: Arc<[T]>,
        mut is_found: impl FnMut(&T) -> bool,
        compare: impl Fn(&T, &T) -> std::cmp::Ordering,
    ) -> Self {
        let found = rows.iter().enumerate().filter(|(_, row)| is_found(row));
        // Torrents and peers are limited to far fewer than 2³².
        let mut order: Vec<u32> = found.map(|(at, _)| at as u32).collect();
        order.sort_unstable_by(|&a, &b| compare(&rows[a as usize], &rows[b as usize]));
        Self { rows, order: order.into() }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The places of the rows, in order.
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// The row at a place.
    pub(super) fn row(&self, place: u32) -> &T {
        &self.rows[place as usize]
    }
}

/// The lists that were made last.
#[derive(Debug)]
pub(super) struct Listings {
    torrents: Cache<(), Arc<[TorrentRow]>>,
    seeders: Cache<(), Arc<[SeederRow]>>,
    torrent_views: Cache<View<TorrentColumn>, Listing<TorrentRow>>,
    seeder_views: Cache<View<SeederColumn>, Listing<SeederRow>>,
    holdings: Cache<SocketAddr, Arc<[InfoHash]>>,
    /// One list is made at a time: the rest of the machine is for announces.
    turns: Arc<Semaphore>,
}

impl Listings {
    pub(super) fn new() -> Self {
        let lifetime = LISTING_LIFETIME;
        Self {
            torrents: Cache::new(1, lifetime),
            seeders: Cache::new(1, lifetime),
            torrent_views: Cache::new(MAX_LISTINGS, lifetime),
            seeder_views: Cache::new(MAX_LISTINGS, lifetime),
            holdings: Cache::new(MAX_LISTINGS, lifetime),
            turns: Arc::new(Semaphore::new(1)),
        }
    }

    /// Gives back the memory of lists that nobody asks for any more.
    pub(super) fn sweep(&self) {
        self.torrents.sweep();
        self.seeders.sweep();
        self.torrent_views.sweep();
        self.seeder_views.sweep();
        self.holdings.sweep();
    }
}

impl ApiState {
    /// All torrents that have peers or are published.
    pub(super) async fn torrents(
        self: &Arc<Self>,
        view: View<TorrentColumn>,
    ) -> Result<Listing<TorrentRow>, ApiError> {
        let wanted = view.clone();
        let list = async {
            let all = self.apart(|state| torrents::all(&state.desk.store, &state.catalogue));
            let rows = self.listings.torrents.answer((), all).await?;
            self.apart(move |_| torrents::list(rows, &wanted)).await
        };
        self.listings.torrent_views.answer(view, list).await
    }

    /// All seeders.
    pub(super) async fn seeders(
        self: &Arc<Self>,
        view: View<SeederColumn>,
    ) -> Result<Listing<SeederRow>, ApiError> {
        let wanted = view.clone();
        let list = async {
            let all = self.apart(|state| seeders::all(&state.desk.store, Instant::now()));
            let rows = self.listings.seeders.answer((), all).await?;
            self.apart(move |_| seeders::list(rows, &wanted)).await
        };
        self.listings.seeder_views.answer(view, list).await
    }

    /// The torrents that a seeder at this address has, in the order of their info hashes.
    pub(super) async fn holdings(
        self: &Arc<Self>,
        addr: SocketAddr,
    ) -> Result<Arc<[InfoHash]>, ApiError> {
        let all = self.apart(move |state| holdings(&state.desk.store, Instant::now(), addr));
        self.listings.holdings.answer(addr, all).await
    }

    /// Does long work on a blocking thread, when it is its turn: to its end, even if nobody waits
    /// for it any more.
    async fn apart<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.listings.turns).acquire_owned().await;
        let turn = turn.map_err(|_| ApiError::Stopping)?;
        let state = Arc::clone(self);
        let work = move || {
            let _turn = turn;
            work(&state)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Stopping)
    }
}
