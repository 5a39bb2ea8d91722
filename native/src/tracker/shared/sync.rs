//! The loop that tells the other instances the news of this one, and takes in theirs.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{Client, RedisError, RedisResult};
use tokio::{sync::watch, task::yield_now, time::timeout};

use super::{
    Link, SharedStatus, StoreUrl,
    entry::{Entry, encode},
    log::{EntryId, Log, Page},
    outbox::Outbox,
    pause::Pauses,
};
use crate::tracker::{Journal, Store};

/// How long news is gathered before it is told, and how often the others' is asked for: a peer is
/// known everywhere after twice that, and a little.
pub const SHARE_PERIOD: Duration = Duration::from_millis(250);
/// How often the log is trimmed, and looked at for whether it is still the same.
pub const CHECK_PERIOD: Duration = Duration::from_secs(5);

/// One instance's side of the sharing.
#[derive(Debug)]
pub(super) struct Sync {
    client: Client,
    url: StoreUrl,
    store: Arc<Store>,
    journal: Journal,
    lifetime: Duration,
    status: SharedStatus,
    stopping: watch::Receiver<bool>,
    /// A number of its own, by which it knows its own entries.
    instance: u64,
    outbox: Outbox,
    /// The last entry that was read.
    cursor: EntryId,
    /// The last entry that is known to be in the log, read or written.
    proof: EntryId,
    lost_before: u64,
}

impl Sync {
    pub(super) fn new(
        client: Client,
        url: StoreUrl,
        store: Arc<Store>,
        journal: Journal,
        lifetime: Duration,
        status: SharedStatus,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let (instance, outbox) = (fastrand::u64(..), Outbox::default());
        let (cursor, proof) = (EntryId::default(), EntryId::default());
        Self {
            client,
            url,
            store,
            journal,
            lifetime,
            status,
            stopping,
            instance,
            outbox,
            cursor,
            proof,
            lost_before: 0,
        }
    }

    /// Shares until it is to stop, over one connection after the other.
    pub(super) async fn run(mut self) {
        let mut pauses = Pauses::default();
        while let Err(error) = self.converse().await {
            if self.status.set(Link::Away) {
                tracing::warn!(store = %self.url, %error, "the shared store is away");
                pauses = Pauses::default();
            }
            self.wait(pauses.next()).await;
            if *self.stopping.borrow() {
                return;
            }
        }
    }

    /// Waits, while the journal is kept from running over, or until it is to stop.
    async fn wait(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        loop {
            self.collect();
            let rest = end.saturating_duration_since(Instant::now()).min(SHARE_PERIOD);
            let stopped = timeout(rest, self.stopping.wait_for(|is_stopping| *is_stopping)).await;
            if stopped.is_ok() || Instant::now() >= end {
                return;
            }
        }
    }

    /// Shares over one connection until it is to stop.
    async fn converse(&mut self) -> RedisResult<()> {
        let mut log = Log::open(&self.client, &self.url).await?;
        let mut next_check = Instant::now();
        loop {
            let page = log.read(self.cursor).await?;
            if next_check <= Instant::now() {
                self.check(&mut log, page.now_millis).await?;
                next_check = Instant::now() + CHECK_PERIOD;
            }
            let is_behind = page.is_full;
            self.take_in(page).await;
            let was_taken = self.tell(&mut log).await?;
            self.note(was_taken, is_behind);
            let has_news = was_taken && !self.outbox.is_empty();
            if *self.stopping.borrow() && !has_news {
                return Ok(());
            }
            let is_retelling = was_taken && self.outbox.is_retelling();
            if !(is_behind || has_news || is_retelling) {
                self.wait(SHARE_PERIOD).await;
            }
        }
    }

    fn note(&self, was_taken: bool, is_behind: bool) {
        let link = match (was_taken, is_behind) {
            (false, _) => Link::Refusing,
            (true, true) => Link::Behind,
            (true, false) => Link::Good,
        };
        if self.status.set(link) {
            tracing::info!(store = %self.url, link = link.word(), "the shared store answers");
        }
    }

    fn collect(&mut self) {
        self.outbox.collect(&self.journal, Instant::now());
        let lost = self.outbox.lost();
        let before = mem::replace(&mut self.lost_before, lost);
        self.status.dropped.inc_by(lost.saturating_sub(before));
    }

    /// Adds what is to be told to the log; whether the store takes it in.
    async fn tell(&mut self, log: &mut Log) -> RedisResult<bool> {
        self.collect();
        let now = Instant::now();
        let news = self.outbox.next(&self.store, now);
        if news.is_empty() {
            return Ok(true);
        }
        let count = news.len();
        let downloaded = |info_hash: &_| self.store.scrape(info_hash).downloaded;
        let entry = encode(self.instance, now, news, downloaded);
        match log.append(&entry).await {
            Ok(id) => {
                self.proof = id;
                self.outbox.confirm(count);
                self.status.sent.inc_by(count as u64);
                Ok(true)
            }
            Err(error) if can_be_read_only(&error) => {
                if self.status.link() != Some(Link::Refusing) {
                    tracing::warn!(store = %self.url, %error, "the shared store takes nothing in");
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes in what the others told.
    async fn take_in(&mut self, page: Page) {
        let Page { now_millis, entries, is_full } = page;
        let mut lag = Duration::ZERO;
        for (id, bytes) in entries {
            self.cursor = id;
            self.proof = self.proof.max(id);
            let age = Duration::from_millis(now_millis.saturating_sub(id.millis));
            lag = age;
            match bytes.as_deref().map(Entry::decode) {
                Some(Ok(entry)) if entry.instance == self.instance => {}
                Some(Ok(entry)) => self.apply(age, &entry),
                Some(Err(error)) => self.skip(id, &error.to_string()),
                None => self.skip(id, "it has other fields"),
            }
            // Announces go first.
            yield_now().await;
        }
        self.status.lag_seconds.set(if is_full { lag.as_secs_f64() } else { 0.0 });
    }

    fn apply(&self, age: Duration, entry: &Entry) {
        let now = Instant::now();
        for (change, older_by) in &entry.changes {
            self.store.apply(now, age.saturating_add(*older_by), change);
        }
        for (info_hash, downloaded) in &entry.downloaded {
            self.store.raise_downloaded(info_hash, *downloaded);
        }
        self.status.received.inc_by(entry.changes.len() as u64);
    }

    fn skip(&self, id: EntryId, why: &str) {
        self.status.skipped.inc();
        tracing::debug!(%id, why, "an entry of the log was skipped");
    }

    /// Trims the log, and has all memory told if the store has lost it.
    async fn check(&mut self, log: &mut Log, now_millis: u64) -> RedisResult<()> {
        let lifetime_millis = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let oldest_millis = now_millis.saturating_sub(lifetime_millis);
        log.trim(oldest_millis).await?;
        if self.proof.millis < oldest_millis || log.has(self.proof).await? {
            return Ok(());
        }
        tracing::warn!(store = %self.url, "the shared store has lost its log: telling it all");
        self.status.retold.inc();
        self.outbox.retell();
        self.proof = EntryId::default();
        // A clock that is behind the old one numbers entries below what was read.
        if log.end().await? < self.cursor {
            self.cursor = EntryId::default();
        }
        Ok(())
    }
}

/// Whether the store may still be read: it, or its disk, is full, or it lacks replicas.
fn can_be_read_only(error: &RedisError) -> bool {
    matches!(error.code(), Some("OOM" | "MISCONF" | "NOREPLICAS"))
}
