//! How a data socket begins: HTTP's handshake for a WebSocket, and the connection that it leaves.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::remote::Remote;

/// What a key is hashed with (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The answer to a request for a WebSocket; `None` if it isn't one.
pub(super) fn accept(headers: &HeaderMap) -> Option<Response> {
    let has = |name, wanted: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        let mut words = values.flat_map(|value| value.split(','));
        words.any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let is_websocket = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_websocket)?;
    let digest = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = response.headers_mut();
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accepted = HeaderValue::try_from(BASE64_STANDARD.encode(digest)).ok()?;
    fields.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    Some(response)
}

/// The connection under it, as HTTP left it.
pub(super) fn stream(upgraded: Upgraded) -> Option<Remote> {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Some(Remote::tcp(parts.io.into_inner(), alone(&parts.read_buf))),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<Box<TlsStream<TcpStream>>>>().ok()?;
    Some(Remote::tls(parts.io.into_inner(), alone(&parts.read_buf)))
}

/// What was read too much, without the buffer that it was read into.
fn alone(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const WHOLE: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn a_request_is_answered_as_the_rfc_has_it() {
        let response = accept(&headers(&WHOLE)).unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_request_that_lacks_a_field_is_none() {
        for missing in 0..WHOLE.len() {
            let mut fields = WHOLE.to_vec();
            fields.remove(missing);
            assert!(accept(&headers(&fields)).is_none(), "{missing}");
        }
    }
}
