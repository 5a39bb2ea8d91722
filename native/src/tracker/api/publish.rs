//! Published .torrent files: taken in with a token, served to whoever may read.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use gannet_core::{id::InfoHash, metainfo::MAX_TORRENT_BYTES, percent};
use serde::Serialize;

use super::{
    ApiError, ApiState, body,
    catalogue::{PublishError, Published, safe_name},
    json,
};

#[derive(Serialize)]
struct PublishedView<'p> {
    info_hash: InfoHash,
    name: &'p str,
    torrent: String,
}

pub(super) async fn publish(
    State(state): State<Arc<ApiState>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if let Err(error) = state.config.may_publish(&headers) {
        body::drain(body).await;
        return Err(state.refused(error));
    }
    let published = take_in(&state, path, body).await;
    let (published, is_new) = published.map_err(|error| state.refused(error))?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let (info_hash, name, torrent) = (published.info_hash, &*published.name, published.path());
    Ok((status, json(&PublishedView { info_hash, name, torrent })).into_response())
}

async fn take_in(
    state: &Arc<ApiState>,
    path: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<(Arc<Published>, bool), ApiError> {
    let Path(name) = path.map_err(|_| ApiError::Path)?;
    let _turn = state.uploads.acquire().await.map_err(|_| ApiError::Stopping)?;
    let torrent = body::read(body, MAX_TORRENT_BYTES).await?;
    let catalogue = Arc::clone(&state.catalogue);
    let work = move || Ok(catalogue.insert(Published::read(&name, torrent)?)?);
    tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Stopping)?
}

pub(super) async fn withdraw(
    State(state): State<Arc<ApiState>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    state.config.may_publish(&headers).map_err(|error| state.refused(error))?;
    let Path(name) = path.map_err(|_| ApiError::Path)?;
    let name = safe_name(&name).map_err(PublishError::from)?;
    let catalogue = Arc::clone(&state.catalogue);
    let work = move || catalogue.remove(&name);
    let removed = tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Stopping)??;
    removed.map(|_| StatusCode::NO_CONTENT).ok_or(ApiError::NotPublished)
}

/// The file, byte for byte as it was published.
pub(super) async fn serve(
    State(state): State<Arc<ApiState>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(file) = path.map_err(|_| ApiError::Path)?;
    let name = file.strip_suffix(".torrent").ok_or(ApiError::NotPublished)?;
    let published = state.catalogue.named(name).ok_or(ApiError::NotPublished)?;
    let file = percent::encode(format!("{}.torrent", published.name).as_bytes());
    let headers = [
        (header::CONTENT_TYPE, "application/x-bittorrent".to_owned()),
        // RFC 6266 and 8187: any name, and nothing in it is syntax.
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{file}")),
    ];
    Ok((headers, published.torrent.clone()).into_response())
}
