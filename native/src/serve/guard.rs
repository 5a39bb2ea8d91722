//! What every request must pass: it names this server, comes from a page of it or from no page at all,
//! and shows the token if it would change something.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{App, error::ServeError, hosts};

/// What follows has downloads in it.
const GUARDED: &str = "/api/v1/downloads";
/// What a proxy says that took the request over TLS.
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What is sent with every answer.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// How this server was addressed: to be answered with links of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Host and port.
    pub(super) authority: String,
    /// Whether over TLS.
    pub(super) is_tls: bool,
}

impl Asked {
    /// The scheme of a page, or of a socket.
    pub(super) fn url(&self, plain: &str) -> String {
        let secure = if self.is_tls { "s" } else { "" };
        format!("{plain}{secure}://{}", self.authority)
    }
}

/// Lets those pass that may.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match app.admit(&request) {
        Ok(asked) => {
            request.extensions_mut().insert(asked);
            let client = request.extensions().get::<IpAddr>().copied();
            request.extensions_mut().insert(app.as_peer(client));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

impl App {
    fn admit(&self, request: &Request) -> Result<Asked, ServeError> {
        let (uri, headers) = (request.uri(), request.headers());
        let authority = hosts::authority(uri, headers).ok_or(ServeError::Host)?;
        if !self.hosts.is_own(authority) {
            return Err(ServeError::Host);
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let is_named = self.origins.iter().any(|named| origin == named.as_str());
            if !is_named && !hosts::is_same(origin, authority) {
                return Err(ServeError::Origin);
            }
        }
        if uri.path().starts_with(GUARDED) && !is_reading(request.method()) {
            self.check_token(headers)?;
        }
        let is_forwarded = headers.get(X_FORWARDED_PROTO).is_some_and(|proto| proto == "https");
        Ok(Asked { authority: authority.to_owned(), is_tls: self.is_tls || is_forwarded })
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), ServeError> {
        match self.token.is_shown_in(headers) {
            Some(true) => Ok(()),
            Some(false) => Err(ServeError::TokenWrong),
            None => Err(ServeError::TokenMissing),
        }
    }

    /// Who asks, as other peers reach it: whoever is on this machine is where this machine is.
    fn as_peer(&self, client: Option<IpAddr>) -> SocketAddr {
        let ip = client.map_or(self.public, |ip| ip.to_canonical());
        SocketAddr::new(if ip.is_loopback() { self.public } else { ip }, 0)
    }
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
