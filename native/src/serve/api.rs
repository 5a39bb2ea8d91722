//! Downloads over HTTP: for the page, for scripts, for whoever knows the token.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    http::{StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{Stream, StreamExt, stream};
use gannet_core::{
    id::InfoHash,
    metainfo::MAX_TORRENT_BYTES,
    stats::{STATS_SCHEMA, TorrentStats},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{App, downloads::Wanted, error::ServeError, guard::Asked};

/// The longest body in bytes: the largest .torrent in base64, and some.
pub const MAX_BODY_BYTES: usize = MAX_TORRENT_BYTES / 3 * 4 + 1024;
/// How often those who listen to events are told where downloads stand.
pub const STATS_PERIOD: Duration = Duration::from_secs(1);

type Shared = State<Arc<App>>;
type Answer = Result<Response, ServeError>;

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/downloads", get(list).post(add))
        .route("/api/v1/downloads/{hash}", get(one).delete(remove))
        .route("/api/v1/downloads/{hash}/peers", get(peers))
        .route("/api/v1/downloads/{hash}/pause", post(pause))
        .route("/api/v1/downloads/{hash}/resume", post(resume))
        .route("/api/v1/events", get(events))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

async fn list(State(app): Shared) -> Json<Value> {
    Json(json!({ "schema": STATS_SCHEMA, "torrents": app.downloads.all_stats().await }))
}

async fn one(State(app): Shared, Path(hash): Path<String>) -> Answer {
    Ok(Json(app.downloads.stats(&hash.parse()?).await?).into_response())
}

async fn peers(State(app): Shared, Path(hash): Path<String>) -> Answer {
    let stats = app.downloads.stats(&hash.parse()?).await?;
    Ok(Json(json!({ "schema": STATS_SCHEMA, "peers": stats.peers })).into_response())
}

#[derive(Deserialize)]
struct Add {
    add: String,
}

async fn add(State(app): Shared, body: Bytes) -> Answer {
    let Add { add } = serde_json::from_slice(&body).map_err(|_| ServeError::Body)?;
    let wanted = app.understand(add.trim()).await?;
    let info_hash = wanted.info_hash();
    let is_new = app.downloads.add(wanted).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = [(header::LOCATION, format!("/api/v1/downloads/{info_hash}"))];
    Ok((status, location, Json(json!({ "info_hash": info_hash }))).into_response())
}

impl App {
    /// What text names: a magnet link, the URL of a .torrent, or one itself in base64.
    async fn understand(&self, text: &str) -> Result<Wanted, ServeError> {
        let begins = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if begins("magnet:") {
            return Ok(Wanted::Magnet(Box::new(text.parse()?)));
        }
        let file = match begins("http://") || begins("https://") {
            true => self.downloads.client().fetch_url(text).await?,
            false => BASE64_STANDARD.decode(text).map_err(|_| ServeError::Body)?.into(),
        };
        Wanted::parse(file)
    }
}

async fn pause(State(app): Shared, Path(hash): Path<String>) -> Answer {
    app.downloads.torrent(&hash.parse()?)?.pause().await?;
    app.downloads.change();
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn resume(State(app): Shared, Path(hash): Path<String>) -> Answer {
    app.downloads.torrent(&hash.parse()?)?.resume().await?;
    app.downloads.change();
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove(State(app): Shared, Path(hash): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let with_data = query.is_some_and(|query| query.split('&').any(|pair| pair == "data=true"));
    app.downloads.remove(&hash.parse()?, with_data).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn events(State(app): Shared, Extension(asked): Extension<Asked>) -> impl IntoResponse {
    let end = app.stopping.clone().cancelled_owned();
    Sse::new(Watch::new(app, asked).stream().take_until(end)).keep_alive(KeepAlive::default())
}

/// Somebody who is told what there is and where it stands, again and again. A reader that is slow
/// hears of it less often.
struct Watch {
    app: Arc<App>,
    asked: Asked,
    ticks: Interval,
    /// What there was when it was told last.
    told: Option<u64>,
}

impl Watch {
    fn new(app: Arc<App>, asked: Asked) -> Self {
        let mut ticks = interval(STATS_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { app, asked, ticks, told: None }
    }

    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let next = async |mut watch: Self| {
            watch.ticks.tick().await;
            Some((stream::iter(watch.events().await), watch))
        };
        stream::unfold(self, next).flatten().map(Ok)
    }

    async fn events(&mut self) -> Vec<Event> {
        let changes = self.app.downloads.changes();
        let all = self.app.downloads.all_stats().await;
        let mut events = Vec::with_capacity(all.len() + 1);
        if self.told.replace(changes) != Some(changes) {
            let info_hashes: Vec<_> = all.iter().filter_map(|stats| stats.info_hash).collect();
            let torrents = self.app.offered(&self.asked).await;
            let line = json!({ "torrents": torrents, "info_hashes": info_hashes });
            events.push(Event::default().event("torrents").data(line.to_string()));
        }
        events.extend(all.iter().map(stats_event));
        events
    }
}

/// As `--json` prints it.
fn stats_event(stats: &TorrentStats) -> Event {
    let info_hash: Option<InfoHash> = stats.info_hash;
    let line = json!({
        "schema": STATS_SCHEMA, "event": "stats", "info_hash": info_hash, "stats": stats,
    });
    Event::default().event("stats").data(line.to_string())
}
