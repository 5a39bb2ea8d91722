//! Announces one swarm to one tracker, over HTTP or UDP: the core's announcer with hands.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use gannet_core::{
    announce::{
        AnnounceError, AnnounceEvent, AnnounceOutput, AnnounceResponse, Announcer, HttpError,
        Progress, TrackerError,
    },
    time::Instant,
};
use tokio::{
    net::UdpSocket,
    sync::watch,
    time::{sleep_until, timeout, timeout_at},
};

use super::{
    limits::{MAX_DATAGRAM_BYTES, STOP_LIMIT, TRACKER_LIMIT},
    outbound::Outbound,
};
use crate::clock::Clock;

/// What a swarm wants its trackers to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Announce this, again and again.
    Run {
        /// What to say.
        progress: Progress,
        /// A number that grows whenever more peers are wanted at once.
        urgency: u64,
    },
    /// Take leave, and end.
    Stop,
}

/// What a tracker said.
#[derive(Debug)]
pub(super) enum Heard {
    /// Peers of the swarm.
    Peers(Vec<SocketAddr>),
    /// It answered.
    Answered {
        /// How many seeders it says there are.
        seeders: Option<u32>,
        /// How many leechers it says there are.
        leechers: Option<u32>,
    },
    /// It didn't, or not with what was asked for.
    Failed(Failure),
}

/// Why a tracker is of no use. Whatever a page could learn of a target by it is one case: refused,
/// filtered, forbidden, over its budget, not a tracker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// Its URL says so, before anything is asked.
    #[error("trackers of this kind aren't supported")]
    Unsupported,
    /// It is a tracker, and refuses; its own words.
    #[error("the tracker says: {0}")]
    Said(String),
    /// Nothing came that a tracker would say.
    #[error("no answer of a tracker in time")]
    NoAnswer,
}

impl From<TrackerError> for Failure {
    fn from(error: TrackerError) -> Self {
        match error {
            TrackerError::Unsupported | TrackerError::BadUrl => Self::Unsupported,
            TrackerError::Answer(AnnounceError::Failure(said)) | TrackerError::Failure(said) => {
                Self::Said(said)
            }
            _ => Self::NoAnswer,
        }
    }
}

/// Stands for the addresses of a name that has none, or none that is allowed: nothing is ever sent
/// there, so that it is like a tracker that is silent.
const NOWHERE: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// Who wants to hear it: the tracker's URL comes first.
pub(super) type Listener = Arc<dyn Fn(&str, Heard) + Send + Sync>;

enum Answer {
    Http { request: u64, result: Result<Bytes, HttpError> },
    Resolved { request: u64, addrs: Vec<SocketAddr> },
}

/// Announces until it is told to stop; then tells the tracker so, if that is quick.
pub(super) async fn run(
    url: String,
    outbound: Outbound,
    mut wishes: watch::Receiver<Wish>,
    listener: Listener,
) {
    let first = wishes.borrow_and_update().clone();
    let Wish::Run { progress, urgency } = first else { return };
    let mut task = Task::new(url, outbound, listener);
    task.announcer.set_progress(progress);
    task.announcer.announce(task.clock.now(), AnnounceEvent::Started);
    task.run(&mut wishes, progress, urgency).await;
    task.announcer.announce(task.clock.now(), AnnounceEvent::Stopped);
    // A tracker that isn't there needn't know.
    let _ = timeout(STOP_LIMIT, task.finish()).await;
}

struct Task {
    url: String,
    announcer: Announcer,
    clock: Clock,
    outbound: Outbound,
    listener: Listener,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    sockets: Sockets,
}

impl Task {
    fn new(url: String, outbound: Outbound, listener: Listener) -> Self {
        let rng = fastrand::Rng::new();
        let announcer = Announcer::new(&[vec![url.clone()]], fastrand::u32(..), rng);
        Self {
            url,
            announcer,
            clock: Clock::start(),
            outbound,
            listener,
            answers: FuturesUnordered::new(),
            sockets: Sockets::default(),
        }
    }

    async fn run(&mut self, wishes: &mut watch::Receiver<Wish>, mut said: Progress, mut last: u64) {
        loop {
            self.carry_out().await;
            tokio::select! {
                changed = wishes.changed() => {
                    let wish = wishes.borrow_and_update().clone();
                    let Wish::Run { progress, urgency } = wish else { return };
                    if changed.is_err() {
                        return;
                    }
                    self.take(said, progress, urgency > last);
                    (said, last) = (progress, urgency);
                }
                () = self.step() => {}
            }
        }
    }

    /// Passes on what a swarm wants to be said now.
    fn take(&mut self, said: Progress, progress: Progress, is_urgent: bool) {
        let now = self.clock.now();
        self.announcer.set_progress(progress);
        if progress.left == 0 && said.left > 0 {
            self.announcer.announce(now, AnnounceEvent::Completed);
        } else if is_urgent || progress.port != said.port {
            self.announcer.announce(now, AnnounceEvent::None);
        }
    }

    /// Until the tracker knows that we have left.
    async fn finish(&mut self) {
        self.carry_out().await;
        while !self.announcer.is_idle() {
            self.step().await;
            self.carry_out().await;
        }
    }

    /// The next thing that happens. Safe to be cancelled.
    async fn step(&mut self) {
        let due = self.announcer.poll_timeout().unwrap_or(Instant::FAR_FUTURE);
        let due = self.clock.deadline(due);
        tokio::select! {
            Some(answer) = self.answers.next() => match answer {
                Answer::Http { request, result } => {
                    let result = result.as_deref().map_err(|error| *error);
                    self.announcer.handle_http(self.clock.now(), request, result);
                }
                Answer::Resolved { request, addrs } => {
                    self.announcer.handle_resolved(self.clock.now(), request, Ok(&addrs));
                }
            },
            (from, bytes) = self.sockets.receive() => {
                self.announcer.handle_datagram(self.clock.now(), from, &bytes);
            }
            () = sleep_until(due) => self.announcer.handle_timeout(self.clock.now()),
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.announcer.poll() {
            match output {
                AnnounceOutput::Http { request, url } => {
                    let outbound = self.outbound.clone();
                    self.answers.push(Box::pin(async move {
                        Answer::Http { request, result: fetch(&outbound, &url).await }
                    }));
                }
                AnnounceOutput::Resolve { request, host, port } => {
                    let outbound = self.outbound.clone();
                    self.answers.push(Box::pin(async move {
                        let found = outbound.resolve(&host, port).await;
                        let addrs = found.unwrap_or_else(|_| vec![(NOWHERE, port).into()]);
                        Answer::Resolved { request, addrs }
                    }));
                }
                AnnounceOutput::Datagram { to, bytes } if self.outbound.allows(to) => {
                    self.sockets.send(to, &bytes).await;
                }
                AnnounceOutput::Datagram { .. } => {}
                AnnounceOutput::Peers { peers, .. } => self.tell(Heard::Peers(peers)),
                AnnounceOutput::Succeeded { seeders, leechers, .. } => {
                    self.tell(Heard::Answered { seeders, leechers });
                }
                AnnounceOutput::Failed { error, .. } => self.tell(Heard::Failed(error.into())),
            }
        }
    }

    fn tell(&self, heard: Heard) {
        (self.listener)(&self.url, heard);
    }
}

/// Asks a tracker over HTTP. Whatever isn't a tracker's answer comes at the same time after the
/// question, and looks the same.
async fn fetch(outbound: &Outbound, url: &str) -> Result<Bytes, HttpError> {
    let deadline = tokio::time::Instant::now() + TRACKER_LIMIT;
    if let Ok(Ok(body)) = timeout_at(deadline, outbound.fetch(url)).await {
        let answer = AnnounceResponse::decode(&body);
        if matches!(answer, Ok(_) | Err(AnnounceError::Failure(_))) {
            return Ok(body);
        }
    }
    sleep_until(deadline).await;
    Err(HttpError::Timeout)
}

/// A UDP socket for each address family, open once it was needed.
#[derive(Default)]
struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    /// Sends a packet, or loses it, as the network may too.
    async fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        let (socket, any) = match to {
            SocketAddr::V4(_) => (&mut self.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&mut self.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        if socket.is_none() {
            *socket = UdpSocket::bind(any).await.ok();
        }
        if let Some(socket) = socket {
            let _ = socket.send_to(bytes, to).await;
        }
    }

    async fn receive(&self) -> (SocketAddr, Bytes) {
        tokio::select! {
            packet = receive(self.v4.as_ref()) => packet,
            packet = receive(self.v6.as_ref()) => packet,
        }
    }
}

/// How long to wait when a socket reports an error, which may be of an earlier packet sent.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

async fn receive(socket: Option<&UdpSocket>) -> (SocketAddr, Bytes) {
    let Some(socket) = socket else { return std::future::pending().await };
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => return (from, Bytes::copy_from_slice(&buffer[..length])),
            Err(_) => tokio::time::sleep(ERROR_PAUSE).await,
        }
    }
}
