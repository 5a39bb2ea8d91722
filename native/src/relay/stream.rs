//! Carries bytes between a page and a remote, with credit in both directions, until one ends.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};

use super::{
    budget::Bandwidth,
    limits::{FAREWELL_LIMIT, MAX_DATA_MESSAGE_BYTES, PING_PERIOD, WINDOW_BYTES},
    metrics::Metrics,
    protocol::{CLOSE_IDLE, CLOSE_PROTOCOL},
    remote::{Reader, Remote, Writer},
};

/// Credit for less than this waits for more.
const MIN_CREDIT_BYTES: u32 = WINDOW_BYTES / 4;

/// A page's data socket, from its ticket on.
pub(super) struct Page {
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    /// What the page may still send, in bytes.
    allowance: AtomicU64,
    /// What the page was found to have credited before its stream was carried.
    credited: u64,
    /// What of the page's stream was taken before it was carried, in bytes.
    taken: u32,
}

/// What a page has sent.
#[derive(Debug)]
pub(super) enum FromPage {
    /// Part of the stream.
    Bytes(Bytes),
    /// It took so many bytes.
    Credit(u64),
    /// It has ended.
    End,
    /// It broke the protocol.
    Broken,
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Page,
    Remote,
    Broken,
    Idle,
}

impl Page {
    pub(super) fn new(socket: WebSocket) -> Self {
        let (sink, stream) = socket.split();
        Self { sink, stream, allowance: AtomicU64::new(WINDOW_BYTES.into()), credited: 0, taken: 0 }
    }

    /// The first message: a ticket.
    pub(super) async fn ticket(&mut self) -> Option<String> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Some(text.as_str().to_owned()),
            _ => None,
        }
    }

    /// What the page sends before its stream is carried; credit is kept for then.
    pub(super) async fn next(&mut self) -> FromPage {
        loop {
            match next(&mut self.stream, &self.allowance).await {
                FromPage::Credit(bytes) => self.credited += bytes,
                FromPage::Bytes(bytes) => {
                    // At most the window.
                    self.taken += bytes.len() as u32;
                    return FromPage::Bytes(bytes);
                }
                other => return other,
            }
        }
    }

    /// Closes the socket, and reads what the page still sends until it has seen that: to drop it
    /// unread would reset the connection, and what was sent to the page would be lost.
    pub(super) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code, reason: "".into() };
        let farewell = async {
            self.sink.send(Message::Close(Some(frame))).await.ok();
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        // A page that isn't there any more has nothing to say.
        let _ = timeout(FAREWELL_LIMIT, farewell).await;
    }
}

async fn next(stream: &mut SplitStream<WebSocket>, allowance: &AtomicU64) -> FromPage {
    loop {
        return match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                let rest = |allowed: u64| allowed.checked_sub(bytes.len() as u64);
                match allowance.fetch_update(Relaxed, Relaxed, rest) {
                    Ok(_) => FromPage::Bytes(bytes),
                    Err(_) => FromPage::Broken,
                }
            }
            Some(Ok(Message::Text(text))) => match text.as_str().parse::<u32>() {
                Ok(bytes) => FromPage::Credit(bytes.into()),
                Err(_) => FromPage::Broken,
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => FromPage::End,
        };
    }
}

/// One direction's figures, and when something last happened.
struct Shared<'a> {
    /// What may be sent to the page.
    window: Semaphore,
    /// Consumed of what the page sent: to be credited.
    credit: mpsc::UnboundedSender<u32>,
    /// What the page may still send, in bytes.
    allowance: &'a AtomicU64,
    bandwidth: &'a Bandwidth,
    metrics: &'a Metrics,
    start: Instant,
    /// When something last moved, in milliseconds after the start.
    last: AtomicU64,
}

impl Shared<'_> {
    fn moved(&self) {
        self.last.store(self.start.elapsed().as_millis() as u64, Relaxed);
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
    let (credit, credits) = mpsc::unbounded_channel();
    let Page { sink, stream, allowance, credited, taken } = &mut page;
    let shared = Shared {
        window: Semaphore::new(WINDOW_BYTES as usize),
        credit,
        allowance,
        bandwidth,
        metrics,
        start: Instant::now(),
        last: AtomicU64::new(0),
    };
    add_credit(&shared.window, *credited);
    // Nobody else has it yet.
    let _ = shared.credit.send(*taken);
    // Bounded by the page's credit: it can't put more in than the window.
    let (queue, queued) = mpsc::unbounded_channel();
    let end = tokio::select! {
        end = uplink(stream, queue, &shared) => end,
        end = downlink(sink, &mut reader, credits, &shared) => end,
        end = idle(&shared, idle_timeout) => end,
        end = write(queued, writer, &shared) => end,
    };
    page.close(match end {
        End::Page | End::Remote => 1000,
        End::Broken => CLOSE_PROTOCOL,
        End::Idle => CLOSE_IDLE,
    })
    .await;
}

/// Credit beyond any window is as good as none: a page can't make the count overflow.
fn add_credit(window: &Semaphore, bytes: u64) {
    let room = (WINDOW_BYTES as usize * 16).saturating_sub(window.available_permits());
    window.add_permits(room.min(usize::try_from(bytes).unwrap_or(usize::MAX)));
}

/// Takes what the page sends. Ends when the page does and all it sent was written.
async fn uplink(
    stream: &mut SplitStream<WebSocket>,
    queue: mpsc::UnboundedSender<Bytes>,
    shared: &Shared<'_>,
) -> End {
    // Let go of at the end, so that the writer ends once it has written the rest.
    let mut queue = Some(queue);
    loop {
        let message = next(stream, shared.allowance).await;
        shared.moved();
        match message {
            FromPage::Bytes(bytes) => {
                shared.metrics.bytes_from_pages.inc_by(bytes.len() as u64);
                if queue.as_ref().is_none_or(|queue| queue.send(bytes).is_err()) {
                    return End::Remote;
                }
            }
            FromPage::Credit(bytes) => add_credit(&shared.window, bytes),
            FromPage::Broken => return End::Broken,
            FromPage::End => {
                queue.take();
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Writes to the remote what the page sent.
async fn write(
    mut queued: mpsc::UnboundedReceiver<Bytes>,
    mut writer: Writer,
    shared: &Shared<'_>,
) -> End {
    while let Some(bytes) = queued.recv().await {
        shared.bandwidth.take(bytes.len()).await;
        if writer.write(&bytes).await.is_err() {
            return End::Remote;
        }
        shared.moved();
        // Only a stream that has ended doesn't listen.
        let _ = shared.credit.send(bytes.len() as u32);
    }
    let _ = writer.finish().await;
    End::Page
}

/// Sends to the page: what the remote sent, credit, and now and then a ping.
async fn downlink(
    sink: &mut SplitSink<WebSocket, Message>,
    reader: &mut Reader,
    mut credits: mpsc::UnboundedReceiver<u32>,
    shared: &Shared<'_>,
) -> End {
    let mut consumed: u32 = 0;
    loop {
        let sent = tokio::select! {
            biased;
            Some(bytes) = credits.recv() => {
                consumed += bytes;
                if consumed < MIN_CREDIT_BYTES {
                    continue;
                }
                shared.allowance.fetch_add(consumed.into(), Relaxed);
                sink.send(Message::text(std::mem::take(&mut consumed).to_string())).await
            }
            read = read_within(reader, &shared.window) => match read {
                Ok(bytes) if !bytes.is_empty() => {
                    shared.bandwidth.take(bytes.len()).await;
                    shared.metrics.bytes_to_pages.inc_by(bytes.len() as u64);
                    shared.moved();
                    sink.send(Message::Binary(bytes)).await
                }
                _ => return End::Remote,
            },
            () = sleep(PING_PERIOD) => sink.send(Message::Ping(Bytes::new())).await,
        };
        if sent.is_err() {
            // What the page sent before it left is still to be written: that ends the stream.
            return std::future::pending().await;
        }
    }
}

/// Reads as much as the page has credited. Without credit nothing is read, so that the remote's own
/// window fills.
async fn read_within(reader: &mut Reader, window: &Semaphore) -> io::Result<Bytes> {
    let one = window.acquire().await.map_err(io::Error::other)?;
    let max = window.available_permits().saturating_add(1).min(MAX_DATA_MESSAGE_BYTES);
    let bytes = reader.read(max).await?;
    one.forget();
    window.forget_permits(bytes.len().saturating_sub(1));
    if bytes.is_empty() {
        window.add_permits(1);
    }
    Ok(bytes)
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
