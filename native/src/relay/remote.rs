//! The other end of a data socket: a TCP connection, or another page of this relay.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::limits::{MAX_DATA_MESSAGE_BYTES, WINDOW_BYTES};

/// What is read at first, in bytes; then as much as comes.
const MIN_READ_BYTES: usize = 4 * 1024;

/// A byte stream to a peer, with what of it was read already.
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
    Page(ReadHalf<DuplexStream>),
}

/// Its sending half.
#[derive(Debug)]
pub(super) enum Writer {
    Tcp(OwnedWriteHalf),
    Page(WriteHalf<DuplexStream>),
}

impl Remote {
    /// A connection, of which `first` was read already.
    pub(super) fn tcp(stream: TcpStream, first: Bytes) -> Self {
        let (reader, writer) = stream.into_split();
        let reader = Reader { source: Source::Tcp(reader), first, step_bytes: MIN_READ_BYTES };
        Self { reader, writer: Writer::Tcp(writer) }
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
        let source = Source::Page(reader);
        let reader = Reader { source, first: Bytes::new(), step_bytes: MIN_READ_BYTES };
        Self { reader, writer: Writer::Page(writer) }
    }
}

impl Reader {
    /// Puts bytes back: they are read again next.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.first = match self.first.is_empty() {
            true => bytes,
            false => [bytes, std::mem::take(&mut self.first)].concat().into(),
        };
    }

    /// What came, at most `max` bytes; nothing at the end of the stream. Safe to be cancelled.
    pub(super) async fn read(&mut self, max: usize) -> io::Result<Bytes> {
        if !self.first.is_empty() {
            let length = self.first.len().min(max);
            return Ok(self.first.split_to(length));
        }
        let max = max.min(self.step_bytes);
        let bytes = match &mut self.source {
            Source::Tcp(reader) => read_tcp(reader, max).await?,
            Source::Page(reader) => {
                let mut buffer = BytesMut::with_capacity(max);
                reader.read_buf(&mut buffer).await?;
                buffer
            }
        };
        self.step_bytes = match bytes.len() {
            all if all == max => (max * 2).clamp(MIN_READ_BYTES, MAX_DATA_MESSAGE_BYTES),
            few if few < max / 4 => (max / 2).max(MIN_READ_BYTES),
            _ => self.step_bytes,
        };
        Ok(bytes.freeze())
    }
}

/// Takes memory only once there is something to read: most connections are silent.
async fn read_tcp(reader: &OwnedReadHalf, max: usize) -> io::Result<BytesMut> {
    loop {
        reader.readable().await?;
        let mut buffer = BytesMut::with_capacity(max);
        match reader.try_read_buf(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(buffer),
        }
    }
}

impl Writer {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(writer) => writer.write_all(bytes).await,
            Self::Page(writer) => writer.write_all(bytes).await,
        }
    }

    /// Ends the stream, after all that was written.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(writer) => writer.shutdown().await,
            Self::Page(writer) => writer.shutdown().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_put_back_is_read_again_in_order() {
        let (mut one, mut other) = Remote::pair();
        one.writer.write(b"abcdef").await.unwrap();
        one.writer.finish().await.unwrap();
        let all = other.reader.read(100).await.unwrap();
        other.reader.put_back(all.slice(3..));
        other.reader.put_back(all.slice(..3));
        assert_eq!(other.reader.read(4).await.unwrap(), &b"abcd"[..]);
        assert_eq!(other.reader.read(4).await.unwrap(), &b"ef"[..]);
        assert_eq!(other.reader.read(4).await.unwrap(), &b""[..]);
    }
}
