//! A data socket: a ticket, the handshakes of both ends, then a stream.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::SystemTime,
};

use bytes::BytesMut;
use gannet_core::id::InfoHash;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    Shared,
    limits::{FIRST_MESSAGE_LIMIT, PEER_LIMIT},
    page::{FromPage, Page},
    pin::{self, Verdict},
    protocol::{CLOSE_IDLE, CLOSE_PROTOCOL, CLOSE_TICKET, CLOSE_TOO_MANY, CLOSE_UNREACHABLE},
    remote::Remote,
    stream,
    ticket::{Local, Target, Ticket},
};

/// Why a page can't be connected. What a page may not learn is one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The page has gone.
    Gone,
    /// It broke the protocol: not with a handshake for its torrent, for example.
    Broken,
    /// There is no such peer, it isn't allowed, it isn't one: nobody is told which.
    Unreachable,
}

/// Serves a page's data socket until either end closes.
pub(super) async fn serve(shared: Arc<Shared>, client: IpAddr, socket: Remote) {
    shared.metrics.data_sockets.inc();
    // In a box of its own, which is gone when the stream begins: that may be idle for long.
    let opened = Box::pin(open(&shared, client, Page::new(socket))).await;
    if let Some((page, remote)) = opened {
        shared.metrics.dialled("reached");
        let bandwidth = shared.budgets.bandwidth(client);
        let limit = shared.limits.idle_timeout;
        stream::carry(page, remote, &bandwidth, &shared.metrics, limit).await;
    }
    shared.metrics.data_sockets.dec();
}

/// Brings both ends together; a page that isn't connected is told and closed.
async fn open(shared: &Arc<Shared>, client: IpAddr, mut page: Page) -> Option<(Page, Remote)> {
    match admit(shared, client, &mut page).await {
        Ok(ticket) => connect(shared, page, ticket).await,
        Err(code) => {
            shared.metrics.refused("ticket");
            page.close(code).await;
            None
        }
    }
}

/// Reads the ticket; else the code to close the socket with.
async fn admit(shared: &Shared, client: IpAddr, page: &mut Page) -> Result<Ticket, u16> {
    let text = timeout(FIRST_MESSAGE_LIMIT, page.ticket()).await.map_err(|_| CLOSE_IDLE)?;
    let text = text.ok_or(CLOSE_PROTOCOL)?;
    let ticket = shared.key.check(&text, SystemTime::now()).map_err(|_| CLOSE_TICKET)?;
    let local = match ticket.target {
        Target::Page(local) | Target::Accepted(local) => Some(local),
        Target::Address { .. } => None,
    };
    if local.is_some_and(|local| local.process != shared.process) {
        return Err(CLOSE_TICKET);
    }
    if !matches!(ticket.target, Target::Accepted(_)) && !shared.budgets.may_dial(client) {
        return Err(CLOSE_TOO_MANY);
    }
    Ok(ticket)
}

/// Connects both ends. However it fails, the page learns it at the same time after its ticket, in the
/// same way: a relay can't be used to look around.
async fn connect(shared: &Arc<Shared>, mut page: Page, ticket: Ticket) -> Option<(Page, Remote)> {
    let deadline = Instant::now() + PEER_LIMIT;
    let connected = timeout_at(deadline, introduce(shared, &mut page, &ticket)).await;
    let failure = match connected {
        Ok(Ok(remote)) => return Some((page, remote)),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Unreachable,
    };
    match failure {
        Failure::Gone => page.close(1000).await,
        Failure::Broken => page.close(CLOSE_PROTOCOL).await,
        Failure::Unreachable => {
            shared.metrics.dialled("failed");
            // Nothing of the page is read meanwhile, as while a silent remote is waited for.
            sleep_until(deadline).await;
            page.close(CLOSE_UNREACHABLE).await;
        }
    }
    None
}

/// Has both ends show their handshakes. The remote isn't heard before it has shown the right one.
async fn introduce(
    shared: &Arc<Shared>,
    page: &mut Page,
    ticket: &Ticket,
) -> Result<Remote, Failure> {
    // A page without a handshake is told the same whether or not there is somebody to reach.
    let reach = async { Ok(reach(shared, ticket).await) };
    let (remote, begun) = tokio::try_join!(reach, hear(page, &ticket.info_hash))?;
    let mut remote = remote.ok_or(Failure::Unreachable)?;
    remote.writer.write(&begun).await.map_err(|_| Failure::Unreachable)?;
    match show(&mut remote, &ticket.info_hash).await {
        true => Ok(remote),
        false => Err(Failure::Unreachable),
    }
}

/// Reads the page's handshake, and whatever came with it.
async fn hear(page: &mut Page, info_hash: &InfoHash) -> Result<BytesMut, Failure> {
    let mut begun = BytesMut::new();
    loop {
        match page.next().await {
            FromPage::Bytes(bytes) => begun.extend_from_slice(&bytes),
            FromPage::End => return Err(Failure::Gone),
            FromPage::Broken | FromPage::Credit(_) | FromPage::Ping(_) => {
                return Err(Failure::Broken);
            }
        }
        match pin::judge(&begun, info_hash) {
            Verdict::Incomplete => {}
            Verdict::Right => return Ok(begun),
            Verdict::Wrong => return Err(Failure::Broken),
        }
    }
}

/// Whether the remote begins with the right handshake, which then is still to be read.
async fn show(remote: &mut Remote, info_hash: &InfoHash) -> bool {
    let mut begun = BytesMut::new();
    loop {
        if !matches!(remote.reader.fill(&mut begun, 0, pin::PINNED_BYTES).await, Ok(1..)) {
            return false;
        }
        match pin::judge(&begun, info_hash) {
            Verdict::Incomplete => {}
            Verdict::Right => break,
            Verdict::Wrong => return false,
        }
    }
    remote.reader.put_back(begun.freeze());
    true
}

/// The stream that a ticket is for, if there is one and it may be had.
async fn reach(shared: &Arc<Shared>, ticket: &Ticket) -> Option<Remote> {
    match ticket.target {
        Target::Address { addr, .. } => dial(shared, addr).await,
        Target::Page(Local { number, .. }) => shared.call(ticket.info_hash, number),
        Target::Accepted(Local { number, .. }) => shared.take(ticket.info_hash, number),
    }
}

/// Opens a connection, if its address is one that may be reached from here.
async fn dial(shared: &Shared, addr: SocketAddr) -> Option<Remote> {
    if !shared.rules.allow_peer(addr) || !shared.budgets.may_be_dialled(addr) {
        shared.metrics.refused("target");
        return None;
    }
    let stream = TcpStream::connect(addr).await.ok()?;
    stream.set_nodelay(true).ok()?;
    // Whoever reaches an address from that same address has reached itself.
    let is_own = stream.local_addr().ok()?.ip() == addr.ip();
    if is_own && !shared.rules.is_allowed_by_name(addr.ip()) {
        return None;
    }
    Some(Remote::tcp(stream, bytes::Bytes::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::RelayConfig;

    #[tokio::test]
    async fn a_socket_of_ten_thousand_idle_ones_is_small() {
        let config = RelayConfig::new("127.0.0.1:0".parse().unwrap());
        let future = serve(Arc::new(Shared::new(config)), [127, 0, 0, 1].into(), Remote::pair().0);
        assert!(size_of_val(&future) <= 4096, "{} bytes", size_of_val(&future));
    }
}
