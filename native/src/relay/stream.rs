//! Carries bytes between a page and a remote, with credit in both directions, until one ends.

use std::{
    io,
    pin::pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::BytesMut;
use tokio::{
    sync::Notify,
    time::{interval_at, sleep, timeout},
};

use super::{
    backlog::Backlog,
    budget::Bandwidth,
    frame::{MAX_HEAD_BYTES, Outgoing, frame, write_head},
    limits::{FAREWELL_LIMIT, MAX_DATA_MESSAGE_BYTES, PING_PERIOD, WINDOW_BYTES},
    metrics::Metrics,
    page::{Allowance, FromPage, Inbox, Outbox, Page},
    protocol::{CLOSE_IDLE, CLOSE_PROTOCOL},
    remote::{Reader, Remote, Writer},
};

/// Credit for less than this waits for more.
const MIN_CREDIT_BYTES: u64 = WINDOW_BYTES as u64 / 4;
/// Credit beyond so many windows is as good as none.
const MAX_WINDOWS: u64 = 16;

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The page has ended, and all that it sent was written.
    Page,
    /// The remote has ended, and all that it sent was sent on.
    Remote,
    /// The remote can't be written to any more.
    Gone,
    Broken,
    Idle,
}

/// What both directions know.
struct Shared<'a> {
    /// What may be sent to the page, in bytes.
    window: AtomicU64,
    /// Consumed of what the page sent: to be credited.
    owed: AtomicU64,
    /// A question of the page's that wasn't answered yet: the last one does.
    ping: Mutex<Option<Vec<u8>>>,
    /// One of these three has changed.
    changed: Notify,
    allowance: Allowance,
    backlog: Backlog,
    bandwidth: &'a Bandwidth,
    metrics: &'a Metrics,
    start: Instant,
    /// When something last moved, in milliseconds after the start.
    last: AtomicU64,
}

impl<'a> Shared<'a> {
    fn new(page: &Page, bandwidth: &'a Bandwidth, metrics: &'a Metrics) -> Self {
        let shared = Self {
            window: AtomicU64::new(WINDOW_BYTES.into()),
            owed: AtomicU64::new(page.taken),
            ping: Mutex::default(),
            changed: Notify::new(),
            allowance: page.inbox.allowance.clone(),
            backlog: Backlog::default(),
            bandwidth,
            metrics,
            start: Instant::now(),
            last: AtomicU64::new(0),
        };
        shared.add_credit(page.credited);
        shared
    }

    fn moved(&self) {
        self.last.store(self.start.elapsed().as_millis() as u64, Relaxed);
    }

    /// A page can't make the count overflow.
    fn add_credit(&self, bytes: u64) {
        let most = MAX_WINDOWS * u64::from(WINDOW_BYTES);
        let grow = |window: u64| Some(window.saturating_add(bytes).min(most));
        let _ = self.window.fetch_update(Relaxed, Relaxed, grow);
        self.changed.notify_one();
    }

    fn consumed(&self, bytes: usize) {
        let owed = self.owed.fetch_add(bytes as u64, Relaxed) + bytes as u64;
        if owed >= MIN_CREDIT_BYTES {
            self.changed.notify_one();
        }
    }

    fn asked(&self, payload: Vec<u8>) {
        *self.ping.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
        self.changed.notify_one();
    }

    /// Frames that are due to the page beside the stream: credit, and the answer to its question.
    fn dues(&self) -> Option<Vec<u8>> {
        let mut frames = Vec::new();
        if self.owed.load(Relaxed) >= MIN_CREDIT_BYTES {
            let bytes = self.owed.swap(0, Relaxed);
            self.allowance.grow(bytes);
            frames = frame(Outgoing::Text, bytes.to_string().as_bytes());
        }
        if let Some(payload) = self.ping.lock().unwrap_or_else(PoisonError::into_inner).take() {
            frames.extend(frame(Outgoing::Pong, &payload));
        }
        (!frames.is_empty()).then_some(frames)
    }
}

/// Carries both directions until one ends, then closes the page's socket.
pub(super) async fn carry(
    mut page: Page,
    remote: Remote,
    bandwidth: &Bandwidth,
    metrics: &Metrics,
    idle_timeout: Duration,
) {
    let Remote { mut reader, writer } = remote;
    let shared = Shared::new(&page, bandwidth, metrics);
    let end = {
        let Page { inbox, outbox, .. } = &mut page;
        let mut up = pin!(up(inbox, writer, &shared));
        let end = tokio::select! {
            end = &mut up => end,
            end = downlink(outbox, &mut reader, &shared) => end,
            end = idle(&shared, idle_timeout) => end,
        };
        if end == End::Remote {
            // A remote that says no more may still listen: it gets what the page sends before it ends.
            let farewell = async { tokio::join!(outbox.close(1000), up) };
            if Box::pin(timeout(FAREWELL_LIMIT, farewell)).await.is_err() {
                return;
            }
        }
        end
    };
    let code = match end {
        End::Page | End::Remote | End::Gone => 1000,
        End::Broken => CLOSE_PROTOCOL,
        End::Idle => CLOSE_IDLE,
    };
    Box::pin(page.close(code)).await;
}

/// The page's direction: it is heard, whether or not the remote takes what it says.
async fn up(inbox: &mut Inbox, writer: Writer, shared: &Shared<'_>) -> End {
    let mut write = pin!(write(writer, shared));
    tokio::select! {
        end = &mut write => end,
        end = hear(inbox, shared) => match end {
            // All that it sent before is written first.
            End::Page => write.await,
            end => end,
        },
    }
}

/// Takes what the page sends.
async fn hear(inbox: &mut Inbox, shared: &Shared<'_>) -> End {
    loop {
        let message = inbox.next().await;
        shared.moved();
        match message {
            FromPage::Bytes(bytes) => {
                shared.metrics.bytes_from_pages.inc_by(bytes.len() as u64);
                shared.backlog.push(&bytes);
            }
            FromPage::Credit(bytes) => shared.add_credit(bytes),
            FromPage::Ping(payload) => shared.asked(payload),
            FromPage::Broken => return End::Broken,
            FromPage::End => {
                shared.backlog.end();
                return End::Page;
            }
        }
    }
}

/// Writes to the remote what the page sent.
async fn write(mut writer: Writer, shared: &Shared<'_>) -> End {
    while let Some(bytes) = shared.backlog.pop().await {
        shared.bandwidth.take(bytes.len()).await;
        if writer.write(&bytes).await.is_err() {
            return End::Gone;
        }
        shared.moved();
        shared.consumed(bytes.len());
    }
    let _ = writer.finish().await;
    End::Page
}

/// Sends to the page: what the remote sent, credit, and now and then a ping.
async fn downlink(outbox: &mut Outbox, reader: &mut Reader, shared: &Shared<'_>) -> End {
    let mut pings = interval_at(tokio::time::Instant::now() + PING_PERIOD, PING_PERIOD);
    let mut buffer = BytesMut::new();
    loop {
        let sent = match shared.dues() {
            Some(frames) => outbox.send(&frames).await,
            None => tokio::select! {
                biased;
                () = shared.changed.notified() => continue,
                read = read_within(reader, &mut buffer, shared) => match read {
                    Ok(1..) => pass_on(outbox, &mut buffer, shared).await,
                    _ => return End::Remote,
                },
                _ = pings.tick() => outbox.send(&frame(Outgoing::Ping, b"")).await,
            },
        };
        if sent.is_err() {
            // What the page sent before it left is still to be written: that ends the stream.
            return std::future::pending().await;
        }
    }
}

/// Reads as much as the page has credited. Without credit nothing is read, so that the remote's own
/// window fills.
async fn read_within(
    reader: &mut Reader,
    buffer: &mut BytesMut,
    shared: &Shared<'_>,
) -> io::Result<usize> {
    let window = shared.window.load(Relaxed).min(MAX_DATA_MESSAGE_BYTES as u64) as usize;
    if window == 0 {
        return std::future::pending().await;
    }
    reader.fill(buffer, MAX_HEAD_BYTES, window).await
}

/// Makes a frame of what was read, and sends it.
async fn pass_on(
    outbox: &mut Outbox,
    buffer: &mut BytesMut,
    shared: &Shared<'_>,
) -> io::Result<()> {
    let Some((room, payload)) = buffer.split_first_chunk_mut() else { return Ok(()) };
    let length = payload.len();
    let begin = MAX_HEAD_BYTES - write_head(room, Outgoing::Binary, length);
    // Only this direction takes from it.
    shared.window.fetch_sub(length as u64, Relaxed);
    shared.bandwidth.take(length).await;
    shared.metrics.bytes_to_pages.inc_by(length as u64);
    shared.moved();
    let sent = outbox.send(&buffer[begin..]).await;
    buffer.clear();
    sent
}

async fn idle(shared: &Shared<'_>, limit: Duration) -> End {
    loop {
        let last = Duration::from_millis(shared.last.load(Relaxed));
        let quiet = shared.start.elapsed().saturating_sub(last);
        if quiet >= limit {
            return End::Idle;
        }
        sleep(limit - quiet).await;
    }
}
