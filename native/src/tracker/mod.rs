//! A tracker: tells the peers of a torrent about each other.
//!
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use gannet::tracker::{Tracker, TrackerConfig};
//!
//! let tracker = Tracker::start(TrackerConfig::new("127.0.0.1:0".parse().unwrap())).await?;
//! println!("http://{}/announce", tracker.http_addr());
//! tracker.stop().await;
//! # Ok(())
//! # }
//! ```

mod http;
mod store;
mod swarm;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, task::JoinSet};

pub use http::{IDLE_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES};
pub use store::{Answer, Full, MAX_NUM_WANT, MAX_PEERS_PER_TORRENT, MAX_TORRENTS, Presence, Store};

/// How often peers are asked to announce themselves, unless told otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// Peers are asked not to come back sooner than this, however long the interval is.
pub const MIN_INTERVAL: Duration = Duration::from_secs(30);
/// How late a peer may be before it is forgotten, beside an interval that it may miss.
pub const GRACE: Duration = Duration::from_secs(30);

/// The longest wait between two sweeps for silent peers.
const MAX_SWEEP_PERIOD: Duration = Duration::from_secs(60);

/// Where to listen, and how often to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackerConfig {
    /// The TCP address of the HTTP side; port 0 for any that is free.
    pub http: SocketAddr,
    /// How often peers shall announce themselves.
    pub interval: Duration,
}

impl TrackerConfig {
    /// An HTTP tracker with [`DEFAULT_INTERVAL`].
    pub const fn new(http: SocketAddr) -> Self {
        Self { http, interval: DEFAULT_INTERVAL }
    }
}

/// A tracker that runs; ends when dropped.
#[derive(Debug)]
pub struct Tracker {
    http_addr: SocketAddr,
    store: Arc<Store>,
    tasks: JoinSet<()>,
}

impl Tracker {
    /// Listens and answers.
    ///
    /// # Errors
    /// If the address can't be listened at.
    pub async fn start(config: TrackerConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.http).await?;
        let http_addr = listener.local_addr()?;
        let store = Arc::new(Store::new(config.interval.saturating_mul(2).saturating_add(GRACE)));
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(listener, Arc::clone(&store), config.interval));
        tasks.spawn(sweep(Arc::clone(&store), config.interval));
        Ok(Self { http_addr, store, tasks })
    }

    /// The TCP address of the HTTP side.
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }

    /// The swarms.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Ends it: no connection is left open.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn sweep(store: Arc<Store>, interval: Duration) {
    let period = (interval / 2).clamp(Duration::from_secs(1), MAX_SWEEP_PERIOD);
    loop {
        tokio::time::sleep(period).await;
        store.sweep(Instant::now());
    }
}
