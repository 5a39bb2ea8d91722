//! What goes wrong, as a program and as a person reads it.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gannet_core::id::InfoHashError;
use serde::Serialize;

use super::{
    catalogue::{CatalogueError, PublishError},
    json,
    query::QueryError,
    registry::RegistryFull,
};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path has no such method")]
    Method,
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the path isn't percent-encoded UTF-8")]
    Path,
    #[error(transparent)]
    InfoHash(#[from] InfoHashError),
    #[error("a seeder is an address and a port, like 192.0.2.1:6881 or [2001:db8::1]:6881")]
    Address,
    #[error("a peer id is 40 hexadecimal digits")]
    PeerId,
    #[error("the body isn't what it should be: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the body is longer than {max_bytes} bytes")]
    BodyTooLong { max_bytes: usize },
    #[error("the body did not come in time")]
    BodyTimeout,
    #[error("the body did not come to its end")]
    BodyBroken,
    #[error("the list has {count} torrents, the limit is {max}")]
    TooManyTorrents { count: usize, max: usize },
    #[error("this address sends too many registrations; try again in {} s", wait_seconds(*wait))]
    TooOften { wait: Duration },
    #[error("{0}; announce the torrents one by one")]
    Registry(#[from] RegistryFull),
    #[error("this address has no such registration")]
    NotRegistered,
    #[error("this needs a token, as `Authorization: Bearer TOKEN`")]
    TokenMissing,
    #[error("the token is wrong")]
    TokenWrong,
    #[error("nothing can be published here: the tracker has no publish token")]
    PublishingOff,
    #[error("no torrent of this name is published")]
    NotPublished,
    #[error("no seeder is known at this address")]
    UnknownSeeder,
    #[error("no such torrent is known")]
    UnknownTorrent,
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("the tracker is stopping")]
    Stopping,
}

/// Whole seconds, rounded up.
fn wait_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl ApiError {
    /// The status, and a word that stays the same from version to version.
    fn kind(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::NotFound => (S::NOT_FOUND, "not_found"),
            Self::Method => (S::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Query(_) | Self::Path => (S::BAD_REQUEST, "bad_query"),
            Self::InfoHash(_) => (S::BAD_REQUEST, "bad_info_hash"),
            Self::Address => (S::BAD_REQUEST, "bad_address"),
            Self::PeerId => (S::BAD_REQUEST, "bad_peer_id"),
            Self::Json(_) => (S::BAD_REQUEST, "bad_body"),
            Self::BodyTooLong { .. } => (S::PAYLOAD_TOO_LARGE, "too_large"),
            Self::BodyTimeout => (S::REQUEST_TIMEOUT, "too_slow"),
            Self::BodyBroken => (S::BAD_REQUEST, "broken_body"),
            Self::TooManyTorrents { .. } => (S::UNPROCESSABLE_ENTITY, "too_many_torrents"),
            Self::TooOften { .. } => (S::TOO_MANY_REQUESTS, "too_often"),
            Self::Registry(_) => (S::INSUFFICIENT_STORAGE, "registry_full"),
            Self::NotRegistered => (S::NOT_FOUND, "not_registered"),
            Self::TokenMissing => (S::UNAUTHORIZED, "token_required"),
            Self::TokenWrong => (S::UNAUTHORIZED, "token_wrong"),
            Self::PublishingOff => (S::FORBIDDEN, "publishing_off"),
            Self::NotPublished => (S::NOT_FOUND, "not_published"),
            Self::UnknownSeeder => (S::NOT_FOUND, "unknown_seeder"),
            Self::UnknownTorrent => (S::NOT_FOUND, "unknown_torrent"),
            Self::Publish(PublishError::Name(_)) => (S::UNPROCESSABLE_ENTITY, "bad_name"),
            Self::Publish(PublishError::Torrent(_)) => (S::UNPROCESSABLE_ENTITY, "bad_torrent"),
            Self::Catalogue(error) => match error {
                CatalogueError::NameTaken { .. } => (S::CONFLICT, "name_taken"),
                CatalogueError::AlreadyPublished { .. } => (S::CONFLICT, "already_published"),
                CatalogueError::Full => (S::INSUFFICIENT_STORAGE, "catalogue_full"),
                CatalogueError::Disk { .. } => (S::INTERNAL_SERVER_ERROR, "disk"),
            },
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping"),
        }
    }

    /// Where the torrent is that stands in the way.
    fn torrent(&self) -> Option<String> {
        match self {
            Self::Catalogue(CatalogueError::AlreadyPublished { path }) => Some(path.clone()),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Body {
    error: Details,
}

#[derive(Serialize)]
struct Details {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    torrent: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Catalogue(CatalogueError::Disk { .. }) = &self {
            tracing::error!(error = %self, "a published torrent isn't on the disk");
        }
        let (status, code) = self.kind();
        let error = Details { code, message: self.to_string(), torrent: self.torrent() };
        let mut response = (status, json(&Body { error })).into_response();
        let headers = response.headers_mut();
        if let Self::TooOften { wait } = self {
            headers.insert(header::RETRY_AFTER, wait_seconds(wait).into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"gannet\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
