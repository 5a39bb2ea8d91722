//! Which path leads where, and what every answer carries.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
    middleware,
    routing::{delete, get, post, put},
};
use tower_http::{
    cors::{Any, CorsLayer},
    set_header::SetResponseHeaderLayer,
};

use super::{ApiError, ApiState, access, monitor, publish, read, register};
use crate::tracker::page;

/// How long a browser may remember what pages of other origins may do.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What is sent with every answer. The policy lets the page load its own script and style and ask
/// its own server, and nothing else: even a name that were taken for markup could do nothing.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

/// All that isn't an announce or a scrape.
pub(in crate::tracker) fn router(state: Arc<ApiState>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::clone(&state), access::guard_reading);
    let guarded = Router::new()
        .route("/api/v1/totals", get(read::totals))
        .route("/api/v1/torrents", get(read::torrents))
        .route("/api/v1/torrents/{torrent}", get(read::torrent))
        .route("/api/v1/seeders", get(read::seeders))
        .route("/api/v1/seeders/{seeder}", get(read::seeder))
        .route("/torrents/{file}", get(publish::serve))
        .route("/metrics", get(monitor::metrics))
        .route_layer(guard);
    let router = Router::new()
        .route("/api/v1", get(read::about))
        .route("/api/v1/seeders", post(register::register))
        .route("/api/v1/seeders/{seeder}", delete(register::withdraw))
        .route("/api/v1/torrents/{torrent}", put(publish::publish).delete(publish::withdraw))
        .route("/health", get(monitor::health))
        .merge(guarded)
        .merge(page::router())
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::Method)
        .with_state(state);
    let router = HEADERS.into_iter().fold(router, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::if_not_present(name, value))
    });
    router.layer(any_origin())
}

/// Pages of any origin may do all that they have a token for, never with credentials that a
/// browser adds by itself.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER, header::CONTENT_DISPOSITION])
        .max_age(PREFLIGHT_LIFETIME)
}
