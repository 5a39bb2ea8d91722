//! TCP connections: one task for each, which shares nothing with the others.
//!
//! What a task reads goes into the driver's queue of inputs; when that is full the task waits, and
//! the remote's TCP window with it. What the core sends waits in a queue of the task's own.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use gannet_core::{contract::Input, id::PeerKey, reason::Disconnect};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::inside;

/// How long a dial may take.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection that the core has closed may take to deliver what was to be sent.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(1);
/// Messages that wait to be sent on one connection. The core bounds their bytes (by waiting for
/// [`Input::Sent`]); a connection where so many wait is ended.
pub const MAX_SENDS_QUEUED: usize = 64 * 1024;
/// Bytes that are read from a socket at once, at most.
pub const MAX_READ_BUFFER_BYTES: usize = 128 * 1024;
/// Bytes that are read at once from a socket on which little comes.
pub const MIN_READ_BUFFER_BYTES: usize = 4 * 1024;
/// Connections that were accepted but not yet shown to the core.
pub const MAX_ACCEPTS_QUEUED: usize = 16;

/// Connections that the operating system holds ready to be accepted.
const BACKLOG: u32 = 1024;
/// How long to wait when no connection can be accepted, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Buffers that are written with one system call.
const MAX_SLICES: usize = 64;

/// Every connection of a client.
pub(crate) struct Sockets {
    open: BTreeMap<PeerKey, Connection>,
    inputs: mpsc::Sender<Input>,
}

struct Connection {
    queue: mpsc::Sender<Bytes>,
    task: Task,
}

/// A task that doesn't outlive its owner.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Sockets {
    /// No connection yet; what they will have to say goes into `inputs`.
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self { open: BTreeMap::new(), inputs }
    }

    /// Whether the core still wants to hear of this connection.
    pub(crate) fn is_open(&self, peer: PeerKey) -> bool {
        self.open.contains_key(&peer)
    }

    /// Dials; answers with [`Input::Connected`] or [`Input::Closed`].
    pub(crate) fn dial(&mut self, peer: PeerKey, addr: SocketAddr) {
        self.start(peer, move |queue, inputs| dialled(peer, addr, queue, inputs));
    }

    /// Takes over a connection that was accepted.
    pub(crate) fn adopt(&mut self, peer: PeerKey, stream: TcpStream) {
        self.start(peer, move |queue, inputs| carry(peer, stream, queue, inputs));
    }

    /// Takes over a stream from within this process.
    pub(crate) fn adopt_inside(&mut self, peer: PeerKey, stream: DuplexStream) {
        self.start(peer, move |queue, inputs| inside::carry(peer, stream, queue, inputs));
    }

    fn start<F>(&mut self, peer: PeerKey, task: impl FnOnce(mpsc::Receiver<Bytes>, Inputs) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (queue, queued) = mpsc::channel(MAX_SENDS_QUEUED);
        let task = Task(tokio::spawn(task(queued, self.inputs.clone())));
        self.open.insert(peer, Connection { queue, task });
    }

    /// Queues bytes for a connection; `false` if it has to be given up because too much waits.
    #[must_use]
    pub(crate) fn send(&mut self, peer: PeerKey, bytes: Bytes) -> bool {
        let Some(connection) = self.open.get(&peer) else { return true };
        // A closed queue is a connection that has just ended: its `Closed` is on the way.
        !matches!(connection.queue.try_send(bytes), Err(mpsc::error::TrySendError::Full(_)))
    }

    /// Ends a connection in the background, after what waits has been sent.
    pub(crate) fn close(&mut self, peer: PeerKey) {
        let Some(Connection { queue, mut task }) = self.open.remove(&peer) else { return };
        drop(queue);
        // At the limit the task is dropped, and the socket with it.
        tokio::spawn(async move { timeout(CLOSE_LIMIT, &mut task.0).await.map(drop) });
    }

    /// Forgets a connection that has ended.
    pub(crate) fn forget(&mut self, peer: PeerKey) {
        self.open.remove(&peer);
    }
}

type Inputs = mpsc::Sender<Input>;

async fn dialled(
    peer: PeerKey,
    addr: SocketAddr,
    mut queue: mpsc::Receiver<Bytes>,
    inputs: Inputs,
) {
    let dialled = tokio::select! {
        dialled = timeout(DIAL_TIMEOUT, TcpStream::connect(addr)) => dialled,
        // Nothing is sent before the core knows of the connection, so this is the queue's end.
        _ = queue.recv() => return,
    };
    let reason = match dialled {
        Ok(Ok(stream)) => {
            if inputs.send(Input::Connected { peer }).await.is_ok() {
                carry(peer, stream, queue, inputs).await;
            }
            return;
        }
        Ok(Err(error)) => dial_failure(&error),
        Err(_) => Disconnect::TimedOut,
    };
    // Only a client that has ended doesn't listen.
    let _ = inputs.send(Input::Closed { peer, reason }).await;
}

/// Reads and writes until one end has had enough.
async fn carry(
    peer: PeerKey,
    mut stream: TcpStream,
    mut queue: mpsc::Receiver<Bytes>,
    inputs: Inputs,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY was refused");
    }
    let ended = tokio::select! {
        reason = read(peer, &stream, &inputs) => Err(reason),
        ended = write(peer, &stream, &mut queue, &inputs) => ended,
    };
    match ended {
        Ok(()) => linger(&mut stream).await,
        // Only a client that has ended doesn't listen.
        Err(reason) => drop(inputs.send(Input::Closed { peer, reason }).await),
    }
}

async fn read(peer: PeerKey, stream: &TcpStream, inputs: &Inputs) -> Disconnect {
    let mut buffer = ReadBuffer::default();
    loop {
        if let Err(error) = stream.readable().await {
            return disconnect(&error);
        }
        match stream.try_read_buf(buffer.space()) {
            Ok(0) => return Disconnect::Remote,
            Ok(_) => {
                let bytes = buffer.take();
                if inputs.send(Input::Received { peer, bytes }).await.is_err() {
                    return Disconnect::Reset;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => buffer.rest(),
            Err(error) => return disconnect(&error),
        }
    }
}

/// Writes what is queued, as much as possible with each call; `Ok` when the queue has ended.
async fn write(
    peer: PeerKey,
    stream: &TcpStream,
    queue: &mut mpsc::Receiver<Bytes>,
    inputs: &Inputs,
) -> Result<(), Disconnect> {
    let mut waiting = Vec::with_capacity(MAX_SLICES);
    while queue.recv_many(&mut waiting, MAX_SLICES).await > 0 {
        let mut written = 0;
        while written < waiting.len() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            for (slice, bytes) in slices.iter_mut().zip(&waiting[written..]) {
                *slice = IoSlice::new(bytes);
            }
            let slices = &slices[..waiting.len() - written];
            match stream.try_write_vectored(slices) {
                Ok(bytes) => {
                    written += advance(&mut waiting[written..], bytes);
                    let sent = Input::Sent { peer, bytes: bytes as u64 };
                    inputs.send(sent).await.map_err(|_| Disconnect::Reset)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stream.writable().await.map_err(|error| disconnect(&error))?;
                }
                Err(error) => return Err(disconnect(&error)),
            }
        }
        waiting.clear();
    }
    Ok(())
}

/// Takes `bytes` off the front; how many buffers are used up by that.
fn advance(waiting: &mut [Bytes], mut bytes: usize) -> usize {
    let mut done = 0;
    for buffer in waiting {
        if bytes < buffer.len() {
            buffer.advance(bytes);
            break;
        }
        bytes -= buffer.len();
        // Let go of at once: it may be the last of a whole piece.
        *buffer = Bytes::new();
        done += 1;
    }
    done
}

/// Ends our side and reads the other's to its end: closing with unread bytes would reset the
/// connection and lose what is still on its way to the peer.
async fn linger(stream: &mut TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut unwanted = [0; 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut unwanted) {
            Ok(0) => return,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Where bytes are read into: small while little comes, so that idle connections cost nothing.
#[derive(Default)]
struct ReadBuffer {
    bytes: BytesMut,
    size: usize,
}

impl ReadBuffer {
    /// Empty space to read into.
    fn space(&mut self) -> &mut BytesMut {
        if self.bytes.capacity() < MIN_READ_BUFFER_BYTES {
            self.size = self.size.max(MIN_READ_BUFFER_BYTES);
            self.bytes.reserve(self.size);
        }
        &mut self.bytes
    }

    /// What was read. The next buffer is larger if this one was filled, smaller if it was not.
    fn take(&mut self) -> Bytes {
        let read = self.bytes.len();
        if read == self.bytes.capacity() {
            self.size = (self.size * 2).min(MAX_READ_BUFFER_BYTES);
        } else if read < self.size / 4 {
            self.size = (self.size / 2).max(MIN_READ_BUFFER_BYTES);
        }
        self.bytes.split().freeze()
    }

    /// Nothing more to read for now: gives back what would only lie idle.
    fn rest(&mut self) {
        if self.size <= MIN_READ_BUFFER_BYTES {
            self.bytes = BytesMut::new();
        }
    }
}

/// Listens at `addr`.
///
/// # Errors
/// Whatever the operating system says against it.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that was used a minute ago can be used again.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Accepts connections for as long as somebody takes them.
pub(crate) async fn accept(listener: TcpListener, accepted: mpsc::Sender<(TcpStream, SocketAddr)>) {
    loop {
        tokio::select! {
            connection = listener.accept() => match connection {
                Ok(connection) => if accepted.send(connection).await.is_err() { return },
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            () = accepted.closed() => return,
        }
    }
}

fn dial_failure(error: &io::Error) -> Disconnect {
    match error.kind() {
        ErrorKind::ConnectionRefused => Disconnect::Refused,
        ErrorKind::TimedOut => Disconnect::TimedOut,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Disconnect::Reset,
        _ => Disconnect::Unreachable,
    }
}

fn disconnect(error: &io::Error) -> Disconnect {
    match error.kind() {
        ErrorKind::TimedOut => Disconnect::TimedOut,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Disconnect::Unreachable
        }
        _ => Disconnect::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_buffer_grows_with_what_comes_and_shrinks_when_little_does() {
        let mut buffer = ReadBuffer::default();
        for _ in 0..20 {
            let space = buffer.space();
            space.resize(space.capacity(), 0);
            buffer.take();
        }
        assert_eq!(buffer.size, MAX_READ_BUFFER_BYTES);
        for _ in 0..20 {
            buffer.space().extend_from_slice(b"have");
            assert_eq!(buffer.take(), &b"have"[..]);
        }
        assert_eq!(buffer.size, MIN_READ_BUFFER_BYTES);
        buffer.rest();
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    #[test]
    fn a_short_write_leaves_the_rest_to_be_written() {
        let mut waiting = [&b"abc"[..], b"", b"defg", b"hi"].map(Bytes::from_static);
        assert_eq!(advance(&mut waiting, 5), 2);
        assert_eq!(waiting[2..], [&b"fg"[..], b"hi"]);
        assert_eq!(advance(&mut waiting[2..], 2), 1);
        assert_eq!(waiting[3..], [&b"hi"[..]]);
    }
}
