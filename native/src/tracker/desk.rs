//! Where every way in comes together: what an announce must pass, and what is counted of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gannet_core::{announce::ScrapeEntry, id::InfoHash};

use super::{
    MIN_INTERVAL, Store,
    allow_list::AllowList,
    limits::Limits,
    metrics::{Counters, Refusal, TransportCounters},
    rates::Rates,
    store::{Answer, Full, Presence},
};

/// Why an announce that can be read is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is an allow list, and the torrent isn't on it.
    #[error("this tracker doesn't serve this torrent")]
    NotAllowed,
    /// Its address has sent more than [`Limits::max_announces_per_second`].
    #[error("too many announces from this address")]
    TooMany,
    /// The torrent is new, and there are too many.
    #[error(transparent)]
    Full(#[from] Full),
}

impl Refused {
    const fn kind(self) -> Refusal {
        match self {
            Self::NotAllowed => Refusal::NotAllowed,
            Self::TooMany => Refusal::TooMany,
            Self::Full(_) => Refusal::Full,
        }
    }
}

/// The store, and what guards it. Shared by all transports.
#[derive(Debug)]
pub struct Desk {
    /// The swarms.
    pub store: Arc<Store>,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// The torrents that are served.
    pub allow_list: AllowList,
    /// How much is taken in.
    pub limits: Limits,
    /// How often peers shall announce themselves.
    pub interval: Duration,
    pub(super) rates: Rates,
}

impl Desk {
    /// An empty store, guarded by these limits and this list.
    pub fn new(
        lifetime: Duration,
        interval: Duration,
        limits: Limits,
        allow_list: AllowList,
    ) -> Self {
        Self {
            store: Arc::new(Store::new(lifetime, &limits)),
            counters: Arc::default(),
            allow_list,
            rates: Rates::new(&limits),
            interval,
            limits,
        }
    }

    /// Takes in and answers an announce, unless it is refused; counts it either way.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn announce(
        &self,
        transport: &TransportCounters,
        now: Instant,
        presence: &Presence,
        answer: &mut Answer,
    ) -> Result<(), Refused> {
        let answered = self.admit(presence).and_then(|()| {
            self.store.announce_into(now, presence, answer)?;
            Ok(())
        });
        match answered {
            Ok(()) => transport.announces(presence.event).inc(),
            Err(refused) => transport.refusals(refused.kind()).inc(),
        };
        answered
    }

    fn admit(&self, presence: &Presence) -> Result<(), Refused> {
        if !self.rates.admit(presence.ip) {
            return Err(Refused::TooMany);
        }
        match self.allow_list.permits(&presence.info_hash) {
            true => Ok(()),
            false => Err(Refused::NotAllowed),
        }
    }

    /// The numbers of one swarm: zeros if it isn't known or isn't served.
    pub fn scrape(&self, info_hash: &InfoHash) -> ScrapeEntry {
        match self.allow_list.permits(info_hash) {
            true => self.store.scrape(info_hash),
            false => ScrapeEntry::default(),
        }
    }

    /// How long clients shall wait, in seconds, and how long at least. Neither is none: an interval
    /// of none would have clients ask without end.
    pub(super) fn interval_seconds(&self) -> (u32, u32) {
        let whole = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1);
        (whole(self.interval), whole(self.interval.min(MIN_INTERVAL)))
    }
}
