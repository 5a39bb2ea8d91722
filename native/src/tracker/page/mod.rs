//! The page at `/`: what the tracker has, for people. It asks the web API like any other client.

use std::sync::Arc;

use axum::{Router, http::header, response::IntoResponse, routing::get};

use super::api::ApiState;

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What it is made of: its path, its kind and its text, in the binary.
const FILES: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page.css")),
    ("/page.js", SCRIPT, include_str!("page.js")),
    ("/client.js", SCRIPT, include_str!("client.js")),
    ("/format.js", SCRIPT, include_str!("format.js")),
    ("/table.js", SCRIPT, include_str!("table.js")),
    ("/views.js", SCRIPT, include_str!("views.js")),
    ("/page.svg", "image/svg+xml", include_str!("page.svg")),
];

/// The routes of all its files. Its paths are relative, so that it may stand behind a proxy.
pub(super) fn router() -> Router<Arc<ApiState>> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        let file = move || async move { ([(header::CONTENT_TYPE, kind)], text).into_response() };
        router.route(path, get(file))
    })
}
