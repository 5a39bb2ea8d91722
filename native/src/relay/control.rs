//! A control socket: one page's part in one swarm.

use std::{net::IpAddr, sync::Arc};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use gannet_core::id::InfoHash;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Shared,
    limits::{
        FAREWELL_LIMIT, FIRST_MESSAGE_LIMIT, MAX_DIAL_ADDRS, MAX_TRACKERS_PER_PAGE, MAX_URL_BYTES,
        PING_PERIOD, WINDOW_BYTES,
    },
    mailbox::{Mail, Mailbox, mailbox},
    protocol::{self, CLOSE_IDLE, CLOSE_PROTOCOL, CLOSE_TOO_MANY, Join, Refusal, Reply, Request},
    swarm::PageNumber,
};
use crate::places::Place;

/// Why a page is sent away.
struct Refused {
    code: Refusal,
    message: String,
}

impl Refused {
    fn new(code: Refusal, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    const fn close_code(&self) -> u16 {
        match self.code {
            Refusal::TooMany => CLOSE_TOO_MANY,
            Refusal::Shutdown => 1001,
            Refusal::BadMessage | Refusal::BadInfoHash | Refusal::NotAllowed => CLOSE_PROTOCOL,
        }
    }
}

/// A page that is served.
struct Visit {
    shared: Arc<Shared>,
    client: IpAddr,
    page: PageNumber,
    mailbox: Mailbox,
    /// The torrent that it has joined, and its place in that.
    joined: Option<(InfoHash, Place)>,
}

/// Serves a page until it leaves or is sent away.
pub(super) async fn serve(shared: Arc<Shared>, client: IpAddr, mut socket: WebSocket) {
    shared.metrics.control_sockets.inc();
    let (mailbox, mail) = mailbox();
    let page = shared.hub.number();
    let mut visit = Visit { shared: Arc::clone(&shared), client, page, mailbox, joined: None };
    let ended = visit.converse(mail, &mut socket).await;
    if let Some((info_hash, place)) = visit.joined.take() {
        shared.leave(info_hash, page);
        drop(place);
    }
    let code = match &ended {
        Ok(code) => *code,
        Err(refused) => {
            shared.metrics.refused("control");
            let reply = Reply::Error { code: refused.code, message: refused.message.clone() };
            let _ = timeout(FAREWELL_LIMIT, send(&mut socket, &reply)).await;
            refused.close_code()
        }
    };
    let frame = CloseFrame { code, reason: "".into() };
    let _ = timeout(FAREWELL_LIMIT, socket.send(Message::Close(Some(frame)))).await;
    shared.metrics.control_sockets.dec();
}

impl Visit {
    /// The conversation with a page; the code to close the socket with.
    async fn converse(&mut self, mut mail: Mail, socket: &mut WebSocket) -> Result<u16, Refused> {
        let mut heard_at = Instant::now();
        let idle_timeout = self.shared.limits.idle_timeout;
        loop {
            let limit = if self.joined.is_some() { idle_timeout } else { FIRST_MESSAGE_LIMIT };
            let message = tokio::select! {
                message = socket.recv() => {
                    heard_at = Instant::now();
                    match self.hear(message)? {
                        true => continue,
                        false => return Ok(1000),
                    }
                }
                Some(reply) = mail.replies.recv() => text(&reply),
                () = mail.overflow.cancelled() => return Ok(CLOSE_TOO_MANY),
                () = self.shared.draining.cancelled() => {
                    return Err(Refused::new(Refusal::Shutdown, "the relay shuts down"));
                }
                () = sleep(limit.saturating_sub(heard_at.elapsed())) => return Ok(CLOSE_IDLE),
                () = sleep(PING_PERIOD) => Message::Ping(Bytes::new()),
            };
            tokio::select! {
                sent = socket.send(message) => if sent.is_err() {
                    return Ok(1000);
                },
                // While it reads nothing, more and more waits.
                () = mail.overflow.cancelled() => return Ok(CLOSE_TOO_MANY),
                () = sleep(idle_timeout) => return Ok(CLOSE_IDLE),
            }
        }
    }

    /// Whether the page goes on.
    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<bool, Refused> {
        match message {
            Some(Ok(Message::Text(text))) => {
                let request = serde_json::from_str(text.as_str())
                    .map_err(|error| Refused::new(Refusal::BadMessage, error.to_string()))?;
                self.obey(request).map(|()| true)
            }
            Some(Ok(Message::Binary(_))) => {
                Err(Refused::new(Refusal::BadMessage, "a binary message"))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(true),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Ok(false),
        }
    }

    /// Does what a page wants.
    fn obey(&mut self, request: Request) -> Result<(), Refused> {
        let joined = self.joined.as_ref().map(|(info_hash, _)| *info_hash);
        let info_hash = match (&request, joined) {
            (Request::Join(join), Some(known)) if join.info_hash != known => {
                return Err(Refused::new(Refusal::BadInfoHash, "a socket is for one torrent"));
            }
            (Request::Join(join), _) => join.info_hash,
            (Request::Unknown, None) => return Ok(()),
            (_, Some(known)) => known,
            (_, None) => {
                return Err(Refused::new(Refusal::BadMessage, "the first message is `join`"));
            }
        };
        match request {
            Request::Join(join) => self.enter(&join)?,
            Request::Update { left } => self.shared.update(info_hash, self.page, left),
            Request::More => self.shared.hurry(info_hash),
            Request::Dial { addrs } => {
                // What is over the budget is left out, and so is nothing else: which addresses are
                // refused must not be told apart from which can't be reached.
                let addrs = addrs.into_iter().take(MAX_DIAL_ADDRS);
                let addrs = addrs.filter(|_| self.shared.budgets.may_name(self.client));
                let peers = addrs.map(|addr| self.shared.peer(info_hash, addr, true)).collect();
                self.mailbox.say(Reply::Peers { peers });
            }
            Request::Unknown => {}
        }
        Ok(())
    }

    fn enter(&mut self, join: &Join) -> Result<(), Refused> {
        self.admit(join)?;
        if self.joined.is_none() {
            let place = self.shared.members.take(self.client).ok_or_else(|| {
                Refused::new(Refusal::TooMany, "this address takes part in too many torrents")
            })?;
            self.mailbox.say(Reply::Joined {
                version: protocol::VERSION,
                window: WINDOW_BYTES,
                idle_seconds: self.shared.limits.idle_timeout.as_secs(),
            });
            // What is begun for it ends with it, also if it is refused now.
            self.joined = Some((join.info_hash, place));
        }
        self.shared
            .join(self.page, join, self.mailbox.clone())
            .map_err(|full| Refused::new(Refusal::TooMany, full.to_string()))
    }

    /// Whether a page may ask for that, now.
    fn admit(&self, join: &Join) -> Result<(), Refused> {
        let too_long = join.trackers.iter().any(|url| url.len() > MAX_URL_BYTES);
        if join.trackers.len() > MAX_TRACKERS_PER_PAGE || too_long {
            let said = format!(
                "at most {MAX_TRACKERS_PER_PAGE} trackers, with URLs of at most {MAX_URL_BYTES} \
                 bytes"
            );
            return Err(Refused::new(Refusal::BadMessage, said));
        }
        if !self.shared.serves(&join.info_hash) {
            return Err(Refused::new(Refusal::NotAllowed, "this relay doesn't serve that torrent"));
        }
        if !self.shared.budgets.may_announce(self.client, join.trackers.len()) {
            return Err(Refused::new(Refusal::TooMany, "too many trackers in too short a time"));
        }
        Ok(())
    }
}

fn text(reply: &Reply) -> Message {
    // Maps have text for keys, so this can't fail; an empty message would mean nothing to a page.
    Message::text(serde_json::to_string(reply).unwrap_or_default())
}

async fn send(socket: &mut WebSocket, reply: &Reply) -> bool {
    socket.send(text(reply)).await.is_ok()
}
