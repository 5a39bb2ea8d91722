//! What an operator's tools ask: `/metrics` and `/health`.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};
use serde::Serialize;

use super::{ApiState, json};
use crate::tracker::shared::Link;

/// What `prometheus-client` writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Label = [(&'static str, &'static str); 1];

/// What is counted and kept, for Prometheus.
pub(super) async fn metrics(State(state): State<Arc<ApiState>>) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], state.metrics()).into_response()
}

impl ApiState {
    /// What is counted and kept, as Prometheus reads it.
    pub(crate) fn metrics(&self) -> String {
        let mut registry = Registry::default();
        self.desk.counters.register(&mut registry);
        self.gauges(registry.sub_registry_with_prefix("gannet_tracker"));
        let mut text = String::new();
        // Writing into memory can't fail.
        let _ = encode(&mut text, &registry);
        text
    }

    /// What there is now.
    fn gauges(&self, registry: &mut Registry) {
        let totals = self.desk.store.totals();
        let peers = Family::<Label, Gauge>::default();
        for (role, count) in [("seeder", totals.seeders), ("leecher", totals.leechers)] {
            peers.get_or_create(&[("role", role)]).set(whole(count));
        }
        registry.register("peers", "Peers, each once for each of its torrents", peers);
        for (name, help, count) in [
            ("torrents", "Torrents with peers", totals.torrents),
            ("published_torrents", "Published .torrent files", self.catalogue.len()),
            ("registered_seeders", "Seeders registered with a list", self.registry.len()),
        ] {
            let gauge: Gauge = Gauge::default();
            gauge.set(whole(count));
            registry.register(name, help, gauge);
        }
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", version);
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    /// What this instance has of the others, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<&'static str>,
}

/// 503 if what has to be done now and then isn't done any more: start the tracker again.
pub(super) async fn health(State(state): State<Arc<ApiState>>) -> Response {
    let link = state.desk.counters.shared.link();
    let (code, status) = match (state.is_kept_up(), link) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "broken"),
        // It serves all the same, from its own memory.
        (true, Some(Link::Away | Link::Refusing)) => (StatusCode::OK, "degraded"),
        (true, _) => (StatusCode::OK, "ok"),
    };
    let uptime_seconds = state.started.elapsed().as_secs();
    let version = env!("CARGO_PKG_VERSION");
    let health = Health { status, version, uptime_seconds, shared: link.map(Link::word) };
    (code, json(&health)).into_response()
}
