//! What this tracker has learned from its clients, for other instances to hear of.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use gannet_core::id::InfoHash;
use tokio::sync::Notify;

/// What happened to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is there, and lacks something.
    Leeching,
    /// It is there, and has everything.
    Seeding,
    /// It has just become a seeder.
    Completed,
    /// It has gone.
    Left,
}

/// News of one peer in one swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The peer.
    pub addr: SocketAddr,
    /// What happened.
    pub kind: ChangeKind,
}

/// The changes that nobody has taken yet, oldest first: a bounded queue that never blocks who
/// announces. Clones are the same journal.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    changes: Mutex<VecDeque<Change>>,
    capacity: usize,
    dropped: AtomicU64,
    changed: Notify,
}

impl Journal {
    pub(super) fn new(capacity: usize) -> Self {
        Self(Arc::new(Shared {
            changes: Mutex::default(),
            capacity,
            dropped: AtomicU64::new(0),
            changed: Notify::new(),
        }))
    }

    fn changes(&self) -> MutexGuard<'_, VecDeque<Change>> {
        // A queue is whole between any two statements that could panic.
        self.0.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a change, or counts it as dropped if the journal is full.
    pub(super) fn offer(&self, change: Change) {
        let mut changes = self.changes();
        if changes.len() >= self.0.capacity {
            drop(changes);
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        changes.push_back(change);
        let is_first = changes.len() == 1;
        drop(changes);
        if is_first {
            self.0.changed.notify_one();
        }
    }

    /// Moves up to `max` changes to the end of `out`; how many.
    pub fn take(&self, out: &mut Vec<Change>, max: usize) -> usize {
        let mut changes = self.changes();
        let count = changes.len().min(max);
        out.extend(changes.drain(..count));
        count
    }

    /// Waits until there is something to take. For one task at a time.
    pub async fn changed(&self) {
        while self.changes().is_empty() {
            self.0.changed.notified().await;
        }
    }

    /// How many changes there was no room for, since the beginning.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}
