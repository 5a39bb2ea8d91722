//! Several instances of a tracker that know the same swarms.
//!
//! Each serves from its own memory and never waits for the store between them, a Redis or Valkey.
//! What its clients tell is batched and added to a log there, a stream; each instance reads what
//! the others have added, and keeps it like what it heard itself, as old as it is. The log goes
//! back as far as a peer lives, so that reading it from its beginning makes an instance that starts
//! know every swarm, while it serves already.
//!
//! While the store is away nothing but the sharing stops. An instance remembers what it couldn't
//! tell, up to a limit; beyond it, or when the store has lost the log, it tells all that it has in
//! memory. That the log is still what it was is known by the last entry that was read: it must be
//! there as long as the peers of which it tells.

mod entry;
mod librarian;
mod log;
mod merge;
mod outbox;
mod pause;
mod status;
mod sync;
mod url;

use std::{sync::Arc, time::Duration};

use redis::{Client, ErrorKind, RedisError, ServerErrorKind};
use tokio::{sync::watch, task::JoinSet};

use self::{librarian::Librarian, log::Log, outbox::JOURNAL_CAPACITY, sync::Sync};
pub use self::{
    status::{Link, SharedStatus},
    url::{StoreUrl, StoreUrlError},
};
use super::{Store, api::catalogue::Catalogue};

/// How long an instance that ends may take to tell the others its last news.
pub const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

/// What is wrong with the shared store.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{url}")]
pub struct SharedError {
    /// Which store, without the password.
    pub url: String,
    /// What it says.
    #[source]
    pub refusal: Refusal,
}

/// Why a store can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The user or the password of the URL is wrong, or missing.
    #[error("the store refused the user or the password")]
    Password,
    /// It answers, but not as needed.
    #[error("the store can't be used")]
    Unusable(#[source] RedisError),
    /// It can't be reached: that may pass.
    #[error("the store can't be reached")]
    Away(#[source] RedisError),
}

/// The connection of a tracker to the other instances; cut when it is dropped.
#[derive(Debug)]
pub struct Shared {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    away_at_start: Option<SharedError>,
}

impl Shared {
    /// Begins to share what is in `store`, whose peers live for `lifetime`, and what is published;
    /// `status` is kept.
    ///
    /// A store that can't be reached is no error: it is tried again and again.
    ///
    /// # Errors
    /// If the shared store answers, and can't be used.
    pub async fn start(
        url: StoreUrl,
        store: Arc<Store>,
        lifetime: Duration,
        catalogue: Arc<Catalogue>,
        status: SharedStatus,
    ) -> Result<Self, SharedError> {
        // As for HTTPS: a provider that somebody chose before is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let refused = |error| SharedError { url: url.to_string(), refusal: refusal(error) };
        let client = Client::open(url.info.clone()).map_err(refused)?;
        let away_at_start = match Log::open(&client, &url).await.map_err(refused) {
            Err(error) if !matches!(error.refusal, Refusal::Away(_)) => return Err(error),
            opened => opened.err(),
        };
        status.set(if away_at_start.is_some() { Link::Away } else { Link::Behind });
        let journal = store.journal(JOURNAL_CAPACITY);
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let librarian = Librarian::new(client.clone(), url.clone(), catalogue, stopping.clone());
        tasks.spawn(librarian.run());
        tasks.spawn(Sync::new(client, url, store, journal, lifetime, status, stopping).run());
        Ok(Self { stop, tasks, away_at_start })
    }

    /// Why the store couldn't be reached at the start, if so.
    pub fn away_at_start(&self) -> Option<&SharedError> {
        self.away_at_start.as_ref()
    }

    /// Tells the others the last news, if they can be reached in time, and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // Whoever is too late is ended on drop.
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL_TIMEOUT, ended).await;
    }
}

/// Whether what failed may work later, without anybody's help.
fn may_pass(error: &RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Io => true,
        ErrorKind::Server(kind) => {
            matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain)
        }
        _ => false,
    }
}

fn refusal(error: RedisError) -> Refusal {
    let is_refused = error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
    match is_refused {
        true => Refusal::Password,
        false if may_pass(&error) => Refusal::Away(error),
        false => Refusal::Unusable(error),
    }
}
