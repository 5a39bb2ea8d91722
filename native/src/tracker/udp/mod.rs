//! The UDP side (BEP 15, 41).

mod answer;
mod connection_id;

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{net::UdpSocket, task::JoinSet};

use self::answer::Answerer;
use super::desk::Desk;

/// The longest datagram that is read, in bytes: room for a scrape of 74 torrents, and for an announce
/// with a URL. What is longer is cut off.
pub const MAX_REQUEST_BYTES: usize = 2048;
/// The longest answer to an announce, in bytes: it fits into a packet on any path that IPv6 takes.
pub const MAX_ANSWER_BYTES: usize = 1232;

/// How many datagrams are answered before others get their turn.
const BATCH: usize = 64;
/// How long to wait after an error that isn't about a single datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Binds to `addr`; at `[::]` for IPv4 too.
pub(super) async fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::bind(addr).await
}

/// Answers datagrams for ever, on as many tasks as there are threads.
pub(super) async fn serve(socket: UdpSocket, desk: Arc<Desk>) {
    let socket = Arc::new(socket);
    let answerer = Answerer::new(desk);
    let tasks = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tasks: JoinSet<_> =
        (0..tasks).map(|_| answer_all(Arc::clone(&socket), answerer.clone())).collect();
    while tasks.join_next().await.is_some() {}
}

async fn answer_all(socket: Arc<UdpSocket>, mut answerer: Answerer) {
    let mut request = [0; MAX_REQUEST_BYTES];
    loop {
        let ready = socket.readable().await;
        let answered = ready.and_then(|()| answer_batch(&socket, &mut answerer, &mut request));
        match answered {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                tracing::debug!(%error, "can't receive");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
            _ => tokio::task::yield_now().await,
        }
    }
}

fn answer_batch(socket: &UdpSocket, answerer: &mut Answerer, request: &mut [u8]) -> io::Result<()> {
    for _ in 0..BATCH {
        let (length, addr) = socket.try_recv_from(request)?;
        if let Some(answer) = answerer.answer(&request[..length], addr) {
            // An answer that can't be sent at once is lost as any datagram may be: clients ask
            // again.
            let _ = socket.try_send_to(answer, addr);
        }
    }
    Ok(())
}
