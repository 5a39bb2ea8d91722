//! Byte streams: to a peer over TCP, to another page of this relay, and to a page, with or without TLS.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_rustls::server::TlsStream;
use tokio_util::io::poll_read_buf;

use super::limits::{MAX_DATA_MESSAGE_BYTES, WINDOW_BYTES};

/// What is read at first, in bytes; then as much as comes.
const MIN_READ_BYTES: usize = 4 * 1024;

/// A byte stream, with what of it was read already.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
}

/// Its receiving half.
#[derive(Debug)]
pub(super) struct Reader {
    source: Source,
    /// Read before, when the handshake was looked at.
    first: Bytes,
    /// How much the next read may bring.
    step_bytes: usize,
}

#[derive(Debug)]
enum Source {
    Tcp(OwnedReadHalf),
    Tls(ReadHalf<Box<TlsStream<TcpStream>>>),
    Page(ReadHalf<DuplexStream>),
}

/// Its sending half.
#[derive(Debug)]
pub(super) enum Writer {
    Tcp(OwnedWriteHalf),
    Tls(WriteHalf<Box<TlsStream<TcpStream>>>),
    Page(WriteHalf<DuplexStream>),
}

impl Remote {
    /// A connection, of which `first` was read already.
    pub(super) fn tcp(stream: TcpStream, first: Bytes) -> Self {
        let (reader, writer) = stream.into_split();
        Self { reader: Reader::new(Source::Tcp(reader), first), writer: Writer::Tcp(writer) }
    }

    /// The same with TLS.
    pub(super) fn tls(stream: Box<TlsStream<TcpStream>>, first: Bytes) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { reader: Reader::new(Source::Tls(reader), first), writer: Writer::Tls(writer) }
    }

    /// Both ends of a stream between two pages.
    pub(super) fn pair() -> (Self, Self) {
        // What is in it was credited to neither page: no more than a socket would hold.
        let (one, other) = tokio::io::duplex(WINDOW_BYTES as usize / 4);
        (Self::page(one), Self::page(other))
    }

    /// A stream to the client of this process, and that client's end of it.
    pub(super) fn to_resident() -> (Self, DuplexStream) {
        let (one, other) = tokio::io::duplex(MAX_DATA_MESSAGE_BYTES);
        (Self::page(one), other)
    }

    fn page(stream: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader: Reader::new(Source::Page(reader), Bytes::new()),
            writer: Writer::Page(writer),
        }
    }
}

impl Reader {
    fn new(source: Source, first: Bytes) -> Self {
        Self { source, first, step_bytes: MIN_READ_BYTES }
    }

    /// Puts bytes back: they are read again next.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.first = match self.first.is_empty() {
            true => bytes,
            false => [bytes, std::mem::take(&mut self.first)].concat().into(),
        };
    }

    /// Appends what came to `buffer`, at most `max` bytes; how many: 0 at the end of the stream. Before
    /// what comes into an empty buffer, `headroom` bytes are left free. Safe to be cancelled.
    pub(super) async fn fill(
        &mut self,
        buffer: &mut BytesMut,
        headroom: usize,
        max: usize,
    ) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_fill(cx, buffer, headroom, max)).await
    }

    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        headroom: usize,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        let was_empty = buffer.is_empty();
        if !self.first.is_empty() {
            let part = self.first.split_to(self.first.len().min(max));
            if was_empty {
                buffer.put_bytes(0, headroom);
            }
            buffer.extend_from_slice(&part);
            return Poll::Ready(Ok(part.len()));
        }
        let max = max.min(self.step_bytes);
        if was_empty {
            buffer.reserve(headroom + max);
            buffer.put_bytes(0, headroom);
        } else {
            buffer.reserve(max);
        }
        let polled = self.source.poll_fill(cx, buffer, max);
        if polled.is_pending() && was_empty {
            // Memory is taken only once there is something to read: most connections are silent.
            *buffer = BytesMut::new();
        }
        let length = ready!(polled)?;
        self.step_bytes = match length {
            all if all == max => (self.step_bytes * 2).min(MAX_DATA_MESSAGE_BYTES),
            few if few < self.step_bytes / 4 => (self.step_bytes / 2).max(MIN_READ_BYTES),
            _ => self.step_bytes,
        };
        Poll::Ready(Ok(length))
    }
}

impl Source {
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        fn poll(
            source: &mut (impl AsyncRead + Unpin),
            cx: &mut Context<'_>,
            buffer: &mut BytesMut,
            max: usize,
        ) -> Poll<io::Result<usize>> {
            poll_read_buf(Pin::new(source), cx, &mut buffer.limit(max))
        }
        match self {
            Self::Tcp(reader) => poll(reader, cx, buffer, max),
            Self::Tls(reader) => poll(reader, cx, buffer, max),
            Self::Page(reader) => poll(reader, cx, buffer, max),
        }
    }
}

impl Writer {
    /// Writes all of this, and has it sent.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(writer) => writer.write_all(bytes).await,
            Self::Tls(writer) => {
                writer.write_all(bytes).await?;
                writer.flush().await
            }
            Self::Page(writer) => writer.write_all(bytes).await,
        }
    }

    /// Ends the stream, after all that was written.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(writer) => writer.shutdown().await,
            Self::Tls(writer) => writer.shutdown().await,
            Self::Page(writer) => writer.shutdown().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(reader: &mut Reader, max: usize) -> BytesMut {
        let mut buffer = BytesMut::new();
        reader.fill(&mut buffer, 0, max).await.unwrap();
        buffer
    }

    #[tokio::test]
    async fn what_is_put_back_is_read_again_in_order() {
        let (mut one, mut other) = Remote::pair();
        one.writer.write(b"abcdef").await.unwrap();
        one.writer.finish().await.unwrap();
        let all = read(&mut other.reader, 100).await.freeze();
        other.reader.put_back(all.slice(3..));
        other.reader.put_back(all.slice(..3));
        assert_eq!(read(&mut other.reader, 4).await, b"abcd"[..]);
        assert_eq!(read(&mut other.reader, 4).await, b"ef"[..]);
        assert_eq!(read(&mut other.reader, 4).await, b""[..]);
    }

    #[tokio::test]
    async fn a_silent_stream_has_no_buffer_and_one_that_speaks_has_room_before_its_bytes() {
        let (mut one, mut other) = Remote::pair();
        let mut buffer = BytesMut::new();
        let silent = futures_util::poll!(Box::pin(other.reader.fill(&mut buffer, 10, 100)));
        assert!(silent.is_pending());
        assert_eq!(buffer.capacity(), 0);
        one.writer.write(b"abc").await.unwrap();
        assert_eq!(other.reader.fill(&mut buffer, 10, 100).await.unwrap(), 3);
        assert_eq!(buffer[10..], b"abc"[..]);
    }
}
