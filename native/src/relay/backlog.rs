//! What a page has sent that its remote hasn't taken yet.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::BytesMut;
use tokio::sync::Notify;

/// Bytes are copied together into chunks of this size: however small the messages of a page are, they
/// take no more memory than their payload, but for one chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// The first one of a queue is shorter, if that does.
const MIN_CHUNK_BYTES: usize = 4 * 1024;

/// A queue of bytes between the one who reads the page and the one who writes to the remote. The page's
/// credit bounds it: it can't put more in than its window.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<BytesMut>,
    has_ended: bool,
}

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The queue is whole between any two statements that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, mut bytes: &[u8]) {
        let mut state = self.lock();
        while !bytes.is_empty() {
            let last = state.chunks.back_mut().filter(|last| last.len() < last.capacity());
            let Some(last) = last else {
                // Who takes what comes at once needs no more than that.
                let capacity = match state.chunks.is_empty() {
                    true => bytes.len().clamp(MIN_CHUNK_BYTES, CHUNK_BYTES),
                    false => CHUNK_BYTES,
                };
                state.chunks.push_back(BytesMut::with_capacity(capacity));
                continue;
            };
            let (part, rest) = bytes.split_at(bytes.len().min(last.capacity() - last.len()));
            last.extend_from_slice(part);
            bytes = rest;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// No more will come.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_one();
    }

    /// The next bytes, as soon as there are some; `None` once all are taken and no more will come.
    pub(super) async fn pop(&self) -> Option<BytesMut> {
        loop {
            {
                let mut state = self.lock();
                if let Some(chunk) = state.chunks.pop_front() {
                    return Some(chunk);
                }
                if state.has_ended {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_out_as_they_went_in_and_then_the_end() {
        let backlog = Backlog::default();
        let sent: Vec<u8> = (0..200_000).map(|at| (at % 251) as u8).collect();
        for part in sent.chunks(777) {
            backlog.push(part);
        }
        backlog.end();
        let mut received = Vec::new();
        while let Some(chunk) = backlog.pop().await {
            received.extend_from_slice(&chunk);
        }
        assert!(received == sent);
    }

    #[tokio::test]
    async fn many_small_messages_take_no_more_than_their_payload_and_a_chunk() {
        let backlog = Backlog::default();
        for _ in 0..1024 * 1024 {
            backlog.push(&[0]);
        }
        let capacity: usize = backlog.lock().chunks.iter().map(BytesMut::capacity).sum();
        assert!(capacity <= 1024 * 1024 + CHUNK_BYTES, "{capacity}");
    }
}
