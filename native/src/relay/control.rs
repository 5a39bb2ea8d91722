//! A control socket: one page's part in one swarm.

use std::{net::IpAddr, sync::Arc};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use gannet_core::id::InfoHash;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::{
    Shared,
    limits::{
        FAREWELL_LIMIT, FIRST_MESSAGE_LIMIT, MAX_CONTROL_QUEUED, MAX_DIAL_ADDRS,
        MAX_TRACKERS_PER_PAGE, MAX_URL_BYTES, PING_PERIOD, WINDOW_BYTES,
    },
    protocol::{self, CLOSE_IDLE, CLOSE_PROTOCOL, CLOSE_TOO_MANY, Join, Refusal, Reply, Request},
    swarm::PageNumber,
};

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

/// Serves a page until it leaves or is sent away.
pub(super) async fn serve(shared: Arc<Shared>, client: IpAddr, mut socket: WebSocket) {
    shared.metrics.control_sockets.inc();
    let page = shared.hub.number();
    let mut joined = None;
    let ended = converse(&shared, client, page, &mut joined, &mut socket).await;
    if let Some(info_hash) = joined {
        shared.leave(info_hash, page);
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

/// The conversation with a page; the code to close the socket with.
async fn converse(
    shared: &Arc<Shared>,
    client: IpAddr,
    page: PageNumber,
    joined: &mut Option<InfoHash>,
    socket: &mut WebSocket,
) -> Result<u16, Refused> {
    let (replies, mut replying) = mpsc::channel(MAX_CONTROL_QUEUED);
    let mut heard_at = Instant::now();
    loop {
        let limit = if joined.is_some() { shared.limits.idle_timeout } else { FIRST_MESSAGE_LIMIT };
        let sent = tokio::select! {
            message = socket.recv() => {
                heard_at = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => {
                        let request = serde_json::from_str(text.as_str()).map_err(|error| {
                            Refused::new(Refusal::BadMessage, error.to_string())
                        })?;
                        obey(shared, client, page, joined, request, &replies)?;
                        continue;
                    }
                    Some(Ok(Message::Binary(_))) => {
                        return Err(Refused::new(Refusal::BadMessage, "a binary message"));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(1000),
                }
            }
            Some(reply) = replying.recv() => send(socket, &reply).await,
            () = shared.draining.cancelled() => {
                return Err(Refused::new(Refusal::Shutdown, "the relay shuts down"));
            }
            () = sleep(limit.saturating_sub(heard_at.elapsed())) => return Ok(CLOSE_IDLE),
            () = sleep(PING_PERIOD) => socket.send(Message::Ping(Bytes::new())).await.is_ok(),
        };
        if !sent {
            return Ok(1000);
        }
    }
}

async fn send(socket: &mut WebSocket, reply: &Reply) -> bool {
    let Ok(text) = serde_json::to_string(reply) else { return false };
    socket.send(Message::text(text)).await.is_ok()
}

/// Does what a page wants.
fn obey(
    shared: &Arc<Shared>,
    client: IpAddr,
    page: PageNumber,
    joined: &mut Option<InfoHash>,
    request: Request,
    replies: &mpsc::Sender<Reply>,
) -> Result<(), Refused> {
    let info_hash = match (&request, *joined) {
        (Request::Join(join), Some(known)) if join.info_hash != known => {
            return Err(Refused::new(Refusal::BadInfoHash, "a socket is for one torrent"));
        }
        (Request::Join(join), _) => join.info_hash,
        (Request::Unknown, None) => return Ok(()),
        (_, Some(known)) => known,
        (_, None) => return Err(Refused::new(Refusal::BadMessage, "the first message is `join`")),
    };
    match request {
        Request::Join(join) => enter(shared, page, joined, &join, replies)?,
        Request::Update { left } => shared.update(info_hash, page, left),
        Request::More => shared.hurry(info_hash),
        Request::Dial { addrs } => {
            // What is over the budget is left out, and so is nothing else: which addresses are
            // refused must not be told apart from which can't be reached.
            let addrs = addrs.into_iter().take(MAX_DIAL_ADDRS);
            let addrs = addrs.filter(|_| shared.budgets.may_name(client));
            let peers = addrs.map(|addr| shared.peer(info_hash, addr, true)).collect();
            let _ = replies.try_send(Reply::Peers { peers });
        }
        Request::Unknown => {}
    }
    Ok(())
}

fn enter(
    shared: &Arc<Shared>,
    page: PageNumber,
    joined: &mut Option<InfoHash>,
    join: &Join,
    replies: &mpsc::Sender<Reply>,
) -> Result<(), Refused> {
    let too_long = join.trackers.iter().any(|url| url.len() > MAX_URL_BYTES);
    if join.trackers.len() > MAX_TRACKERS_PER_PAGE || too_long {
        let said = format!(
            "at most {MAX_TRACKERS_PER_PAGE} trackers, with URLs of at most {MAX_URL_BYTES} bytes"
        );
        return Err(Refused::new(Refusal::BadMessage, said));
    }
    if !shared.serves(&join.info_hash) {
        return Err(Refused::new(Refusal::NotAllowed, "this relay doesn't serve that torrent"));
    }
    if joined.is_none() {
        let _ = replies.try_send(Reply::Joined {
            version: protocol::VERSION,
            window: WINDOW_BYTES,
            idle_seconds: shared.limits.idle_timeout.as_secs(),
        });
    }
    shared
        .join(page, join, replies.clone())
        .map_err(|full| Refused::new(Refusal::TooMany, full.to_string()))?;
    *joined = Some(join.info_hash);
    Ok(())
}
