//! Keeps the published torrents of all instances the same, by way of the store.
//!
//! Each torrent is a key of its own, `torrent:NAME`. A hash, `torrents`, names them all, each with
//! its seal; a number, `torrents:version`, grows with every change of that. An instance compares
//! the store with itself, and with what it knows that both once had: so it sees on which side a
//! torrent was published or removed, even after a time apart.
//!
//! `torrents:epoch` is drawn at random by whoever finds none. Another one means that the store has
//! lost what it knew: then nothing is known to have been in both, and nothing is removed.

use std::{mem, sync::Arc, time::Duration};

use bytes::{Buf, BufMut, Bytes};
use redis::{Client, FromRedisValue, Pipeline, RedisResult, aio::MultiplexedConnection};
use sha1::{Digest, Sha1};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use super::{
    StoreUrl, log,
    merge::{Listing, Seal, Step, compare},
    pause::Pauses,
};
use crate::tracker::api::catalogue::{Catalogue, CatalogueChange, Published};

/// How often the catalogues are compared.
pub const COMPARE_PERIOD: Duration = Duration::from_secs(1);

/// Sees to it that a catalogue is like those of the other instances.
#[derive(Debug)]
pub(super) struct Librarian {
    client: Client,
    url: StoreUrl,
    catalogue: Arc<Catalogue>,
    stopping: watch::Receiver<bool>,
    /// What is here, in the order of the names, with the seals that were computed already.
    here: Vec<(Arc<Published>, Seal)>,
    /// What the store had when it was last compared.
    store: Listing,
    both: Listing,
    /// Epoch and version of the store when it was last compared.
    compared: Option<(u64, u64)>,
}

impl Librarian {
    pub(super) fn new(
        client: Client,
        url: StoreUrl,
        catalogue: Arc<Catalogue>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let (store, both) = (Listing::new(), Listing::new());
        let here = Vec::new();
        Self { client, url, catalogue, stopping, here, store, both, compared: None }
    }

    /// Compares until it is to stop, over one connection after the other.
    pub(super) async fn run(mut self) {
        let mut pauses = Pauses::default();
        while let Err(error) = self.converse(&mut pauses).await {
            tracing::debug!(store = %self.url, %error, "published torrents aren't shared");
            if *self.stopping.borrow() {
                return;
            }
            sleep(pauses.next()).await;
        }
    }

    async fn converse(&mut self, pauses: &mut Pauses) -> RedisResult<()> {
        let mut desk = log::connect(&self.client).await?;
        loop {
            let has_changed = self.look_around().await;
            let known = self.poll(&mut desk).await?;
            if has_changed || self.compared != Some(known) {
                self.align(&mut desk, known).await?;
            }
            *pauses = Pauses::default();
            if *self.stopping.borrow() {
                return Ok(());
            }
            // Either is a reason to look again.
            let _ =
                timeout(COMPARE_PERIOD, self.stopping.wait_for(|is_stopping| *is_stopping)).await;
        }
    }

    /// Looks at what is here; whether it has changed.
    async fn look_around(&mut self) -> bool {
        let all = self.catalogue.all();
        let is_same =
            |(known, new): (&(Arc<Published>, Seal), &Arc<Published>)| Arc::ptr_eq(&known.0, new);
        if all.len() == self.here.len() && self.here.iter().zip(&all).all(is_same) {
            return false;
        }
        let known = mem::take(&mut self.here);
        let sealed = spawn_blocking(move || sealed(&known, all)).await;
        // It can't fail but by a bug, and then everything is sealed again.
        self.here = sealed.unwrap_or_default();
        true
    }

    /// The store's epoch, which is made if there is none, and its version.
    async fn poll(&mut self, desk: &mut MultiplexedConnection) -> RedisResult<(u64, u64)> {
        let (epoch, version) = (self.url.key("torrents:epoch"), self.url.key("torrents:version"));
        let mut poll = Pipeline::new();
        poll.cmd("SET").arg(&epoch).arg(fastrand::u64(..)).arg("NX").ignore();
        poll.cmd("GET").arg(&epoch).cmd("GET").arg(&version);
        let (epoch, version): (u64, Option<u64>) = poll.query_async(desk).await?;
        Ok((epoch, version.unwrap_or(0)))
    }

    /// Makes the store and what is here alike.
    async fn align(
        &mut self,
        desk: &mut MultiplexedConnection,
        known: (u64, u64),
    ) -> RedisResult<()> {
        if self.compared.is_none_or(|(epoch, _)| epoch != known.0) {
            self.both.clear();
        }
        let fields: Vec<(Vec<u8>, Vec<u8>)> = self.ask(desk, "HGETALL", "torrents").await?;
        // What isn't one of ours is left alone.
        let listed = |(name, seal)| Some((String::from_utf8(name).ok()?, seal_from(seal)?));
        self.store = fields.into_iter().filter_map(listed).collect();
        let here: Listing =
            self.here.iter().map(|(published, seal)| (published.folded.clone(), *seal)).collect();
        for (name, step) in compare(&self.both, &self.store, &here) {
            let both = match step {
                Step::Take => self.take(desk, &name).await?,
                Step::Give => self.give(desk, &name).await?,
                Step::Drop => self.remove_here(&name).await,
                Step::Withdraw => self.withdraw(desk, &name).await?,
            };
            match both {
                Some(seal) => self.both.insert(name, seal),
                None => self.both.remove(&name),
            };
        }
        let alike = here.into_iter().filter(|(name, seal)| self.store.get(name) == Some(seal));
        self.both.extend(alike);
        self.compared = Some(known);
        Ok(())
    }

    /// Takes a torrent from the store; what both have then.
    async fn take(
        &self,
        desk: &mut MultiplexedConnection,
        name: &str,
    ) -> RedisResult<Option<Seal>> {
        let bytes: Option<Vec<u8>> = self.ask(desk, "GET", &format!("torrent:{name}")).await?;
        let seal = self.store.get(name).copied();
        let published = bytes.filter(|bytes| Some(seal_of(bytes)) == seal).and_then(unpack);
        let Some(published) = published.filter(|published| published.folded == name) else {
            tracing::warn!(name, "a published torrent in the store is no good");
            return Ok(None);
        };
        let other = self.catalogue.of_torrent(&published.info_hash);
        if other.is_some_and(|other| other.folded != name && self.store.contains_key(&other.folded))
        {
            // Two instances have published it under two names: each keeps its own.
            return Ok(None);
        }
        let is_in = self.apply(CatalogueChange::Published(Arc::new(published))).await;
        Ok(seal.filter(|_| is_in))
    }

    async fn remove_here(&self, name: &str) -> Option<Seal> {
        let known = self.catalogue.named(name)?;
        let (name, info_hash) = (known.name.clone(), known.info_hash);
        self.apply(CatalogueChange::Removed { name, info_hash }).await;
        None
    }

    /// Does to the catalogue what another instance did; whether that was possible.
    async fn apply(&self, change: CatalogueChange) -> bool {
        let catalogue = Arc::clone(&self.catalogue);
        match spawn_blocking(move || catalogue.apply(change)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a published torrent isn't as in the shared store");
                false
            }
            Err(_) => false,
        }
    }

    /// Gives a torrent to the store; what both have then.
    async fn give(
        &self,
        desk: &mut MultiplexedConnection,
        name: &str,
    ) -> RedisResult<Option<Seal>> {
        let Some((published, seal)) = find(&self.here, name) else { return Ok(None) };
        let mut give = Pipeline::new();
        let key = self.url.key(&format!("torrent:{name}"));
        give.atomic().cmd("SET").arg(key).arg(pack(published)).ignore();
        give.cmd("HSET").arg(self.url.key("torrents")).arg(name).arg(&seal[..]).ignore();
        give.cmd("INCR").arg(self.url.key("torrents:version")).ignore();
        give.exec_async(desk).await?;
        Ok(Some(*seal))
    }

    /// Removes a torrent from the store.
    async fn withdraw(
        &self,
        desk: &mut MultiplexedConnection,
        name: &str,
    ) -> RedisResult<Option<Seal>> {
        let mut withdraw = Pipeline::new();
        withdraw.atomic().cmd("DEL").arg(self.url.key(&format!("torrent:{name}"))).ignore();
        withdraw.cmd("HDEL").arg(self.url.key("torrents")).arg(name).ignore();
        withdraw.cmd("INCR").arg(self.url.key("torrents:version")).ignore();
        withdraw.exec_async(desk).await?;
        Ok(None)
    }

    async fn ask<T: FromRedisValue>(
        &self,
        desk: &mut MultiplexedConnection,
        command: &str,
        key: &str,
    ) -> RedisResult<T> {
        redis::cmd(command).arg(self.url.key(key)).query_async(desk).await
    }
}

fn find<'a>(all: &'a [(Arc<Published>, Seal)], name: &str) -> Option<&'a (Arc<Published>, Seal)> {
    let at = all.binary_search_by(|(known, _)| known.folded.as_str().cmp(name)).ok()?;
    Some(&all[at])
}

/// Seals what isn't yet.
fn sealed(
    known: &[(Arc<Published>, Seal)],
    all: Vec<Arc<Published>>,
) -> Vec<(Arc<Published>, Seal)> {
    let seal = |published: &Arc<Published>| {
        let known = find(known, &published.folded);
        let known = known.filter(|(known, _)| Arc::ptr_eq(known, published));
        known.map_or_else(|| seal_of(&pack(published)), |(_, seal)| *seal)
    };
    all.into_iter().map(|published| (Arc::clone(&published), seal(&published))).collect()
}

fn seal_from(bytes: Vec<u8>) -> Option<Seal> {
    bytes.try_into().ok()
}

fn seal_of(packed: &[u8]) -> Seal {
    Sha1::digest(packed).into()
}

/// The length of the name in two bytes, the name, the file.
fn pack(published: &Published) -> Vec<u8> {
    let name = published.name.as_bytes();
    let mut packed = Vec::with_capacity(2 + name.len() + published.torrent.len());
    packed.put_u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
    packed.put_slice(name);
    packed.put_slice(&published.torrent);
    packed
}

fn unpack(packed: Vec<u8>) -> Option<Published> {
    let mut rest = Bytes::from(packed);
    let length = usize::from(rest.try_get_u16().ok()?);
    let name = (length <= rest.len()).then(|| rest.split_to(length))?;
    Published::read(str::from_utf8(&name).ok()?, rest).ok()
}
