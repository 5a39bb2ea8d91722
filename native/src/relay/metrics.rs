//! What a relay counts, for Prometheus.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

/// The relay's figures.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// Open control sockets.
    pub(super) control_sockets: Gauge,
    /// Open data sockets.
    pub(super) data_sockets: Gauge,
    /// Torrents that pages take part in.
    pub(super) swarms: Gauge,
    /// Payload that pages were sent.
    pub(super) bytes_to_pages: Counter,
    /// Payload that pages have sent.
    pub(super) bytes_from_pages: Counter,
    dials: Family<Outcome, Counter>,
    announces: Family<Outcome, Counter>,
    refusals: Family<Refused, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

impl Metrics {
    pub(super) fn dialled(&self, outcome: &'static str) {
        self.dials.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn announced(&self, is_answered: bool) {
        let outcome = if is_answered { "answered" } else { "failed" };
        self.announces.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&Refused { reason }).inc();
    }

    /// All figures, as Prometheus reads them.
    pub(super) fn text(&self) -> String {
        let mut registry = Registry::with_prefix("gannet_relay");
        let mut gauge = |name, help, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("control_sockets", "Open control sockets", &self.control_sockets);
        gauge("data_sockets", "Open data sockets", &self.data_sockets);
        gauge("swarms", "Torrents that pages take part in", &self.swarms);
        let mut bytes = |name, help, counter: &Counter| {
            registry.register_with_unit(name, help, Unit::Bytes, counter.clone());
        };
        bytes("to_pages", "Payload that pages were sent", &self.bytes_to_pages);
        bytes("from_pages", "Payload that pages have sent", &self.bytes_from_pages);
        registry.register("dials", "Peers dialled, by outcome", self.dials.clone());
        registry.register("announces", "Announces, by outcome", self.announces.clone());
        registry.register(
            "refusals",
            "Sockets and dials refused, by reason",
            self.refusals.clone(),
        );
        let mut text = String::new();
        // Writing into memory can't fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_with_their_labels() {
        let metrics = Metrics::default();
        metrics.dialled("reached");
        metrics.bytes_to_pages.inc_by(5);
        let text = metrics.text();
        assert!(text.contains("gannet_relay_dials_total{outcome=\"reached\"} 1"), "{text}");
        assert!(text.contains("gannet_relay_to_pages_bytes_total 5"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
