//! Keeps a seeder's whole list of torrents registered with a tracker: one request for all of them,
//! where the tracker offers that, instead of one announce each.

use std::{collections::BTreeMap, time::Duration};

use gannet_core::{announce::HttpError, id::InfoHash};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    client::Client,
    torrent::Torrent,
    web_api::{ApiError, Registered, WITHDRAWAL_LIMIT, WebApi},
};

/// The first pause after a tracker could not be asked; each next one is twice as long.
pub const MIN_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
pub const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How long torrents that are added wait for others to be registered with.
pub const SETTLE: Duration = Duration::from_secs(1);
/// A list isn't sent again sooner than this, whatever interval the tracker names.
pub const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// A list is sent again at least this often.
pub const MAX_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// News that wait to be looked at; more are dropped.
pub const MAX_NEWS_QUEUED: usize = 16;
/// Orders that wait; who has one more waits too.
const MAX_ORDERS_QUEUED: usize = 64;

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrarNews {
    /// It is registered.
    Registered {
        /// How many torrents are.
        torrents: usize,
        /// The torrents that the tracker doesn't serve.
        refused: Vec<String>,
    },
    /// It will be tried again.
    Failed {
        /// Why.
        error: ApiError,
        /// After how long.
        pause: Duration,
    },
    /// The tracker doesn't take lists, or takes no more: its torrents are announced one by one.
    OneByOne {
        /// How many.
        torrents: usize,
    },
}

enum Order {
    Add(InfoHash, Torrent),
    Withdraw(oneshot::Sender<()>),
}

/// A list of torrents that is kept registered; [`withdraw`](Self::withdraw) it when it is no longer
/// served. Without that it ends with this handle, and the tracker forgets it in time.
#[derive(Debug)]
pub struct Registrar {
    orders: mpsc::Sender<Order>,
    news: mpsc::Receiver<RegistrarNews>,
    url: String,
}

impl Registrar {
    /// Begins to register torrents with the tracker of an announce URL. They must not have that
    /// tracker: it is added to them if it takes no lists.
    ///
    /// `None` if nobody can connect to the client, or the URL isn't one of HTTP.
    pub fn start(
        client: &Client,
        announce_url: &str,
        torrents: Vec<(InfoHash, Torrent)>,
    ) -> Option<Self> {
        let port = client.listen_addr()?.port();
        let api = WebApi::new(client.clone(), announce_url)?;
        let (orders, waiting) = mpsc::channel(MAX_ORDERS_QUEUED);
        let (say, news) = mpsc::channel(MAX_NEWS_QUEUED);
        let url = announce_url.to_owned();
        let torrents = torrents.into_iter().collect();
        let (mode, due, pause) = (Mode::Asking, Instant::now(), MIN_PAUSE);
        let is_registered = false;
        let work = Work { api, port, url, torrents, mode, due, pause, is_registered, say };
        tokio::spawn(work.run(waiting));
        Some(Self { orders, news, url: announce_url.to_owned() })
    }

    /// The announce URL of the tracker.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Adds a torrent to the list.
    pub async fn add(&self, info_hash: InfoHash, torrent: Torrent) {
        // The task ends after this handle only.
        let _ = self.orders.send(Order::Add(info_hash, torrent)).await;
    }

    /// What has become of the list since; `None` never comes while the client runs.
    pub async fn news(&mut self) -> Option<RegistrarNews> {
        self.news.recv().await
    }

    /// The next news, if there is any by now.
    pub fn try_news(&mut self) -> Option<RegistrarNews> {
        self.news.try_recv().ok()
    }

    /// Withdraws the list, within [`WITHDRAWAL_LIMIT`].
    pub async fn withdraw(self) {
        let (answer, done) = oneshot::channel();
        let withdrawn = async {
            let _ = self.orders.send(Order::Withdraw(answer)).await;
            // An error means that the task has ended.
            let _ = done.await;
        };
        if timeout(WITHDRAWAL_LIMIT, withdrawn).await.is_err() {
            tracing::warn!(url = %self.url, "the list wasn't withdrawn in time");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Whether it takes lists isn't known yet.
    Asking,
    /// It takes lists of so many torrents.
    Listing { max: usize },
    /// It takes none.
    OneByOne,
}

/// The task behind a [`Registrar`].
struct Work {
    api: WebApi,
    port: u16,
    url: String,
    torrents: BTreeMap<InfoHash, Torrent>,
    mode: Mode,
    due: Instant,
    pause: Duration,
    /// The tracker has taken the list at least once: it has something to forget.
    is_registered: bool,
    say: mpsc::Sender<RegistrarNews>,
}

impl Work {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                () = sleep_until(self.due), if self.mode != Mode::OneByOne => {
                    // A request on its way must not hold up whoever wants to leave.
                    tokio::select! {
                        biased;
                        done = exchange(&self.api, self.port, self.mode, &self.torrents) => {
                            self.take(done).await;
                            continue;
                        }
                        order = orders.recv() => order,
                    }
                }
            };
            match order {
                Some(Order::Add(info_hash, torrent)) => self.add(info_hash, torrent).await,
                Some(Order::Withdraw(done)) => {
                    self.withdraw().await;
                    let _ = done.send(());
                    return;
                }
                None => return,
            }
        }
    }

    async fn add(&mut self, info_hash: InfoHash, torrent: Torrent) {
        match self.mode {
            Mode::Asking => {
                self.torrents.insert(info_hash, torrent);
            }
            Mode::Listing { max } if self.torrents.len() < max => {
                self.torrents.insert(info_hash, torrent);
                self.due = self.due.min(Instant::now() + SETTLE);
            }
            Mode::Listing { .. } | Mode::OneByOne => announce(&torrent, &self.url).await,
        }
    }

    async fn take(&mut self, done: Result<Done, ApiError>) {
        match done {
            Ok(Done::Offered { max }) => {
                self.mode = Mode::Listing { max };
                self.pause = MIN_PAUSE;
                let beyond = self.torrents.keys().nth(max).copied();
                let beyond = beyond.map(|first| self.torrents.split_off(&first));
                self.one_by_one(beyond.unwrap_or_default()).await;
            }
            Ok(Done::Registered(registered)) => self.registered(registered).await,
            Err(error) => match self.wait_after(&error) {
                Some(pause) => {
                    self.due = Instant::now() + pause;
                    let _ = self.say.try_send(RegistrarNews::Failed { error, pause });
                }
                None => {
                    self.mode = Mode::OneByOne;
                    let all = std::mem::take(&mut self.torrents);
                    self.one_by_one(all).await;
                }
            },
        }
    }

    async fn registered(&mut self, registered: Registered) {
        let Registered { interval_seconds, torrents, refused, peers } = registered;
        let interval = Duration::from_secs(interval_seconds.into());
        let interval = interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
        self.due = Instant::now() + interval.mul_f64(jitter());
        (self.pause, self.is_registered) = (MIN_PAUSE, true);
        for (hash, addrs) in peers {
            let torrent = hash.parse().ok().and_then(|hash: InfoHash| self.torrents.get(&hash));
            for addr in addrs {
                if let Some(torrent) = torrent {
                    // An error means that the client has ended.
                    let _ = torrent.add_peer(addr).await;
                }
            }
        }
        let _ = self.say.try_send(RegistrarNews::Registered { torrents, refused });
    }

    /// How long to wait before the next attempt; `None` if there shall be none.
    fn wait_after(&mut self, error: &ApiError) -> Option<Duration> {
        let asked = match (self.mode, error) {
            // Only one that can't be reached may yet turn out to take lists.
            (Mode::Asking, ApiError::Http(HttpError::Connect))
            | (Mode::Listing { .. }, ApiError::Http(_)) => None,
            (_, ApiError::TooOften { retry_after }) => *retry_after,
            _ => return None,
        };
        let pause = self.pause.mul_f64(jitter());
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        Some(asked.unwrap_or(pause).clamp(MIN_PAUSE / 2, MAX_INTERVAL))
    }

    async fn one_by_one(&mut self, torrents: BTreeMap<InfoHash, Torrent>) {
        for torrent in torrents.values() {
            announce(torrent, &self.url).await;
        }
        if !torrents.is_empty() {
            let torrents = torrents.len();
            let _ = self.say.try_send(RegistrarNews::OneByOne { torrents });
        }
    }

    /// Also what was announced one by one since: the tracker may take the list back all the same.
    async fn withdraw(&self) {
        if (self.is_registered || matches!(self.mode, Mode::Listing { .. }))
            && let Err(error) = self.api.withdraw(self.port).await
        {
            tracing::debug!(url = %self.url, %error, "the list wasn't withdrawn");
        }
    }
}

/// What a tracker was asked.
enum Done {
    Offered { max: usize },
    Registered(Registered),
}

async fn exchange(
    api: &WebApi,
    port: u16,
    mode: Mode,
    torrents: &BTreeMap<InfoHash, Torrent>,
) -> Result<Done, ApiError> {
    if mode == Mode::Asking {
        let offer = api.offer().await?;
        let max = offer.max_torrents;
        return if offer.register { Ok(Done::Offered { max }) } else { Err(ApiError::NotOffered) };
    }
    let hashes: Vec<_> = torrents.keys().copied().collect();
    api.register(port, &hashes).await.map(Done::Registered)
}

async fn announce(torrent: &Torrent, url: &str) {
    // An error means that the client has ended.
    let _ = torrent.add_tracker(url.to_owned()).await;
}

/// Seeders that started together shall not come back together.
fn jitter() -> f64 {
    0.8 + 0.15 * fastrand::f64()
}
