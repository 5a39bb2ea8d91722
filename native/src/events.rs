//! News of a torrent on their way to whoever wants to know.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gannet_core::event::News;
use tokio::sync::mpsc;

/// News that wait to be read, at most. Further news of progress are dropped, and counted.
pub const MAX_NEWS_QUEUED: usize = 1024;
/// Room beyond [`MAX_NEWS_QUEUED`] for news that nobody may miss: the torrent's state, its metadata,
/// that it was checked, finished or removed, that its storage failed or works again.
pub const ESSENTIAL_NEWS_QUEUED: usize = 256;

/// The news of one torrent, in order; ends after [`News::Removed`], or with its client.
///
/// A slow reader slows down nothing but itself: see [`MAX_NEWS_QUEUED`].
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<News>,
    dropped: Arc<AtomicU64>,
}

impl Events {
    /// Waits for the next news; `None` after the last. May be dropped while it waits, nothing is lost.
    pub async fn next(&mut self) -> Option<News> {
        self.queue.recv().await
    }

    /// How many news were dropped so far because nobody read them in time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The other end of [`Events`].
pub(crate) struct Announcer {
    queue: mpsc::Sender<News>,
    dropped: Arc<AtomicU64>,
}

/// Both ends for one torrent.
pub(crate) fn events() -> (Announcer, Events) {
    let (sender, receiver) = mpsc::channel(MAX_NEWS_QUEUED + ESSENTIAL_NEWS_QUEUED);
    let dropped = Arc::new(AtomicU64::new(0));
    let events = Events { queue: receiver, dropped: Arc::clone(&dropped) };
    (Announcer { queue: sender, dropped }, events)
}

impl Announcer {
    /// Queues news, or drops them if the reader is too slow for them.
    pub(crate) fn tell(&self, news: News) {
        let has_room = self.queue.capacity() > ESSENTIAL_NEWS_QUEUED || is_essential(&news);
        // A reader that has gone is none that could miss anything.
        if !has_room || matches!(self.queue.try_send(news), Err(mpsc::error::TrySendError::Full(_)))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn is_essential(news: &News) -> bool {
    matches!(
        news,
        News::State(_)
            | News::Metadata(_)
            | News::Checked { .. }
            | News::Finished
            | News::StorageFailed(_)
            | News::StorageRecovered
            | News::Removed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_lags_misses_progress_but_nothing_essential() {
        let (announcer, mut events) = events();
        for _ in 0..MAX_NEWS_QUEUED + 10 {
            announcer.tell(News::Banned { name: "someone".to_owned() });
        }
        announcer.tell(News::Finished);
        announcer.tell(News::Removed);
        drop(announcer);
        assert_eq!(events.dropped(), 10);
        let mut read = Vec::new();
        while let Some(news) = events.next().await {
            read.push(news);
        }
        assert_eq!(read.len(), MAX_NEWS_QUEUED + 2);
        assert!(matches!(read[read.len() - 2..], [News::Finished, News::Removed]));
    }
}
