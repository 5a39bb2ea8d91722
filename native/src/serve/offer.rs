//! What the server has for the page and for whoever asks it by hand: `/gannet.json`, the .torrent
//! files, the page itself, `/metrics` and `/health`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use gannet_core::{magnet::Magnet, metainfo::Info, percent};
use prometheus_client::{encoding::text::encode, metrics::gauge::Gauge, registry::Registry};
use serde_json::{Value, json};

use super::{App, error::ServeError, guard::Asked, torrent_file};

/// What `prometheus-client` writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The last line of metrics.
const METRICS_END: &str = "# EOF\n";

type Shared = State<Arc<App>>;

/// The page's files come first: whatever isn't one goes on.
pub(super) async fn page(State(app): Shared, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let file = is_read.then(|| app.page.answer(request.uri().path(), request.headers())).flatten();
    match file {
        Some(file) => file,
        None => next.run(request).await,
    }
}

/// What a page asks its own server at its start.
pub(super) async fn manifest(State(app): Shared, Extension(asked): Extension<Asked>) -> Response {
    let manifest = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "relays": [asked.url("ws")],
        "trackers": [app.announce_url(&asked)],
        "api": "/api/v1",
        "torrents": app.offered(&asked).await,
    });
    ([(header::CACHE_CONTROL, "no-store")], Json(manifest)).into_response()
}

/// Where a .torrent is.
pub(super) fn torrent_path(name: &str) -> String {
    format!("/torrents/{}.torrent", percent::encode(name.as_bytes()))
}

/// A link with this server as its first tracker.
pub(super) fn magnet(info: &Info, announce: &str, trackers: &[String]) -> Magnet {
    let own = (!info.private()).then(|| announce.to_owned());
    let others = trackers.iter().filter(|url| *url != announce).cloned();
    Magnet {
        name: Some(info.name().to_owned()),
        trackers: own.into_iter().chain(others).collect(),
        ..Magnet::new(*info.info_hash())
    }
}

/// A .torrent, with this server as a tracker.
pub(super) async fn torrent(
    State(app): Shared,
    Extension(asked): Extension<Asked>,
    Path(file): Path<String>,
) -> Result<Response, ServeError> {
    let name = file.strip_suffix(".torrent").ok_or(ServeError::NotFound)?;
    let published = app.tracker.catalogue().named(name).ok_or(ServeError::NotFound)?;
    let body = torrent_file::with_tracker(&published.torrent, &app.announce_url(&asked));
    let file = percent::encode(format!("{}.torrent", published.name).as_bytes());
    let headers = [
        (header::CONTENT_TYPE, "application/x-bittorrent".to_owned()),
        // RFC 6266 and 8187: any name, and nothing in it is syntax.
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{file}")),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    Ok((headers, body).into_response())
}

impl App {
    /// What can be downloaded from here, as pages are told.
    pub(super) async fn offered(&self, asked: &Asked) -> Vec<Value> {
        let announce = self.announce_url(asked);
        let offers = self.downloads.offers().await;
        let offer = |(name, trackers, info): &(String, Vec<String>, Arc<Info>)| {
            json!({
                "name": info.name(),
                "info_hash": info.info_hash(),
                "length": info.layout().total_length(),
                "files": info.files().len(),
                "url": torrent_path(name),
                "magnet": magnet(info, &announce, trackers).to_string(),
            })
        };
        offers.iter().map(offer).collect()
    }

    /// The tracker's URL, by the name that whoever asks knows, if it is one that all know.
    fn announce_url(&self, asked: &Asked) -> String {
        let url = format!("{}/announce", asked.url("http"));
        let is_known = reqwest::Url::parse(&url).is_ok_and(|url| self.hosts.is_announce(&url));
        if is_known { url } else { self.announce.clone() }
    }
}

/// The figures of tracker, relay and client, for Prometheus.
pub(super) async fn metrics(State(app): Shared) -> Response {
    let stats = app.downloads.all_stats().await;
    let mut registry = Registry::with_prefix("gannet_serve");
    let sum = |of: fn(&gannet_core::stats::TorrentStats) -> u64| stats.iter().map(of).sum();
    for (name, help, value) in [
        ("torrents", "Torrents, shared and downloaded", stats.len() as u64),
        ("peers", "Peers of them, connected", sum(|it| it.peers_connected.into())),
        ("downloaded_bytes", "Payload that they received", sum(|it| it.downloaded_bytes)),
        ("uploaded_bytes", "Payload that they sent", sum(|it| it.uploaded_bytes)),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let mut text = String::new();
    for part in [app.tracker.metrics(), app.relay.figures()] {
        text.push_str(part.strip_suffix(METRICS_END).unwrap_or(&part));
    }
    // Writing into memory can't fail.
    let _ = encode(&mut text, &registry);
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// 503 once the server is leaving.
pub(super) async fn health(State(app): Shared) -> Response {
    let (code, status) = match app.stopping.is_cancelled() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        false => (StatusCode::OK, "ok"),
    };
    (code, Json(json!({ "status": status, "version": env!("CARGO_PKG_VERSION") }))).into_response()
}
