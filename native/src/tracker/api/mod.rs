//! What the tracker tells and takes in beside announces: JSON under `/api/v1`, published .torrent
//! files under `/torrents`, a page at `/`, `/metrics` and `/health`.
//!
//! Pages of any origin may use all of it: whoever may read or publish shows a token, never a
//! cookie. No state is changed by GET, and nothing depends on the `Host` header.

mod access;
mod body;
mod cache;
pub mod catalogue;
pub mod config;
mod error;
mod listing;
mod monitor;
mod publish;
mod query;
mod rate;
mod read;
mod register;
mod registry;
mod routes;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::sync::Semaphore;

pub(super) use self::routes::router;
pub use self::{
    access::{MAX_TOKEN_BYTES, Token, TokenError},
    catalogue::{Catalogue, CatalogueError},
    config::ApiConfig,
};
use self::{
    config::MAX_UPLOADS, error::ApiError, listing::Listings, rate::Rate, registry::Registry,
};
use super::{Desk, metrics::Refusal};

/// How often what is out of date is thrown away.
const UPKEEP_PERIOD: Duration = Duration::from_secs(5);
/// The upkeep of a tracker that hasn't been seen for this long has broken down.
const UPKEEP_PATIENCE: Duration = Duration::from_secs(30);

/// What all requests share.
#[derive(Debug)]
pub struct ApiState {
    desk: Arc<Desk>,
    config: ApiConfig,
    catalogue: Arc<Catalogue>,
    registry: Registry,
    rate: Rate,
    listings: Listings,
    uploads: Semaphore,
    /// Long lists are taken in one after the other: the rest of the machine is for announces.
    registering: Arc<Semaphore>,
    started: Instant,
    /// When the upkeep was last at work, in seconds after `started`.
    upkeep_seconds: AtomicU64,
}

impl ApiState {
    /// Opens the catalogue. A registration is forgotten after `lifetime`. Blocks on the disk.
    ///
    /// # Errors
    /// If the folder of published torrents can't be made or read.
    pub fn open(
        config: ApiConfig,
        desk: Arc<Desk>,
        lifetime: Duration,
    ) -> Result<Self, CatalogueError> {
        let dir = config.torrents_dir.as_deref();
        let catalogue = Catalogue::open(dir, config.max_published, config.max_published_bytes)?;
        Ok(Self {
            desk,
            catalogue: Arc::new(catalogue),
            registry: Registry::new(lifetime, &config),
            rate: Rate::per_minute(config.max_registrations_per_minute),
            listings: Listings::new(),
            uploads: Semaphore::new(MAX_UPLOADS),
            registering: Arc::new(Semaphore::new(1)),
            started: Instant::now(),
            upkeep_seconds: AtomicU64::new(0),
            config,
        })
    }

    /// The published torrents.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Throws away what is out of date, for ever. `/health` tells if this has ended.
    pub(super) async fn upkeep(&self) {
        loop {
            self.registry.sweep(Instant::now());
            self.rate.sweep();
            self.listings.sweep();
            self.upkeep_seconds.store(self.started.elapsed().as_secs(), Ordering::Relaxed);
            tokio::time::sleep(UPKEEP_PERIOD).await;
        }
    }

    fn is_kept_up(&self) -> bool {
        let seen = Duration::from_secs(self.upkeep_seconds.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(seen) < UPKEEP_PATIENCE
    }

    /// Counts an error, and passes it on.
    fn refused(&self, error: ApiError) -> ApiError {
        let refusal = match error {
            ApiError::TokenMissing | ApiError::TokenWrong | ApiError::PublishingOff => {
                Refusal::Token
            }
            ApiError::TooOften { .. } => Refusal::TooMany,
            ApiError::Registry(_) | ApiError::Catalogue(CatalogueError::Full) => Refusal::Full,
            _ => Refusal::Malformed,
        };
        self.desk.counters.api.refusals(refusal).inc();
        error
    }
}

/// An answer in JSON, with status 200.
fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        // None of our types has a key that isn't text, or fails by itself.
        Err(error) => {
            tracing::error!(%error, "an answer can't be written");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
