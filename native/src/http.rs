//! GET over HTTP and HTTPS, for announces and for .torrent files.

use std::{error::Error, sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use gannet_core::announce::HttpError;
use reqwest::{Client, ClientBuilder, Response, StatusCode, redirect};

/// How long a whole request may take, redirects and body included.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the connection alone may take.
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many redirects are followed.
pub const MAX_REDIRECTS: usize = 5;
/// The longest answer to an announce, in bytes.
pub const MAX_ANNOUNCE_BYTES: usize = 2 * 1024 * 1024;
/// The longest .torrent file that is fetched, in bytes (as long as one that is read).
pub const MAX_TORRENT_BYTES: usize = 64 * 1024 * 1024;

/// One client for all requests, so that connections are used again.
#[derive(Debug)]
pub(crate) struct Http {
    user_agent: String,
    /// Made at the first request: reading the system's certificates takes a while.
    client: OnceLock<Option<Client>>,
}

impl Http {
    /// Names itself `user_agent` to servers.
    pub(crate) fn new(user_agent: String) -> Self {
        Self { user_agent, client: OnceLock::new() }
    }

    /// The body of a 200 response of at most `max_bytes`.
    ///
    /// # Errors
    /// Any other answer, or none.
    pub(crate) async fn fetch(&self, url: &str, max_bytes: usize) -> Result<Bytes, HttpError> {
        let client = self.client().ok_or(HttpError::Other)?;
        let response = client.get(url).send().await.map_err(|error| cause(&error))?;
        match response.status() {
            StatusCode::OK => body(response, max_bytes).await,
            status => Err(HttpError::Status(status.as_u16())),
        }
    }

    fn client(&self) -> Option<&Client> {
        self.client.get_or_init(|| self.build()).as_ref()
    }

    /// On a machine without any certificates HTTP still works, and no HTTPS server is trusted.
    fn build(&self) -> Option<Client> {
        // Someone else in the process may have chosen a provider before: that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let attempts = [self.builder(), self.builder().tls_certs_only([])];
        attempts.into_iter().find_map(|builder| {
            let built = builder.build();
            built.inspect_err(|error| tracing::warn!(%error, "can't set up HTTPS")).ok()
        })
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(&self.user_agent)
            .timeout(HTTP_TIMEOUT)
            .connect_timeout(HTTP_CONNECT_TIMEOUT)
            .redirect(redirect::Policy::limited(MAX_REDIRECTS))
    }
}

async fn body(mut response: Response, max_bytes: usize) -> Result<Bytes, HttpError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max_bytes as u64 {
        return Err(HttpError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(part) = response.chunk().await.map_err(|error| cause(&error))? {
        if body.len() + part.len() > max_bytes {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

fn cause(error: &reqwest::Error) -> HttpError {
    if error.is_builder() {
        HttpError::BadUrl
    } else if error.is_timeout() {
        HttpError::Timeout
    } else if is_tls(error) {
        HttpError::Tls
    } else if error.is_connect() {
        HttpError::Connect
    } else {
        HttpError::Other
    }
}

/// Whether TLS is at the bottom of it, however deep it was wrapped.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An `io::Error` hides what it carries from `source()` of its own wrapper.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
