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

/// What there is where no [`Link`] is.
const NOT_SHARED: u8 = u8::MAX;

/// How it stands with the shared store. Clones show the same.
#[derive(Debug, Clone)]
pub struct SharedStatus {
    link: Arc<AtomicU8>,
    /// Changes that the others were told.
    pub sent: Counter,
    /// Changes that the others told.
    pub received: Counter,
    /// Changes that came too fast, or waited too long.
    pub dropped: Counter,
    /// Entries of the log that can't be read.
    pub skipped: Counter,
    /// How often all memory was told, because the store had lost what it knew.
    pub retold: Counter,
    /// How old the last change from the others is while there are more to read, else 0.
    pub lag_seconds: Gauge<f64, AtomicU64>,
}

impl Default for SharedStatus {
    /// Nothing is shared.
    fn default() -> Self {
        Self {
            link: Arc::new(AtomicU8::new(NOT_SHARED)),
            sent: Counter::default(),
            received: Counter::default(),
            dropped: Counter::default(),
            skipped: Counter::default(),
            retold: Counter::default(),
            lag_seconds: Gauge::default(),
        }
    }
}

impl SharedStatus {
    /// What this instance has of the others; `None` if nothing is shared.
    pub fn link(&self) -> Option<Link> {
        Link::ALL.get(usize::from(self.link.load(Ordering::Relaxed))).copied()
    }

    /// Notes what this instance has of the others; whether that is new.
    pub(super) fn set(&self, link: Link) -> bool {
        self.link.swap(link as u8, Ordering::Relaxed) != link as u8
    }

    /// Adds all there is to what a registry shows, named `shared_…`; nothing if nothing is shared.
    pub fn register(&self, registry: &mut Registry) {
        let Some(link) = self.link() else { return };
        let registry = registry.sub_registry_with_prefix("shared");
        for (name, help, counter) in [
            ("changes_sent", "Changes told to the other instances", &self.sent),
            ("changes_received", "Changes heard from the other instances", &self.received),
            ("changes_dropped", "Changes that came too fast to be told", &self.dropped),
            ("entries_skipped", "Entries of the log that can't be read", &self.skipped),
            ("retellings", "How often the store had lost what it knew", &self.retold),
        ] {
            registry.register(name, help, counter.clone());
        }
        let connected: Gauge = Gauge::default();
        connected.set((link != Link::Away).into());
        registry.register("connected", "Whether the shared store can be reached", connected);
        let help = "How old the last change heard from the others is, if there are more";
        registry.register_with_unit("lag", help, Unit::Seconds, self.lag_seconds.clone());
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn shown(status: &SharedStatus) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        status.register(&mut registry);
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn a_tracker_on_its_own_shows_nothing_of_a_store() {
        let status = SharedStatus::default();
        assert_eq!(status.link(), None);
        assert!(!shown(&status).contains("shared"));
    }

    #[test]
    fn clones_show_the_same() {
        let status = SharedStatus::default();
        let other = status.clone();
        for link in Link::ALL {
            assert!(other.set(link) && !other.set(link));
            assert_eq!(status.link(), Some(link));
        }
        other.sent.inc_by(3);
        let text = shown(&status);
        for line in ["shared_changes_sent_total 3", "shared_connected 1", "shared_lag_seconds 0.0"]
        {
            assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        }
    }
}
