//! GET over HTTP and HTTPS, for announces and for .torrent files.

use std::{error::Error, sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use gannet_core::announce::HttpError;
pub use gannet_core::metainfo::MAX_TORRENT_BYTES;
use reqwest::{Client, ClientBuilder, Response, StatusCode, header::RETRY_AFTER, redirect};
pub(crate) use reqwest::{Method, Url};

/// How long a whole request may take, redirects and body included.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the connection alone may take.
pub const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many redirects are followed.
pub const MAX_REDIRECTS: usize = 5;
/// The longest answer to an announce, in bytes.
pub const MAX_ANNOUNCE_BYTES: usize = 2 * 1024 * 1024;

/// A request of any method.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Sent as `Authorization: Bearer`.
    pub(crate) token: Option<&'a str>,
    pub(crate) body: Bytes,
    /// How long all of it may take.
    pub(crate) limit: Duration,
}

/// An answer of any status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `Retry-After`, if it was in seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

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

    /// Sends a request, and returns the answer whatever its status is.
    ///
    /// # Errors
    /// No answer, or one whose body is longer than `max_bytes`.
    pub(crate) async fn ask(&self, ask: Ask<'_>, max_bytes: usize) -> Result<Reply, HttpError> {
        let client = self.client().ok_or(HttpError::Other)?;
        let mut request = client.request(ask.method, ask.url).timeout(ask.limit).body(ask.body);
        if let Some(token) = ask.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|error| cause(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        Ok(Reply { status, retry_after, body: body(response, max_bytes).await? })
    }

    fn client(&self) -> Option<&Client> {
        let builder =
            || builder(&self.user_agent).redirect(redirect::Policy::limited(MAX_REDIRECTS));
        self.client.get_or_init(|| build(builder)).as_ref()
    }
}

/// A client to be, with the limits that all have.
pub(crate) fn builder(user_agent: &str) -> ClientBuilder {
    Client::builder()
        .user_agent(user_agent)
        .timeout(HTTP_TIMEOUT)
        .connect_timeout(HTTP_CONNECT_TIMEOUT)
}

/// On a machine without any certificates HTTP still works, and no HTTPS server is trusted.
pub(crate) fn build(builder: impl Fn() -> ClientBuilder) -> Option<Client> {
    // Someone else in the process may have chosen a provider before: that one is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let attempts = [builder(), builder().tls_certs_only([])];
    attempts.into_iter().find_map(|builder| {
        let built = builder.build();
        built.inspect_err(|error| tracing::warn!(%error, "can't set up HTTPS")).ok()
    })
}

/// The body of a response, if it is at most `max_bytes` long.
pub(crate) async fn body(mut response: Response, max_bytes: usize) -> Result<Bytes, HttpError> {
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

/// What went wrong, in the core's words.
pub(crate) fn cause(error: &reqwest::Error) -> HttpError {
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers every connection with `answer` and closes it; where it listens.
    async fn server(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/announce", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
            }
        });
        url
    }

    async fn fetch(url: &str) -> Result<Bytes, HttpError> {
        Http::new("Gannet/test".to_owned()).fetch(url, 1000).await
    }

    fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
        [b"HTTP/1.1 200 OK\r\n", headers.as_bytes(), b"\r\n\r\n", body].concat()
    }

    #[tokio::test]
    async fn the_body_of_a_200_comes_as_it_is() {
        let url = server(ok("Content-Length: 3", b"d\0e")).await;
        assert_eq!(fetch(&url).await, Ok(Bytes::from_static(b"d\0e")));
    }

    #[tokio::test]
    async fn another_status_is_named() {
        let url = server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
        assert_eq!(fetch(&url).await, Err(HttpError::Status(404)));
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_not_read_whether_it_says_so_or_not() {
        let said = server(ok("Content-Length: 99999999999", b"")).await;
        assert_eq!(fetch(&said).await, Err(HttpError::TooLarge));
        let unsaid = server(ok("Connection: close", &[b'x'; 100_000])).await;
        assert_eq!(fetch(&unsaid).await, Err(HttpError::TooLarge));
    }

    #[tokio::test]
    async fn redirects_are_followed_but_not_forever() {
        let there = server(ok("Content-Length: 2", b"de")).await;
        let redirect = |to: &str| {
            let head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n";
            format!("{head}Location: {to}\r\n\r\n").into_bytes()
        };
        let once = server(redirect(&there)).await;
        assert_eq!(fetch(&once).await, Ok(Bytes::from_static(b"de")));
        let forever = server(redirect("/announce")).await;
        assert_eq!(fetch(&forever).await, Err(HttpError::Other));
    }

    #[tokio::test]
    async fn what_can_not_be_asked_is_told_apart() {
        assert_eq!(fetch("no url").await, Err(HttpError::BadUrl));
        assert_eq!(fetch("ftp://127.0.0.1/a").await, Err(HttpError::BadUrl));
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(fetch(&format!("http://{closed}/")).await, Err(HttpError::Connect));
        let plain = server(b"this is no TLS".to_vec()).await.replace("http:", "https:");
        assert_eq!(fetch(&plain).await, Err(HttpError::Tls));
        let rubbish = server(b"rubbish".to_vec()).await;
        assert_eq!(fetch(&rubbish).await, Err(HttpError::Other));
    }
}
