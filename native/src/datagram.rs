//! UDP: one socket for each address family, opened when the core first has something to send.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use gannet_core::contract::Input;
use tokio::{net::UdpSocket, sync::mpsc, task::JoinHandle, time::sleep};

/// The longest packet that is read, in bytes: no packet is longer.
pub const MAX_DATAGRAM_BYTES: usize = 64 * 1024;

/// How long to wait when the socket reports an error, which may be of an earlier packet sent.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Both sockets, each of them open or not.
pub(crate) struct Datagrams {
    v4: Option<Port>,
    v6: Option<Port>,
    inputs: mpsc::Sender<Input>,
}

/// An open socket and the task that reads from it.
struct Port {
    /// For sending. Not tokio's own: that would refuse the first packet, until it has heard from the
    /// operating system that the socket can be written to.
    socket: std::net::UdpSocket,
    reader: JoinHandle<()>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Datagrams {
    /// No socket yet; packets that come will go into `inputs`.
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self { v4: None, v6: None, inputs }
    }

    /// Sends a packet, or loses it, as the network may too.
    pub(crate) fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        let sent = self.port(to).and_then(|port| port.socket.send_to(bytes, to));
        if let Err(error) = sent {
            tracing::debug!(%to, %error, "a packet was lost on sending");
        }
    }

    fn port(&mut self, to: SocketAddr) -> io::Result<&Port> {
        let (slot, any) = match to {
            SocketAddr::V4(_) => (&mut self.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&mut self.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        match slot {
            Some(port) => Ok(port),
            None => Ok(slot.insert(Port::open(any, self.inputs.clone())?)),
        }
    }
}

impl Port {
    fn open(any: SocketAddr, inputs: mpsc::Sender<Input>) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        let reader = tokio::spawn(read(UdpSocket::from_std(socket.try_clone()?)?, inputs));
        Ok(Self { socket, reader })
    }
}

async fn read(socket: UdpSocket, inputs: mpsc::Sender<Input>) {
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let bytes = Bytes::copy_from_slice(&buffer[..length]);
                if inputs.send(Input::Datagram { from, bytes }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a packet was lost on receiving");
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_very_first_packet_is_sent_and_the_answer_is_heard() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(remote) = UdpSocket::bind(any).await else { continue };
            let (inputs, mut heard) = mpsc::channel(1);
            let mut datagrams = Datagrams::new(inputs);
            datagrams.send(remote.local_addr().unwrap(), b"who are you?");
            let mut packet = [0; 64];
            let received =
                tokio::time::timeout(Duration::from_secs(5), remote.recv_from(&mut packet));
            let (length, from) = received.await.expect("the packet was lost").unwrap();
            assert_eq!(&packet[..length], b"who are you?");
            remote.send_to(b"the remote", from).await.unwrap();
            let Some(Input::Datagram { from, bytes }) = heard.recv().await else { panic!() };
            assert_eq!((from, &bytes[..]), (remote.local_addr().unwrap(), &b"the remote"[..]));
        }
    }
}
