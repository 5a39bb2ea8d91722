//! Decides which tracker is asked when (BEP 12), and holds the conversations with them.

mod exchange;
mod schedule;
mod talk;

use std::{collections::VecDeque, net::SocketAddr};

pub use exchange::{UDP_TIMEOUT, UDP_TRIES};
pub use schedule::{
    DEFAULT_INTERVAL, DEFAULT_MIN_INTERVAL, MAX_BACKOFF, MAX_INTERVAL, MIN_BACKOFF, MIN_INTERVAL,
};
pub use talk::{HTTP_TIMEOUT, RESOLVE_TIMEOUT};

use self::{exchange::Exchange, schedule::Schedule};
use super::{
    AnnounceError, AnnounceEvent, AnnounceResponse, HttpError, ResolveError,
    tiers::{Tiers, TrackerIndex, TrackerState, TrackerStatus},
    udp::UdpError,
};
use crate::{
    id::{InfoHash, PeerId},
    time::Instant,
};

/// What the next announces say of the download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The torrent.
    pub info_hash: InfoHash,
    /// Our name.
    pub peer_id: PeerId,
    /// The TCP port at which we listen.
    pub port: u16,
    /// Payload bytes sent since `started`.
    pub uploaded: u64,
    /// Payload bytes received since `started`.
    pub downloaded: u64,
    /// Bytes still missing; zero once there is nothing more to fetch.
    pub left: u64,
    /// How many peers would be welcome.
    pub num_want: u32,
}

/// Why a tracker counts as failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackerError {
    /// The scheme of its URL is none of `http`, `https` and `udp`.
    #[error("trackers of this kind aren't supported")]
    Unsupported,
    /// Its URL is malformed.
    #[error("the URL of the tracker is malformed")]
    BadUrl,
    /// The host has no answer for the HTTP request.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The host has no address for the tracker's name.
    #[error("{0}")]
    Resolve(#[from] ResolveError),
    /// It didn't answer in time.
    #[error("no answer in time")]
    Timeout,
    /// It answered over HTTP, but with a failure or with rubbish.
    #[error("{0}")]
    Answer(#[from] AnnounceError),
    /// It answered over UDP, but with rubbish.
    #[error("{0}")]
    Udp(#[from] UdpError),
    /// It answered over UDP that something is wrong; the tracker's own words.
    #[error("the tracker says: {0}")]
    Failure(String),
}

/// What an [`Announcer`] wants done, or has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnnounceOutput {
    /// Fetch a URL, and hand in what came of it with [`Announcer::handle_http`].
    Http {
        /// Names the request in the answer; unique within this announcer.
        request: u64,
        /// The URL.
        url: String,
    },
    /// Look a name up, and hand in what came of it with [`Announcer::handle_resolved`].
    Resolve {
        /// Names the request in the answer; unique within this announcer.
        request: u64,
        /// The name.
        host: String,
        /// The port that the addresses shall have.
        port: u16,
    },
    /// Send a datagram.
    Datagram {
        /// To whom.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// A tracker named these peers: at least one, at most [`MAX_PEERS`](super::MAX_PEERS).
    Peers {
        /// The tracker's URL.
        tracker: String,
        /// The peers' addresses.
        peers: Vec<SocketAddr>,
    },
    /// A tracker answered.
    Succeeded {
        /// The tracker's URL.
        tracker: String,
        /// What was announced.
        event: AnnounceEvent,
        /// How many seeders it says there are.
        seeders: Option<u32>,
        /// How many leechers it says there are.
        leechers: Option<u32>,
        /// A sentence for the user, in the tracker's own words.
        warning: Option<String>,
    },
    /// A tracker failed; others are asked, or it again later.
    Failed {
        /// The tracker's URL.
        tracker: String,
        /// Why.
        error: TrackerError,
    },
}

/// Announces one torrent: to the first tracker that answers, tier by tier (BEP 12).
///
/// A state machine like the whole core: after each `handle_*`, [`announce`](Self::announce) or
/// [`add_tracker`](Self::add_tracker) the owner drains [`poll`](Self::poll) to `None` and arms its
/// timer with [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Announcer {
    tiers: Tiers,
    key: u32,
    rng: fastrand::Rng,
    progress: Option<Progress>,
    schedule: Schedule,
    exchanges: Vec<Exchange>,
    next_request: u64,
    outputs: VecDeque<AnnounceOutput>,
}

/// Whether there are trackers at all. Without the feature `trackers` the compiler leaves out
/// what is behind them.
pub(crate) const ENABLED: bool = cfg!(feature = "trackers");

impl Announcer {
    /// An announcer that is silent until it is told to [`announce`](Self::announce).
    ///
    /// `key` is what the trackers know us by if our address changes. Of the trackers, those whose
    /// URL can't be used are reported as failed, once.
    pub fn new(tiers: &[Vec<String>], key: u32, mut rng: fastrand::Rng) -> Self {
        let tiers = if ENABLED { tiers } else { &[] };
        let mut announcer = Self {
            tiers: Tiers::new(tiers, &mut rng),
            key,
            rng,
            progress: None,
            schedule: Schedule::default(),
            exchanges: Vec::new(),
            next_request: 0,
            outputs: VecDeque::new(),
        };
        if ENABLED {
            announcer.tiers.indices().for_each(|tracker| announcer.report_unusable(tracker));
        }
        announcer
    }

    /// Adds a tracker in a tier of its own, after all others; one that is there already is not
    /// added, nor is one beyond [`MAX_TRACKERS`](super::MAX_TRACKERS).
    pub fn add_tracker(&mut self, url: &str) {
        if !ENABLED {
            return;
        }
        let Some(tracker) = self.tiers.add(url) else { return };
        self.report_unusable(tracker);
        if self.tiers[tracker].endpoint.is_ok() {
            self.schedule.add(tracker);
        }
    }

    /// Sets what the next announces say. Nothing is announced before this was called.
    pub fn set_progress(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    /// Announces an event, or with [`AnnounceEvent::None`] asks for peers as soon as the tracker
    /// allows it.
    ///
    /// `Started` begins the announces, which then go on by themselves; before it, and after
    /// `Stopped`, all other events are ignored. `Stopped` goes once to each tracker that knows us.
    pub fn announce(&mut self, now: Instant, event: AnnounceEvent) {
        if !ENABLED {
            return;
        }
        match event {
            AnnounceEvent::Started if !self.schedule.is_running() => {
                self.exchanges.clear();
                self.schedule.start(now);
            }
            AnnounceEvent::Started | AnnounceEvent::None => self.schedule.hurry(now),
            AnnounceEvent::Completed => self.schedule.complete(now),
            AnnounceEvent::Stopped => self.stop(now),
        }
        self.start_round_if_due(now);
    }

    /// Does what is due: announces, tries again, or gives a silent tracker up.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !ENABLED {
            return;
        }
        while let Some(late) = self.exchanges.iter().position(|one| one.deadline <= now) {
            let exchange = self.exchanges.swap_remove(late);
            self.retry(now, exchange);
        }
        self.start_round_if_due(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !ENABLED {
            return None;
        }
        let deadlines = self.exchanges.iter().map(|exchange| exchange.deadline);
        deadlines.chain(self.next_round()).min()
    }

    /// The next thing to do or to tell; `None` until something happens.
    pub fn poll(&mut self) -> Option<AnnounceOutput> {
        if !ENABLED {
            return None;
        }
        self.outputs.pop_front()
    }

    /// Whether no announce waits for an answer: after `Stopped`, that all trackers had their chance.
    pub fn is_idle(&self) -> bool {
        if !ENABLED {
            return true;
        }
        self.exchanges.is_empty() && self.outputs.is_empty()
    }

    /// All trackers, in the order in which they would be asked.
    pub fn trackers(&self) -> Vec<TrackerStatus> {
        if !ENABLED {
            return Vec::new();
        }
        let next = self.next_round();
        let status = |status: &TrackerStatus| {
            let asked_next = match status.state {
                TrackerState::Working => true,
                TrackerState::Failed => self.schedule.has_failed(),
                _ => false,
            };
            TrackerStatus { next_announce: next.filter(|_| asked_next), ..status.clone() }
        };
        self.tiers.iter().map(|tracker| status(&tracker.status)).collect()
    }

    /// When the next round of announces begins, if none is under way.
    fn next_round(&self) -> Option<Instant> {
        self.progress.and_then(|_| self.schedule.next())
    }

    fn report_unusable(&mut self, tracker: TrackerIndex) {
        let status = &self.tiers[tracker].status;
        if let Some(error) = status.error.clone() {
            self.outputs.push_back(AnnounceOutput::Failed { tracker: status.url.clone(), error });
        }
    }

    fn start_round_if_due(&mut self, now: Instant) {
        if self.next_round().is_some_and(|next| next <= now) {
            self.schedule.start_round(self.tiers.round());
            self.ask_next(now);
        }
    }

    /// Goes on with the round: asks its next tracker, or gives up for now.
    fn ask_next(&mut self, now: Instant) {
        match self.schedule.next_tracker() {
            Some(tracker) => {
                let event = self.schedule.event_for(self.tiers[tracker].knows_us);
                self.begin(now, tracker, event);
            }
            None if self.schedule.in_round() => self.schedule.round_failed(now, &mut self.rng),
            None => {}
        }
    }

    /// Takes leave of the trackers that know us, and forgets what was under way.
    fn stop(&mut self, now: Instant) {
        if !self.schedule.is_running() {
            return;
        }
        self.schedule.stop();
        for exchange in std::mem::take(&mut self.exchanges) {
            self.tiers[exchange.tracker].status.state = TrackerState::Idle;
        }
        for tracker in self.tiers.indices() {
            if self.tiers[tracker].knows_us {
                self.begin(now, tracker, AnnounceEvent::Stopped);
            }
        }
    }

    /// Books what came of an exchange, and goes on.
    fn finish(
        &mut self,
        now: Instant,
        exchange: &Exchange,
        result: Result<AnnounceResponse, TrackerError>,
    ) {
        match result {
            Ok(response) => self.succeeded(now, exchange, response),
            Err(error) => self.failed(now, exchange, error),
        }
    }

    fn succeeded(&mut self, now: Instant, exchange: &Exchange, response: AnnounceResponse) {
        let stopped = exchange.event == AnnounceEvent::Stopped;
        if !stopped {
            self.only_working(exchange.tracker);
            self.schedule.succeeded(now, exchange.event, &response, &mut self.rng);
        }
        let tracker = &mut self.tiers[exchange.tracker];
        tracker.knows_us = !stopped;
        tracker.tracker_id = response.tracker_id.or(tracker.tracker_id.take());
        let status = &mut tracker.status;
        status.state = if stopped { TrackerState::Idle } else { TrackerState::Working };
        status.error = None;
        (status.seeders, status.leechers) = (response.complete, response.incomplete);
        let tracker = status.url.clone();
        self.outputs.push_back(AnnounceOutput::Succeeded {
            tracker: tracker.clone(),
            event: exchange.event,
            seeders: response.complete,
            leechers: response.incomplete,
            warning: response.warning,
        });
        if !stopped && !response.peers.is_empty() {
            self.outputs.push_back(AnnounceOutput::Peers { tracker, peers: response.peers });
        }
        self.start_round_if_due(now);
    }

    /// Makes a tracker the one that the torrent is announced to.
    fn only_working(&mut self, tracker: TrackerIndex) {
        for other in self.tiers.indices() {
            let state = &mut self.tiers[other].status.state;
            if *state == TrackerState::Working {
                *state = TrackerState::Idle;
            }
        }
        self.tiers.promote(tracker);
    }

    fn failed(&mut self, now: Instant, exchange: &Exchange, error: TrackerError) {
        let tracker = &mut self.tiers[exchange.tracker];
        tracker.connection = None;
        tracker.status.state = TrackerState::Failed;
        tracker.status.error = Some(error.clone());
        let tracker = tracker.status.url.clone();
        self.outputs.push_back(AnnounceOutput::Failed { tracker, error });
        if exchange.event != AnnounceEvent::Stopped {
            self.ask_next(now);
        }
    }
}
