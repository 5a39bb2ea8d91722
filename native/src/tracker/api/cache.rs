//! Answers that take long to work out: off the async threads, once for all who ask meanwhile.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OnceCell, Semaphore};

use super::ApiError;

/// The last answers, by question.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    entries: Mutex<VecDeque<Entry<K, V>>>,
    capacity: usize,
    lifetime: Duration,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    answer: Arc<OnceCell<(Instant, V)>>,
}

impl<K, V> Entry<K, V> {
    /// Whether it is being worked out, or was not long ago.
    fn is_fresh(&self, lifetime: Duration) -> bool {
        self.answer.get().is_none_or(|(made, _)| made.elapsed() < lifetime)
    }
}

impl<K: PartialEq, V: Clone + Send + 'static> Cache<K, V> {
    pub(super) fn new(capacity: usize, lifetime: Duration) -> Self {
        Self { entries: Mutex::default(), capacity, lifetime }
    }

    /// The answer: a fresh one, or the one that is being worked out, or else what `work` returns,
    /// on a blocking thread, once one of the `turns` is free.
    pub(super) async fn answer(
        &self,
        key: K,
        turns: &Semaphore,
        work: impl FnOnce() -> V + Send + 'static,
    ) -> Result<V, ApiError> {
        let answer = self.entry(key);
        let make = || async {
            let _turn = turns.acquire().await.map_err(|_| ApiError::Stopping)?;
            let value = tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Stopping)?;
            Ok((Instant::now(), value))
        };
        answer.get_or_try_init(make).await.map(|(_, value)| value.clone())
    }

    fn entry(&self, key: K) -> Arc<OnceCell<(Instant, V)>> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.is_fresh(self.lifetime));
        if let Some(known) = entries.iter().find(|entry| entry.key == key) {
            return Arc::clone(&known.answer);
        }
        let answer = Arc::new(OnceCell::new());
        entries.push_back(Entry { key, answer: Arc::clone(&answer) });
        if entries.len() > self.capacity {
            entries.pop_front();
        }
        answer
    }

    /// Forgets what is too old to be an answer.
    pub(super) fn sweep(&self) {
        self.entries().retain(|entry| entry.is_fresh(self.lifetime));
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry<K, V>>> {
        // The queue is whole between any two statements that could panic.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn all_who_ask_at_the_same_time_share_one_answer() {
        let (cache, turns) = (Cache::new(4, LONG), Semaphore::new(1));
        let works = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let works = Arc::clone(&works);
            cache.answer("question", &turns, move || works.fetch_add(1, Ordering::SeqCst))
        };
        let (a, b, c) = tokio::join!(ask(), ask(), ask());
        assert_eq!([a.unwrap(), b.unwrap(), c.unwrap()], [0, 0, 0]);
        assert_eq!(works.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_old_answer_is_not_given_and_not_kept() {
        let (cache, turns) = (Cache::new(4, Duration::ZERO), Semaphore::new(1));
        assert_eq!(cache.answer((), &turns, || 1).await.unwrap(), 1);
        assert_eq!(cache.answer((), &turns, || 2).await.unwrap(), 2);
        cache.sweep();
        assert!(cache.entries().is_empty());
    }

    #[tokio::test]
    async fn no_more_answers_are_kept_than_there_may_be() {
        let (cache, turns) = (Cache::new(2, LONG), Semaphore::new(1));
        for key in 0..10 {
            assert_eq!(cache.answer(key, &turns, move || key).await.unwrap(), key);
        }
        assert_eq!(cache.entries().len(), 2);
    }

    #[tokio::test]
    async fn who_hangs_up_leaves_the_question_to_the_next() {
        let (cache, turns) = (Cache::new(2, LONG), Semaphore::new(0));
        let waiting = cache.answer((), &turns, || 1);
        assert!(tokio::time::timeout(Duration::from_millis(10), waiting).await.is_err());
        turns.add_permits(1);
        assert_eq!(cache.answer((), &turns, || 2).await.unwrap(), 2);
    }
}
