//! How it stands with the shared store: for `/health`, and for `/metrics`.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};

/// What an instance has of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The shared store can't be reached: this instance serves from its own memory.
    Away,
    /// It takes nothing in, for it is full or its disk is: the others don't hear of this one.
    Refusing,
    /// What the others have said isn't all read yet.
    Behind,
    /// All instances know the same.
    Good,
}

impl Link {
    const ALL: [Self; 4] = [Self::Away, Self::Refusing, Self::Behind, Self::Good];

    /// A word that stays the same from release to release.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Refusing => "refusing",
            Self::Behind => "behind",
            Self::Good => "good",
        }
    }
}

/// What is counted of the shared store. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct SharedCounters {
    /// Changes that the others were told.
    pub sent: Counter,
    /// Changes that the others told.
    pub received: Counter,
    /// Changes that came too fast, or waited too long.
    pub dropped: Counter,
    /// Entries of the log that can't be read.
    pub skipped: Counter,
    /// How often all memory was told, after the store had lost what it knew.
    pub retold: Counter,
    connected: Gauge,
    pub(super) lag_seconds: Gauge<f64, AtomicU64>,
}

impl SharedCounters {
    /// Adds all of them to what a registry shows, named `shared_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("shared");
        let counters = [
            ("changes_sent", "Changes told to the other instances", &self.sent),
            ("changes_received", "Changes heard from the other instances", &self.received),
            ("changes_dropped", "Changes that came too fast to be told", &self.dropped),
            ("entries_skipped", "Entries of the log that can't be read", &self.skipped),
            ("retellings", "How often the store had lost what it knew", &self.retold),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        let help = "Whether the shared store can be reached";
        registry.register("connected", help, self.connected.clone());
        let help = "How old the last change heard from the others was, if there are more to read";
        registry.register_with_unit("lag", help, Unit::Seconds, self.lag_seconds.clone());
    }
}

/// How it stands with the shared store. Clones show the same.
#[derive(Debug, Clone)]
pub struct SharedStatus {
    link: Arc<AtomicU8>,
    pub(super) counters: SharedCounters,
}

impl SharedStatus {
    pub(super) fn new(counters: SharedCounters) -> Self {
        Self { link: Arc::default(), counters }
    }

    /// What this instance has of the others.
    pub fn link(&self) -> Link {
        let word = self.link.load(Ordering::Relaxed);
        Link::ALL[usize::from(word) % Link::ALL.len()]
    }

    /// What is counted.
    pub fn counters(&self) -> &SharedCounters {
        &self.counters
    }

    /// Notes what this instance has of the others; whether that is new.
    pub(super) fn set(&self, link: Link) -> bool {
        self.counters.connected.set((link != Link::Away).into());
        self.link.swap(link as u8, Ordering::Relaxed) != link as u8
    }
}
