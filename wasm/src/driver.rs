//! The owner of the [`Session`]: moves inputs in and outputs out, and knows no protocol.

use std::{mem, net::SocketAddr};

use gannet_core::{
    Content, Session, SessionConfig, TorrentOptions,
    contract::{Input, Output, SourceError},
    event::{Event, News},
    id::{PeerKey, TorrentKey},
    metainfo::choose_piece_length,
    time::Instant,
};

use crate::{
    Ask, Tell,
    clock::Clock,
    convert::{self, NO, Refusal},
    host::{self, Order},
    json,
    pool::Pool,
    socket::Sockets,
    storage::Orders,
    table::Table,
};

/// The session and everything that serves it.
pub(crate) struct Driver {
    session: Session,
    sockets: Sockets,
    pool: Pool,
    orders: Orders,
    torrents: Table<u64, TorrentKey>,
    clock: Clock,
    /// Of the torrent that is added next.
    options: TorrentOptions,
}

impl Driver {
    pub(crate) fn new(host_millis: f64, seed: u64, config: SessionConfig) -> Self {
        let mut clock = Clock::default();
        let now = clock.at(host_millis);
        Self {
            session: Session::new(config, seed, now),
            sockets: Sockets::default(),
            pool: Pool::default(),
            orders: Orders::default(),
            torrents: Table::default(),
            clock,
            options: TorrentOptions::default(),
        }
    }

    /// Takes what the host tells, and has done what the session wants then.
    pub(crate) fn tell(&mut self, host_millis: f64, tell: Tell, numbers: [f64; 3], bytes: Vec<u8>) {
        let now = self.clock.at(host_millis);
        if let Some(input) = self.input(now, tell, numbers, bytes) {
            self.session.handle_input(now, input);
        }
        self.settle(now);
    }

    /// Does as it is told; what the session is to hear of, unless nobody waits for it any more.
    fn input(
        &mut self,
        now: Instant,
        tell: Tell,
        numbers: [f64; 3],
        bytes: Vec<u8>,
    ) -> Option<Input> {
        let [first, second, third] = numbers;
        let order = first as u32;
        match tell {
            Tell::Options => self.options = convert::options(numbers, &bytes),
            Tell::Remove => self.session.remove(now, self.key(first)?),
            Tell::Pause => self.session.pause(now, self.key(first)?),
            Tell::Resume => self.session.resume(now, self.key(first)?),
            Tell::Select => self.session.select(now, self.key(first)?, &convert::flags(&bytes)),
            Tell::Limits => {
                self.session.set_limits(now, convert::known(first), convert::known(second));
            }
            Tell::RemoveSource => {
                let key = self.key(first)?;
                self.session.remove_source(now, key, self.pool.remove(second)?);
            }
            Tell::Connected => return self.sockets.connected(first),
            Tell::Received => return self.sockets.received(first, bytes),
            Tell::Sent => return self.sockets.sent(first, second),
            Tell::Closed => return self.sockets.closed(first, convert::disconnect(&bytes)),
            Tell::Fetched => return self.pool.fetched(first, second, Ok(bytes.into())),
            Tell::FetchFailed => {
                let gone = third != 0.0;
                let why = if gone { SourceError::Gone } else { SourceError::Failed };
                return self.pool.fetched(first, second, Err(why));
            }
            Tell::Opened => return self.orders.opened(order, &bytes),
            Tell::Done => return self.orders.done(order),
            Tell::Hashed => return self.orders.hashed(order, second != 0.0, &bytes),
            Tell::ReadDone => return self.orders.read(order, bytes),
            Tell::Failed => {
                return self.orders.failed(order, convert::storage_error(&bytes, second));
            }
            Tell::Tick => {
                self.clock.fired();
                self.session.handle_timeout(now);
            }
        }
        None
    }

    /// Answers what the host asks for, once what the session wants done is done.
    pub(crate) fn ask(
        &mut self,
        host_millis: f64,
        ask: Ask,
        numbers: [f64; 2],
        bytes: Vec<u8>,
    ) -> f64 {
        let now = self.clock.at(host_millis);
        let answer = self.answer(now, ask, numbers, bytes);
        self.settle(now);
        let (number, content) = match answer {
            Ok(Answer(number, content)) => (number, content),
            Err(Refusal(why)) => (f64::NAN, why),
        };
        host::give(&content);
        number
    }

    fn answer(
        &mut self,
        now: Instant,
        ask: Ask,
        [first, second]: [f64; 2],
        bytes: Vec<u8>,
    ) -> Result<Answer, Refusal> {
        Ok(match ask {
            Ask::Add => {
                let metainfo = convert::metainfo(bytes)?;
                let number = self.add(now, Content::Info(metainfo.info.clone()))?;
                Answer(number, convert::metainfo_json(&metainfo))
            }
            Ask::AddMagnet => {
                let magnet = convert::magnet(&bytes)?;
                let number = self.add(now, Content::Hash(magnet.info_hash))?;
                Answer(number, convert::magnet_json(&magnet))
            }
            Ask::AddPeer => {
                let addr = convert::addr(&bytes)?;
                self.session.add_peer(now, self.known(first)?, addr);
                Answer::default()
            }
            Ask::Accept => {
                let (key, addr) = (self.known(first)?, convert::addr(&bytes)?);
                let peer = self.session.accept_for(now, key, addr).ok_or(NO)?;
                Answer::number(self.sockets.adopt(peer))
            }
            Ask::AddSource => {
                let (key, name) = (self.known(first)?, convert::text(&bytes).to_owned());
                let source = self.session.add_source(now, key, name).ok_or(NO)?;
                Answer::number(self.pool.add(source))
            }
            Ask::Read => {
                let key = self.known(first)?;
                let info = self.session.info(key).ok_or(NO)?;
                let piece = info.layout().piece(second as u32).ok_or(NO)?;
                self.session.read(now, key, piece);
                Answer::default()
            }
            Ask::Stats => {
                let stats = self.session.stats(now, self.known(first)?).ok_or(NO)?;
                Answer::content(json::bytes(&stats))
            }
            Ask::Pieces => {
                let pieces = self.session.pieces(self.known(first)?).ok_or(NO)?;
                Answer::content(convert::pieces(pieces))
            }
            Ask::Info => {
                let info = self.session.info(self.known(first)?).ok_or(NO)?;
                Answer::content(info.raw().to_vec())
            }
            Ask::Record => {
                let stamps = convert::stamps(&bytes);
                let record = self.orders.record(first as u32, stamps, &self.session).ok_or(NO)?;
                Answer::content(record.encode())
            }
            Ask::Parse => Answer::content(convert::metainfo_json(&convert::metainfo(bytes)?)),
            Ask::PieceLength => Answer::number(choose_piece_length(first as u64).into()),
            Ask::Sha1 => Answer::content(convert::sha1(&bytes).to_vec()),
        })
    }

    fn add(&mut self, now: Instant, content: Content) -> Result<f64, Refusal> {
        let add = convert::add(content, mem::take(&mut self.options));
        let key = self.session.add(now, add).map_err(|error| convert::add_error(&error))?;
        self.torrents.insert(key.as_u64(), key);
        Ok(key.as_u64() as f64)
    }

    fn known(&self, torrent: f64) -> Result<TorrentKey, Refusal> {
        self.key(torrent).ok_or(NO)
    }

    fn key(&self, torrent: f64) -> Option<TorrentKey> {
        self.torrents.get(torrent as u64).copied()
    }

    fn settle(&mut self, now: Instant) {
        while let Some(output) = self.session.poll_output() {
            self.carry_out(output);
        }
        let due = self.session.poll_timeout().map(|(at, _)| at);
        if let Some(delay) = self.clock.arm(due, now) {
            host::order(Order::Arm, &[delay]);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { peer, addr } => self.connect(peer, addr),
            Output::Send { peer, bytes } => {
                host::give(&bytes);
                host::order(Order::Send, &[peer.as_u64() as f64]);
            }
            Output::Close { peer, .. } => self.sockets.close(peer),
            Output::Storage(command) => self.orders.carry_out(&self.session, command),
            Output::Fetch { torrent, source, piece, length } => {
                self.pool.fetch(torrent, source, piece, length);
            }
            Output::CancelFetch { source, piece, .. } => self.pool.cancel(source, piece),
            Output::Event(event) => self.tell_news(&event),
            // Trackers are the relay's: the core is never told of one.
            Output::Http { .. } | Output::Resolve { .. } | Output::Datagram { .. } => {}
        }
    }

    fn connect(&mut self, peer: PeerKey, addr: SocketAddr) {
        if let Some(torrent) = self.session.torrent_of(peer) {
            self.sockets.dial(peer, torrent, addr);
        }
    }

    fn tell_news(&mut self, event: &Event) {
        let torrent = event.torrent.as_u64();
        if matches!(event.news, News::Removed) {
            self.torrents.remove(torrent);
        }
        convert::tell_news(torrent as f64, &event.news);
    }
}

/// A number and bytes, for those who ask.
#[derive(Default)]
struct Answer(f64, Vec<u8>);

impl Answer {
    fn number(number: f64) -> Self {
        Self(number, Vec::new())
    }

    fn content(content: Vec<u8>) -> Self {
        Self(0.0, content)
    }
}
