//! The bare WebSocket that sets the ceiling: a server that only sends, as fast as it can, on the
//! library that the relay is built on.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// As large as the relay's messages become.
const MESSAGE_BYTES: usize = 256 * 1024;

/// Starts a server that sends `length` bytes to whoever connects; where it is. It ends with the
/// process.
pub(super) fn serve(length: u64) -> Result<SocketAddr> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listener = listener.context("no free port")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                // A page that leaves early is the page's business.
                send(stream, length).await.ok();
            }
        });
    });
    Ok(addr)
}

async fn send(stream: TcpStream, length: u64) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    let message = Bytes::from(vec![0x5a; MESSAGE_BYTES]);
    let mut left = length;
    while left > 0 {
        let step = left.min(MESSAGE_BYTES as u64);
        socket.send(Message::Binary(message.slice(..step as usize))).await?;
        left -= step;
    }
    // Until the page has closed it, what was sent may still be under way.
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    Ok(())
}
