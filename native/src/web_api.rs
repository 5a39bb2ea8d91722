//! A tracker's web API, asked: what it offers, whole lists of torrents, published torrents.
//!
//! [`Registrar`](crate::Registrar) keeps a list registered; [`publish`](WebApi::publish) hands over a .torrent.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use gannet_core::{
    announce::HttpError,
    id::{InfoHash, PeerId},
    percent,
};
use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    http::{Ask, HTTP_TIMEOUT, Method, Reply, Url},
};

/// How long a tracker may take to say what it offers.
pub const OFFER_LIMIT: Duration = Duration::from_secs(5);
/// How long a withdrawal may take: whoever leaves is given two seconds in all.
pub const WITHDRAWAL_LIMIT: Duration = Duration::from_millis(1_500);
/// The longest answer in bytes.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Torrents of a registration, if the tracker doesn't say how many it takes.
pub const DEFAULT_MAX_TORRENTS: usize = 50_000;
/// The only version of the API that is spoken.
const VERSION: u32 = 1;

/// What a tracker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Offer {
    /// The version of the API.
    api: u32,
    /// Whether seeders may register their lists.
    #[serde(default)]
    pub register: bool,
    /// Whether .torrent files may be published.
    #[serde(default)]
    pub publish: bool,
    /// The most torrents in the list of a seeder.
    #[serde(default = "default_max_torrents", rename = "max_torrents_per_seeder")]
    pub max_torrents: usize,
}

const fn default_max_torrents() -> usize {
    DEFAULT_MAX_TORRENTS
}

/// The answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Registered {
    /// When to come back, in seconds.
    pub interval_seconds: u32,
    /// How many torrents are in their swarms now.
    pub torrents: usize,
    /// Torrents that the tracker doesn't serve, by info hash.
    #[serde(default)]
    pub refused: Vec<String>,
    /// Leechers to connect to, by info hash.
    #[serde(default)]
    pub peers: BTreeMap<String, Vec<SocketAddr>>,
}

/// Why a tracker's API didn't do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// It doesn't offer it.
    #[error("the tracker doesn't offer this")]
    NotOffered,
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Too many requests.
    #[error("the tracker was asked too often")]
    TooOften {
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// It said no.
    #[error("the tracker says no (HTTP status {status}): {message}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// A stable word, empty if there was none.
        code: String,
        /// A sentence for people. A stranger wrote it.
        message: String,
    },
}

/// A tracker's API, found by its announce URL.
#[derive(Debug, Clone)]
pub struct WebApi {
    client: Client,
    origin: Url,
}

#[derive(Serialize)]
struct Registration<'a> {
    peer_id: String,
    port: u16,
    torrents: &'a [InfoHash],
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalText,
}

#[derive(Deserialize)]
struct RefusalText {
    code: String,
    message: String,
    torrent: Option<String>,
}

#[derive(Deserialize)]
struct Published {
    torrent: String,
}

impl WebApi {
    /// At the origin of an HTTP or HTTPS announce URL; `None` for any other.
    pub fn new(client: Client, announce_url: &str) -> Option<Self> {
        let url = Url::parse(announce_url).ok()?;
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        let origin = is_http.then(|| url.join("/").ok()).flatten()?;
        Some(Self { client, origin })
    }

    /// The URL that the API lies below.
    pub fn origin(&self) -> &str {
        self.origin.as_str()
    }

    /// Asks what the tracker offers.
    ///
    /// # Errors
    /// [`ApiError::NotOffered`] if it answers, but not as this API does.
    pub async fn offer(&self) -> Result<Offer, ApiError> {
        let reply = self.ask(Method::GET, "api/v1", None, Bytes::new(), OFFER_LIMIT).await?;
        let offer: Offer = read(&reply)?;
        if offer.api == VERSION { Ok(offer) } else { Err(ApiError::NotOffered) }
    }

    /// Registers the whole list; what was in the list before and no longer is has left.
    ///
    /// # Errors
    /// Any answer but success.
    pub async fn register(&self, port: u16, torrents: &[InfoHash]) -> Result<Registered, ApiError> {
        let peer_id = hex(self.client.peer_id());
        let body = Registration { peer_id, port, torrents };
        // Numbers, strings and a list: there is nothing in it that JSON doesn't have.
        let body = serde_json::to_vec(&body).unwrap_or_default().into();
        let reply = self.ask(Method::POST, "api/v1/seeders", None, body, HTTP_TIMEOUT).await?;
        read(&reply)
    }

    /// Withdraws the list.
    ///
    /// # Errors
    /// Any answer but success.
    pub async fn withdraw(&self, port: u16) -> Result<(), ApiError> {
        let path = format!("api/v1/seeders/{}?port={port}", hex(self.client.peer_id()));
        let asked = self.ask(Method::DELETE, &path, None, Bytes::new(), WITHDRAWAL_LIMIT);
        asked.await?;
        Ok(())
    }

    /// Hands over a .torrent under a name; returns the URL that it can be had at.
    ///
    /// # Errors
    /// Any answer but success; that the very torrent is there already, under any name, is success.
    pub async fn publish(
        &self,
        name: &str,
        torrent: Bytes,
        token: Option<&str>,
    ) -> Result<String, ApiError> {
        let path = format!("api/v1/torrents/{}", percent::encode(name.as_bytes()));
        let path = match self.ask(Method::PUT, &path, token, torrent, HTTP_TIMEOUT).await {
            Ok(reply) => read::<Published>(&reply)?.torrent,
            Err(Asked::Answered(reply)) => {
                already_published(&reply).ok_or_else(|| refusal(&reply))?
            }
            Err(error) => return Err(error.into()),
        };
        let url = self.origin.join(&path).map_err(|_| ApiError::NotOffered)?;
        Ok(url.into())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Bytes,
        limit: Duration,
    ) -> Result<Reply, Asked> {
        let url = self.origin.join(path).map_err(|_| Asked::Failed(HttpError::BadUrl))?;
        let ask = Ask { method, url, token, body, limit };
        let reply = self.client.http().ask(ask, MAX_ANSWER_BYTES).await.map_err(Asked::Failed)?;
        if matches!(reply.status, 200..=299) { Ok(reply) } else { Err(Asked::Answered(reply)) }
    }
}

/// What came instead of success.
enum Asked {
    Failed(HttpError),
    Answered(Reply),
}

impl From<Asked> for ApiError {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Failed(error) => Self::Http(error),
            Asked::Answered(reply) => refusal(&reply),
        }
    }
}

/// An answer that isn't what the API says is from something else.
fn read<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, ApiError> {
    serde_json::from_slice(&reply.body).map_err(|_| ApiError::NotOffered)
}

fn refusal(reply: &Reply) -> ApiError {
    let said = serde_json::from_slice::<Refusal>(&reply.body).ok();
    match (reply.status, said) {
        (429, _) => ApiError::TooOften { retry_after: reply.retry_after },
        (status @ 500.., None) => ApiError::Http(HttpError::Status(status)),
        (_, None) | (404 | 405, _) => ApiError::NotOffered,
        (status, Some(Refusal { error: RefusalText { code, message, .. } })) => {
            ApiError::Refused { status, code, message }
        }
    }
}

fn already_published(reply: &Reply) -> Option<String> {
    let said = serde_json::from_slice::<Refusal>(&reply.body).ok()?.error;
    said.torrent.filter(|_| reply.status == 409 && said.code == "already_published")
}

fn hex(peer_id: PeerId) -> String {
    peer_id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
