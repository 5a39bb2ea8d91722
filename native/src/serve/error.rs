//! What goes wrong, as a program and as a person reads it.

use std::io;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gannet_core::{
    announce::HttpError, id::InfoHashError, magnet::MagnetError, metainfo::MetainfoError,
};
use serde_json::json;

use crate::{
    client::{AddError, Gone},
    tracker::CatalogueError,
};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `Host` is no name of this server.
    #[error("this server has another name; --host gives it one more")]
    Host,
    /// It comes from a page of another server.
    #[error("pages of this origin aren't served; --origin admits one")]
    Origin,
    /// It would change something, and shows no token.
    #[error("this needs the token, as `Authorization: Bearer TOKEN`")]
    TokenMissing,
    /// It shows another token.
    #[error("the token is wrong")]
    TokenWrong,
    /// There is nothing.
    #[error("no such download")]
    Unknown,
    /// There is nothing at the path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The body isn't JSON as documented.
    #[error("the body isn't {{\"add\": \"a magnet link, a URL, or a .torrent in base64\"}}")]
    Body,
    /// No info hash.
    #[error(transparent)]
    InfoHash(#[from] InfoHashError),
    /// No .torrent file.
    #[error("not a .torrent file: {0}")]
    Torrent(#[from] MetainfoError),
    /// No magnet link.
    #[error(transparent)]
    Magnet(#[from] MagnetError),
    /// The .torrent can't be fetched.
    #[error("the .torrent can't be fetched: {0}")]
    Fetch(#[from] HttpError),
    /// The client doesn't take it.
    #[error(transparent)]
    Add(#[from] AddError),
    /// As many as there may be.
    #[error("there are as many downloads as there may be")]
    Full,
    /// Data that was shared isn't this server's to delete.
    #[error("what was shared from the command line is never deleted")]
    SharedData,
    /// Its files can't be deleted.
    #[error("can't be deleted: {0}")]
    Disk(#[from] io::Error),
    /// Its .torrent can't be taken out.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The server ends.
    #[error("the server is stopping")]
    Stopping,
}

impl From<Gone> for ServeError {
    fn from(_: Gone) -> Self {
        Self::Unknown
    }
}

impl ServeError {
    /// The status, and a word that stays the same from version to version.
    const fn kind(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Host => (S::MISDIRECTED_REQUEST, "wrong_host"),
            Self::Origin => (S::FORBIDDEN, "wrong_origin"),
            Self::TokenMissing => (S::UNAUTHORIZED, "token_required"),
            Self::TokenWrong => (S::UNAUTHORIZED, "token_wrong"),
            Self::Unknown => (S::NOT_FOUND, "unknown_download"),
            Self::NotFound => (S::NOT_FOUND, "not_found"),
            Self::Body => (S::BAD_REQUEST, "bad_body"),
            Self::InfoHash(_) => (S::BAD_REQUEST, "bad_info_hash"),
            Self::Torrent(_) => (S::UNPROCESSABLE_ENTITY, "bad_torrent"),
            Self::Magnet(_) => (S::UNPROCESSABLE_ENTITY, "bad_magnet"),
            Self::Fetch(_) => (S::BAD_GATEWAY, "not_fetched"),
            Self::Add(AddError::Refused(_)) => (S::CONFLICT, "refused"),
            Self::Full => (S::INSUFFICIENT_STORAGE, "full"),
            Self::SharedData => (S::FORBIDDEN, "shared_data"),
            Self::Disk(_) | Self::Catalogue(_) => (S::INTERNAL_SERVER_ERROR, "disk"),
            Self::Add(AddError::Gone(_)) | Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping"),
        }
    }
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let (status, code) = self.kind();
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"gannet\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
