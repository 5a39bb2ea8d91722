//! Who may do what: tokens, and how they come with a request.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::{constant_time::verify_slices_are_equal, rand};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{ApiConfig, ApiError, ApiState};
use crate::tracker::metrics::Refusal;

/// The longest token in bytes.
pub const MAX_TOKEN_BYTES: usize = 256;

/// What is random in a token that is made here, in bytes.
const RANDOM_TOKEN_BYTES: usize = 16;

/// A secret that whoever knows it may read or publish with. It is compared in constant time, and
/// never shown.
#[derive(Clone)]
pub struct Token(Box<[u8]>);

/// The text can't be a token: it couldn't be sent, or would be no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to {MAX_TOKEN_BYTES} visible ASCII characters")]
pub struct TokenError;

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_good = is_sendable && (1..=MAX_TOKEN_BYTES).contains(&text.len());
        is_good.then(|| Self(text.as_bytes().into())).ok_or(TokenError)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token itself, to be sent.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("it was made from ASCII")
    }

    /// One that nobody can guess.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub fn random() -> Self {
        let mut secret = [0; RANDOM_TOKEN_BYTES];
        rand::fill(&mut secret).expect("the system has randomness");
        let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(digits.into_bytes().into())
    }

    /// Whether it is what these headers show; `None` if they show none.
    pub(crate) fn is_shown_in(&self, headers: &HeaderMap) -> Option<bool> {
        shown_token(headers).map(|shown| self.is(&shown))
    }

    fn is(&self, shown: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, shown).is_ok()
    }
}

/// The token of a request: `Bearer`, or the password of `Basic`, which is how a client sends what
/// stands before the `@` of a URL.
fn shown_token(headers: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, credentials) =
        headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.into());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(credentials))?;
    let pair = pair.ok()?;
    let colon = pair.iter().position(|&byte| byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

impl ApiConfig {
    /// Whether this request may publish.
    pub(super) fn may_publish(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let token = self.publish_token.as_ref().ok_or(ApiError::PublishingOff)?;
        let shown = shown_token(headers).ok_or(ApiError::TokenMissing)?;
        if token.is(&shown) { Ok(()) } else { Err(ApiError::TokenWrong) }
    }

    /// Whether this request may read.
    pub(super) fn may_read(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(token) = &self.read_token else { return Ok(()) };
        let shown = shown_token(headers).ok_or(ApiError::TokenMissing)?;
        let is_publisher = self.publish_token.as_ref().is_some_and(|token| token.is(&shown));
        if token.is(&shown) || is_publisher { Ok(()) } else { Err(ApiError::TokenWrong) }
    }
}

/// Lets those pass who may read.
pub(super) async fn guard_reading(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Response {
    match state.config.may_read(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            state.desk.counters.api.refusals(Refusal::Token).inc();
            error.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        [(header::AUTHORIZATION, authorization.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_a_password() {
        for text in
            ["Bearer s3:cret", "bearer  s3:cret", "Basic OnMzOmNyZXQ=", "basic dTpzMzpjcmV0"]
        {
            assert_eq!(shown_token(&headers(text)).as_deref(), Some(&b"s3:cret"[..]), "{text}");
        }
        for text in ["Bearer", "Digest s3:cret", "Basic czM=", "Basic %%%", ""] {
            assert_eq!(shown_token(&headers(text)), None, "{text}");
        }
    }

    #[test]
    fn a_token_can_be_sent_and_is_never_shown() {
        for text in ["", "two words", "tab\t", "naïve", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
        let token: Token = "hunter2".parse().unwrap();
        assert!(!format!("{token:?}").contains("hunter2"));
        assert!(token.is(b"hunter2") && !token.is(b"hunter") && !token.is(b"hunter3"));
    }

    #[test]
    fn who_may_publish_may_read_but_not_the_other_way_round() {
        let config = ApiConfig {
            read_token: "reader".parse().ok(),
            publish_token: "publisher".parse().ok(),
            ..ApiConfig::default()
        };
        assert!(config.may_read(&headers("Bearer reader")).is_ok());
        assert!(config.may_read(&headers("Bearer publisher")).is_ok());
        assert!(matches!(config.may_read(&HeaderMap::new()), Err(ApiError::TokenMissing)));
        assert!(config.may_publish(&headers("Bearer publisher")).is_ok());
        let wrong = config.may_publish(&headers("Bearer reader"));
        assert!(matches!(wrong, Err(ApiError::TokenWrong)));
    }
}
