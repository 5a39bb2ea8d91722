//! What a tracker counts. The counters are looked up once, so that counting costs an atomic each.

use gannet_core::announce::AnnounceEvent;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::shared::SharedStatus;

/// The upper bounds of the latency histogram's buckets, in seconds.
pub const LATENCY_BUCKETS_SECONDS: [f64; 10] =
    [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 5e-4, 2e-3, 1e-2, 1e-1];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    transport: &'static str,
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    transport: &'static str,
    kind: &'static str,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It can't be read.
    Malformed,
    /// Its torrent isn't on the allow list.
    NotAllowed,
    /// Its address asks too often.
    TooMany,
    /// The store is full.
    Full,
    /// A UDP connection id that isn't, or is no longer, good.
    ConnectionId,
    /// A token that is missing or wrong.
    Token,
}

impl Refusal {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Malformed, "malformed"),
        (Self::NotAllowed, "not_allowed"),
        (Self::TooMany, "too_many"),
        (Self::Full, "full"),
        (Self::ConnectionId, "connection_id"),
        (Self::Token, "token"),
    ];
}

/// The names of events, in the order of [`event_place`].
const EVENTS: [&str; 4] = ["none", "started", "completed", "stopped"];

const fn event_place(event: AnnounceEvent) -> usize {
    match event {
        AnnounceEvent::None => 0,
        AnnounceEvent::Started => 1,
        AnnounceEvent::Completed => 2,
        AnnounceEvent::Stopped => 3,
    }
}

/// What is counted of one way in.
#[derive(Debug)]
pub struct TransportCounters {
    announces: [Counter; EVENTS.len()],
    /// Scrapes, however many torrents they ask for.
    pub scrapes: Counter,
    refusals: [Counter; Refusal::ALL.len()],
    /// How long announces take, from the request as it was read to the answer as it will be
    /// written, in seconds.
    pub latency: Histogram,
}

impl TransportCounters {
    /// The announces with this event.
    pub const fn announces(&self, event: AnnounceEvent) -> &Counter {
        &self.announces[event_place(event)]
    }

    /// What was refused for this reason.
    pub const fn refusals(&self, refusal: Refusal) -> &Counter {
        &self.refusals[refusal as usize]
    }
}

/// All counters of a tracker.
#[derive(Debug)]
pub struct Counters {
    /// Announces and scrapes over HTTP.
    pub http: TransportCounters,
    /// Announces and scrapes over UDP.
    pub udp: TransportCounters,
    /// What is announced through the web API, one for each torrent of a registration.
    pub api: TransportCounters,
    /// Open HTTP connections.
    pub connections: Gauge,
    /// What is shared with other instances.
    pub shared: SharedStatus,
    families: Families,
}

#[derive(Debug)]
struct Families {
    announces: Family<EventLabels, Counter>,
    scrapes: Family<TransportLabel, Counter>,
    refusals: Family<ErrorLabels, Counter>,
    latency: Family<TransportLabel, Histogram>,
}

impl Families {
    fn transport(&self, transport: &'static str) -> TransportCounters {
        let event = |event| EventLabels { transport, event };
        let error = |(_, kind)| ErrorLabels { transport, kind };
        let label = TransportLabel { transport };
        TransportCounters {
            announces: EVENTS.map(|name| self.announces.get_or_create_owned(&event(name))),
            scrapes: self.scrapes.get_or_create_owned(&label),
            refusals: Refusal::ALL.map(|kind| self.refusals.get_or_create_owned(&error(kind))),
            latency: self.latency.get_or_create_owned(&label),
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        let families = Families {
            announces: Family::default(),
            scrapes: Family::default(),
            refusals: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS_SECONDS)),
        };
        Self {
            http: families.transport("http"),
            udp: families.transport("udp"),
            api: families.transport("api"),
            connections: Gauge::default(),
            shared: SharedStatus::default(),
            families,
        }
    }
}

impl Counters {
    /// Adds all of them to what a registry shows, named `gannet_tracker_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("gannet_tracker");
        self.shared.register(registry);
        let families = &self.families;
        registry.register("announces", "Announces", families.announces.clone());
        registry.register("scrapes", "Scrapes", families.scrapes.clone());
        registry.register("errors", "Requests that were refused", families.refusals.clone());
        registry.register("connections", "Open HTTP connections", self.connections.clone());
        let help = "How long announces take";
        registry.register_with_unit(
            "announce_latency",
            help,
            Unit::Seconds,
            families.latency.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn what_is_counted_is_shown_with_its_labels() {
        let counters = Counters::default();
        counters.udp.announces(AnnounceEvent::Stopped).inc();
        counters.http.refusals(Refusal::Token).inc();
        counters.http.latency.observe(3e-6);
        let (mut registry, mut text) = (Registry::default(), String::new());
        counters.register(&mut registry);
        encode(&mut text, &registry).unwrap();
        for line in [
            r#"gannet_tracker_announces_total{transport="udp",event="stopped"} 1"#,
            r#"gannet_tracker_announces_total{transport="http",event="none"} 0"#,
            r#"gannet_tracker_errors_total{transport="http",kind="token"} 1"#,
            r#"gannet_tracker_announce_latency_seconds_bucket{le="0.000005",transport="http"} 1"#,
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn every_refusal_is_counted_at_its_own_place() {
        for (place, (refusal, _)) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place);
        }
    }
}
