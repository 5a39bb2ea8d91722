//! Answers that take long to work out: once for all who ask meanwhile, and then for a while.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

use super::{ApiError, config::LISTING_REST};

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
    answer: Arc<OnceCell<Made<V>>>,
}

#[derive(Debug)]
struct Made<V> {
    value: V,
    at: Instant,
    cost: Duration,
}

impl<K, V> Entry<K, V> {
    /// Whether it is being worked out, or was not long ago: what took long is good for longer.
    fn is_fresh(&self, lifetime: Duration) -> bool {
        let is_young = |made: &Made<V>| made.at.elapsed() < lifetime.max(made.cost * LISTING_REST);
        self.answer.get().is_none_or(is_young)
    }
}

impl<K: PartialEq, V: Clone> Cache<K, V> {
    pub(super) fn new(capacity: usize, lifetime: Duration) -> Self {
        Self { entries: Mutex::default(), capacity, lifetime }
    }

    /// The answer: a fresh one, or the one that is being worked out, or else what `work` gives.
    pub(super) async fn answer(
        &self,
        key: K,
        work: impl Future<Output = Result<V, ApiError>>,
    ) -> Result<V, ApiError> {
        let answer = self.entry(key);
        let make = || async {
            let start = Instant::now();
            let value = work.await?;
            Ok(Made { value, at: Instant::now(), cost: start.elapsed() })
        };
        answer.get_or_try_init(make).await.map(|made| made.value.clone())
    }

    fn entry(&self, key: K) -> Arc<OnceCell<Made<V>>> {
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
        let (cache, works) = (Cache::new(4, LONG), AtomicUsize::new(0));
        let ask = || {
            cache.answer("question", async {
                tokio::task::yield_now().await;
                Ok(works.fetch_add(1, Ordering::SeqCst))
            })
        };
        let (a, b, c) = tokio::join!(ask(), ask(), ask());
        assert_eq!([a.unwrap(), b.unwrap(), c.unwrap()], [0, 0, 0]);
        assert_eq!(works.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_old_answer_is_not_given_and_not_kept() {
        let cache = Cache::new(4, Duration::ZERO);
        assert_eq!(cache.answer((), async { Ok(1) }).await.unwrap(), 1);
        // What took no time to work out is good for none.
        cache.entries()[0].answer = Arc::new(OnceCell::new_with(Some(Made {
            value: 1,
            at: Instant::now(),
            cost: Duration::ZERO,
        })));
        assert_eq!(cache.answer((), async { Ok(2) }).await.unwrap(), 2);
        assert_eq!(cache.entries().len(), 1);
    }

    #[tokio::test]
    async fn an_answer_that_took_long_is_good_for_longer() {
        let cache = Cache::new(4, Duration::ZERO);
        cache.answer((), async { Ok(1) }).await.unwrap();
        let made = Made { value: 1, at: Instant::now(), cost: LONG };
        cache.entries()[0].answer = Arc::new(OnceCell::new_with(Some(made)));
        assert_eq!(cache.answer((), async { Ok(2) }).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn no_more_answers_are_kept_than_there_may_be() {
        let cache = Cache::new(2, LONG);
        for key in 0..10 {
            assert_eq!(cache.answer(key, async { Ok(key) }).await.unwrap(), key);
        }
        assert_eq!(cache.entries().len(), 2);
    }

    #[tokio::test]
    async fn who_hangs_up_or_fails_leaves_the_question_to_the_next() {
        let cache = Cache::new(2, LONG);
        let waiting = cache.answer((), std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(10), waiting).await.is_err());
        assert!(cache.answer((), async { Err(ApiError::Stopping) }).await.is_err());
        assert_eq!(cache.answer((), async { Ok(2) }).await.unwrap(), 2);
    }
}
