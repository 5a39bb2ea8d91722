//! Torrents in one client, watched together: what `get` and `seed` share.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use gannet::{AddTorrent, Client, ClientConfig, Events, News, Place, Torrent, TorrentOptions};
use gannet_core::{names::escape_for_terminal, stats::TorrentStats};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::{
    cli::SwarmArgs,
    exit::{Exit, Failure, OrFail},
    output::{Ending, Report},
    source::{Origin, Source, parse_torrent, read_torrent, resolve_all},
};

/// Where peers may connect to us, unless the user says otherwise (or it is taken).
const DEFAULT_PORT: u16 = 6881;
/// How long leaving in order may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(1_700);
/// How long statistics are waited for on the way out.
const STATS_LIMIT: Duration = Duration::from_millis(200);
/// News of all torrents that wait to be looked at; the rest waits with each torrent.
const MAX_NEWS_QUEUED: usize = 1024;

/// A client that nobody can connect to.
pub(super) fn quiet_config() -> ClientConfig {
    ClientConfig::default()
}

/// Starts a client.
///
/// # Errors
/// If it can't listen where it was told to.
pub(super) fn start_client(config: ClientConfig) -> Result<Client, Failure> {
    Client::start(config).map_err(|error| Failure::new(Exit::Network, error))
}

/// Starts a client that listens: where the user says or, unless that port is taken, at 6881.
///
/// # Errors
/// If it can't listen where the user says.
pub(super) fn start_listening(
    listen: Option<SocketAddr>,
    config: ClientConfig,
) -> Result<Client, Failure> {
    let at = |addr| ClientConfig { listen: Some(addr), ..config.clone() };
    if let Some(addr) = listen {
        return start_client(at(addr));
    }
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    Client::start(at(any(DEFAULT_PORT))).or_else(|_| start_client(at(any(0))))
}

/// Reads or fetches a torrent, or takes a magnet link as it is.
///
/// # Errors
/// A file or an answer that is no torrent, or no answer.
pub(super) async fn load(client: &Client, source: Source) -> Result<Origin, Failure> {
    let torrent = match source {
        Source::Magnet(magnet) => return Ok(Origin::Magnet(magnet)),
        Source::File(path) => read_torrent(&path)?,
        Source::Url(url) => {
            let bytes = client.fetch_url(&url).await.or_fail(Exit::Network, &url)?;
            parse_torrent(bytes, &url)?
        }
    };
    Ok(Origin::Torrent(Box::new(torrent)))
}

/// A torrent to be added: what the source and what the user say of where to find peers.
///
/// # Errors
/// A peer named by the user whose name has no address. One that a magnet link names is passed over.
pub(super) async fn torrent_to_add(
    origin: &Origin,
    swarm: &SwarmArgs,
    options: TorrentOptions,
) -> Result<AddTorrent, Failure> {
    let mut peers = resolve_all(&swarm.peers).await?;
    for peer in origin.peers() {
        peers.extend(peer.resolve().await);
    }
    // The user's come first: of all tiers only the first that answers is announced to (BEP 12).
    let own = swarm.trackers.iter().map(|url| vec![url.clone()]);
    let trackers = own.chain(origin.trackers()).collect();
    Ok(AddTorrent { content: origin.content(), trackers, peers, options })
}

/// Torrents in one client, and the report about them.
pub(super) struct Swarm {
    pub(super) client: Client,
    pub(super) report: Report,
    torrents: Vec<Torrent>,
    stats: Vec<TorrentStats>,
    sender: mpsc::Sender<(usize, News)>,
    news: mpsc::Receiver<(usize, News)>,
    /// They hand on the news of a torrent each.
    couriers: JoinSet<()>,
}

impl Swarm {
    pub(super) fn new(client: Client, report: Report) -> Self {
        let (sender, news) = mpsc::channel(MAX_NEWS_QUEUED);
        let (torrents, stats, couriers) = (Vec::new(), Vec::new(), JoinSet::new());
        Self { client, report, torrents, stats, sender, news, couriers }
    }

    /// Adds a torrent, and gives it the next number.
    ///
    /// # Errors
    /// One that is there already, for example.
    pub(super) async fn add(
        &mut self,
        origin: &Origin,
        add: AddTorrent,
        place: Place,
    ) -> Result<usize, Failure> {
        let name = origin.name();
        let (torrent, events) = self.client.add(add, place).await.or_fail(Exit::Failed, &name)?;
        let number = self.torrents.len();
        self.report.add(&name, origin.info_hash());
        self.stats.push(torrent.stats().await.or_fail(Exit::Failed, &name)?);
        self.torrents.push(torrent);
        self.couriers.spawn(hand_on(number, events, self.sender.clone()));
        Ok(number)
    }

    /// The torrent of a number that [`Self::add`] gave.
    pub(super) fn torrent(&self, number: usize) -> Torrent {
        self.torrents[number].clone()
    }

    /// Where each torrent stood when [`Self::refresh`] was last called.
    pub(super) fn stats(&self) -> &[TorrentStats] {
        &self.stats
    }

    /// The next news of any torrent, reported already.
    pub(super) async fn next(&mut self) -> (usize, News) {
        match self.news.recv().await {
            Some((number, news)) => {
                self.report.news(number, &news);
                (number, news)
            }
            // Not while we have a sender ourselves.
            None => std::future::pending().await,
        }
    }

    /// Asks each torrent where it stands, and reports it.
    pub(super) async fn refresh(&mut self) {
        for (torrent, stats) in self.torrents.iter().zip(&mut self.stats) {
            // One that was removed stays as it was last seen.
            if let Ok(now) = torrent.stats().await {
                *stats = now;
            }
        }
        self.report.stats(&self.stats);
    }

    /// Leaves in order: tells the trackers, writes checkpoints, says the last word.
    ///
    /// # Errors
    /// If the file of `--stats` can't be written.
    pub(super) async fn finish(mut self, exit: Exit) -> Result<Exit, Failure> {
        // If it takes longer, what was seen last is good enough.
        let _ = timeout(STATS_LIMIT, self.refresh()).await;
        while let Ok((number, news)) = self.news.try_recv() {
            self.report.news(number, &news);
        }
        self.client.shutdown(SHUTDOWN_LIMIT).await;
        self.report.finish(&Ending { exit, torrents: &self.stats })?;
        Ok(exit)
    }
}

async fn hand_on(number: usize, mut events: Events, to: mpsc::Sender<(usize, News)>) {
    while let Some(news) = events.next().await {
        if to.send((number, news)).await.is_err() {
            return;
        }
    }
}

/// A torrent's name and what is said of it, in one line that no terminal obeys.
pub(super) fn about(name: &str, what: &str) -> String {
    format!("{}: {what}", escape_for_terminal(name))
}
