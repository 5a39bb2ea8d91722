//! The one owner of the [`Session`]: a task that moves inputs in and outputs out, and nothing else.
//!
//! It knows no protocol. Everybody else talks to it through two bounded queues: handles with
//! orders (`Request`), tasks with [`Input`]s.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use bytes::Bytes;
use gannet_core::{
    Session, SessionConfig,
    contract::{Input, Output},
    event::{Event, News},
    id::{PeerKey, TorrentKey},
    reason::Disconnect,
    time::Instant,
};
use tokio::{
    io::DuplexStream,
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    time::sleep_until,
};

use crate::{
    audience::Audience,
    clock::Clock,
    datagram::Datagrams,
    http::{Http, MAX_ANNOUNCE_BYTES},
    pool::Pool,
    resolve::resolve,
    socket::{self, MAX_ACCEPTS_QUEUED, Sockets},
    storage::Disk,
};

/// Orders of handles that wait for the driver; who has one more waits too.
pub const MAX_REQUESTS_QUEUED: usize = 64;
/// Inputs that wait for the driver; who has one more waits too, sockets included.
pub const MAX_INPUTS_QUEUED: usize = 32;

/// What a handle wants done, by the only task that can.
pub(crate) type Request = Box<dyn FnOnce(&mut Driver, Instant) + Send>;

/// The session and everything that serves it.
pub(crate) struct Driver {
    pub(crate) session: Session,
    pub(crate) disk: Disk,
    pub(crate) pool: Pool,
    pub(crate) audience: Audience,
    pub(crate) running: bool,
    clock: Clock,
    sockets: Sockets,
    datagrams: Datagrams,
    http: Arc<Http>,
    inputs: mpsc::Sender<Input>,
}

/// What the driver waits for.
pub(crate) struct Sources {
    pub(crate) requests: mpsc::Receiver<Request>,
    inputs: mpsc::Receiver<Input>,
    accepted: mpsc::Receiver<(TcpStream, SocketAddr)>,
}

impl Driver {
    /// A driver, and what it is to be [run](Self::run) with.
    pub(crate) fn new(
        config: SessionConfig,
        listener: Option<TcpListener>,
        http: Arc<Http>,
        requests: mpsc::Receiver<Request>,
    ) -> (Self, Sources) {
        let (inputs, waiting) = mpsc::channel(MAX_INPUTS_QUEUED);
        let (accepting, accepted) = mpsc::channel(MAX_ACCEPTS_QUEUED);
        if let Some(listener) = listener {
            tokio::spawn(socket::accept(listener, accepting));
        }
        let clock = Clock::start();
        let driver = Self {
            session: Session::new(config, fastrand::u64(..), clock.now()),
            disk: Disk::new(inputs.clone()),
            pool: Pool::new(inputs.clone()),
            audience: Audience::default(),
            running: true,
            clock,
            sockets: Sockets::new(inputs.clone()),
            datagrams: Datagrams::new(inputs.clone()),
            http,
            inputs,
        };
        (driver, Sources { requests, inputs: waiting, accepted })
    }

    /// Runs until the last handle is gone, or one of them wants it to end.
    pub(crate) async fn run(mut self, mut sources: Sources) {
        let mut batch = Vec::with_capacity(MAX_INPUTS_QUEUED);
        let mut due = Instant::FAR_FUTURE;
        let mut timer = pin!(sleep_until(self.clock.deadline(due)));
        while self.running {
            let next = self.session.poll_timeout().map_or(Instant::FAR_FUTURE, |(at, _)| at);
            if next != due || timer.is_elapsed() {
                due = next;
                timer.as_mut().reset(self.clock.deadline(due));
            }
            tokio::select! {
                request = sources.requests.recv() => match request {
                    Some(request) => {
                        let now = self.clock.now();
                        request(&mut self, now);
                    }
                    None => return,
                },
                _ = sources.inputs.recv_many(&mut batch, MAX_INPUTS_QUEUED) => {
                    for input in batch.drain(..) {
                        self.take(input);
                    }
                }
                Some((stream, addr)) = sources.accepted.recv() => self.accept(stream, addr),
                () = &mut timer => self.session.handle_timeout(self.clock.now()),
            }
            self.drain();
        }
    }

    /// Removes a torrent; the answer comes when that is done.
    pub(crate) fn remove(&mut self, now: Instant, torrent: TorrentKey) -> oneshot::Receiver<()> {
        let (answer, removed) = oneshot::channel();
        self.audience.await_removal(torrent, answer);
        self.session.remove(now, torrent);
        removed
    }

    fn take(&mut self, input: Input) {
        match &input {
            // The core has closed this one and is done with it.
            Input::Connected { peer }
            | Input::Received { peer, .. }
            | Input::Sent { peer, .. }
            | Input::Closed { peer, .. }
                if !self.sockets.is_open(*peer) =>
            {
                return;
            }
            Input::Closed { peer, .. } => self.sockets.forget(*peer),
            _ => {}
        }
        self.session.handle_input(self.clock.now(), input);
        self.drain();
    }

    fn accept(&mut self, stream: TcpStream, addr: SocketAddr) {
        if let Some(peer) = self.session.accept(self.clock.now(), addr) {
            self.sockets.adopt(peer, stream);
        }
    }

    /// Takes a stream from within this process for a peer that has connected.
    pub(crate) fn accept_inside(&mut self, now: Instant, stream: DuplexStream, addr: SocketAddr) {
        if let Some(peer) = self.session.accept(now, addr) {
            self.sockets.adopt_inside(peer, stream);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { peer, addr } => self.sockets.dial(peer, addr),
            Output::Send { peer, bytes } => self.send(peer, bytes),
            Output::Close { peer, .. } => self.sockets.close(peer),
            Output::Datagram { to, bytes } => self.datagrams.send(to, &bytes),
            Output::Storage(command) => self.disk.carry_out(command),
            Output::Fetch { torrent, source, piece, length } => {
                self.pool.fetch(torrent, source, piece, length);
            }
            Output::CancelFetch { torrent, source, piece } => {
                self.pool.cancel(torrent, source, piece);
            }
            Output::Event(event) => self.tell(event),
            Output::Http { request, url } => {
                let http = Arc::clone(&self.http);
                self.answer(async move {
                    let result = http.fetch(&url, MAX_ANNOUNCE_BYTES).await;
                    Input::Http { request, result }
                });
            }
            Output::Resolve { request, host, port } => self.answer(async move {
                Input::Resolved { request, result: resolve(&host, port).await }
            }),
        }
    }

    fn send(&mut self, peer: PeerKey, bytes: Bytes) {
        if !self.sockets.send(peer, bytes) {
            tracing::warn!(%peer, "too much waits to be sent");
            self.sockets.forget(peer);
            let closed = Input::Closed { peer, reason: Disconnect::Reset };
            self.session.handle_input(self.clock.now(), closed);
        }
    }

    fn tell(&mut self, event: Event) {
        if matches!(event.news, News::Removed) {
            self.disk.remove(event.torrent);
            self.pool.remove_torrent(event.torrent);
        }
        self.audience.tell(&mut self.session, self.clock.now(), event);
    }

    /// Works for an answer in a task of its own.
    fn answer(&self, answer: impl Future<Output = Input> + Send + 'static) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            // Only a client that has ended doesn't listen.
            let _ = inputs.send(answer.await).await;
        });
    }
}
