//! A page's data socket: its ticket, its part of the stream, and the frames that go back.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::BytesMut;
use tokio::time::timeout;

use super::{
    frame::{Decoder, Item, Outgoing, frame},
    limits::{FAREWELL_LIMIT, WINDOW_BYTES},
    remote::{Reader, Remote, Writer},
};

/// What is read of a page at a time, at most; of a longer message a part. No longer than what its
/// remote has to wait for is kept in, or the one would leave gaps in memory that the other can't fill.
const MAX_READ_BYTES: usize = 64 * 1024;

/// A page's data socket, from its upgrade on.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// What the page was found to have credited before its stream was carried.
    pub(super) credited: u64,
    /// What of the page's stream was taken before it was carried, in bytes.
    pub(super) taken: u64,
}

/// The half that a page is heard on.
#[derive(Debug)]
pub(super) struct Inbox {
    reader: Reader,
    input: BytesMut,
    decoder: Decoder,
    /// It has said goodbye, or its connection is gone.
    has_ended: bool,
    /// What the page may still send, in bytes.
    pub(super) allowance: Allowance,
}

/// The half that it is told on.
#[derive(Debug)]
pub(super) struct Outbox {
    writer: Writer,
    has_closed: bool,
}

/// What a page may still send, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Allowance(std::sync::Arc<AtomicU64>);

/// What a page has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromPage {
    /// Part of the stream.
    Bytes(BytesMut),
    /// It took so many bytes.
    Credit(u64),
    /// It wants to know whether the relay is there.
    Ping(Vec<u8>),
    /// It has ended.
    End,
    /// It broke the protocol.
    Broken,
}

impl Allowance {
    fn whole() -> Self {
        Self(std::sync::Arc::new(AtomicU64::new(WINDOW_BYTES.into())))
    }

    /// Whether so many bytes were still allowed.
    fn spend(&self, bytes: usize) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes as u64)).is_ok()
    }

    pub(super) fn grow(&self, bytes: u64) {
        self.0.fetch_add(bytes, Relaxed);
    }
}

impl Page {
    pub(super) fn new(stream: Remote) -> Self {
        let inbox = Inbox {
            reader: stream.reader,
            input: BytesMut::new(),
            decoder: Decoder::default(),
            has_ended: false,
            allowance: Allowance::whole(),
        };
        let outbox = Outbox { writer: stream.writer, has_closed: false };
        Self { inbox, outbox, credited: 0, taken: 0 }
    }

    /// The first message: a ticket. A longer one than there is loses its end.
    pub(super) async fn ticket(&mut self) -> Option<String> {
        match self.inbox.item().await {
            Ok(Some(Item::Text(text))) => String::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// What the page sends before its stream is carried; credit is kept for then.
    pub(super) async fn next(&mut self) -> FromPage {
        loop {
            match self.inbox.next().await {
                FromPage::Credit(bytes) => self.credited += bytes,
                FromPage::Bytes(bytes) => {
                    self.taken += bytes.len() as u64;
                    return FromPage::Bytes(bytes);
                }
                // Answered once the stream is carried, by any that comes then.
                FromPage::Ping(_) => {}
                other => return other,
            }
        }
    }

    /// Closes the socket, and reads what the page still sends until it has seen that: to drop it
    /// unread would reset the connection, and what was sent to the page would be lost.
    pub(super) async fn close(mut self, code: u16) {
        let farewell = async {
            self.outbox.close(code).await.ok();
            while !self.inbox.has_ended {
                let _ = self.inbox.item().await;
            }
        };
        // A page that isn't there any more has nothing to say.
        let _ = timeout(FAREWELL_LIMIT, farewell).await;
        let _ = self.outbox.writer.finish().await;
    }
}

impl Inbox {
    /// The next thing that the page says. Safe to be cancelled.
    pub(super) async fn next(&mut self) -> FromPage {
        match self.item().await {
            Ok(Some(Item::Stream(bytes))) if self.allowance.spend(bytes.len()) => {
                FromPage::Bytes(bytes)
            }
            Ok(Some(Item::Text(text))) => match parse_credit(&text) {
                Some(bytes) => FromPage::Credit(bytes.into()),
                None => FromPage::Broken,
            },
            Ok(Some(Item::Ping(payload))) => FromPage::Ping(payload),
            Ok(Some(Item::Close)) | Err(_) => FromPage::End,
            Ok(Some(Item::Stream(_)) | None) => FromPage::Broken,
        }
    }

    /// The next item; `None` for what isn't one. An error is the connection's end.
    async fn item(&mut self) -> io::Result<Option<Item>> {
        loop {
            if self.has_ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match self.decoder.next(&mut self.input) {
                Ok(None) => {}
                Ok(Some(item)) => {
                    self.has_ended = item == Item::Close;
                    return Ok(Some(item));
                }
                Err(_) => {
                    // Nothing that follows can be read, but it is to be read to its end.
                    self.input.clear();
                    self.decoder = Decoder::default();
                    return Ok(None);
                }
            }
            let filled = self.reader.fill(&mut self.input, 0, MAX_READ_BYTES).await;
            self.has_ended = !matches!(filled, Ok(1..));
        }
    }
}

impl Outbox {
    /// Sends frames as they are.
    pub(super) async fn send(&mut self, frames: &[u8]) -> io::Result<()> {
        self.writer.write(frames).await
    }

    /// Says that the socket ends, unless it was said; the connection doesn't yet.
    pub(super) async fn close(&mut self, code: u16) -> io::Result<()> {
        if std::mem::replace(&mut self.has_closed, true) {
            return Ok(());
        }
        self.send(&frame(Outgoing::Close, &code.to_be_bytes())).await
    }
}

/// A decimal number and nothing else.
fn parse_credit(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}
