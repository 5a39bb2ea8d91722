//! Where the shared store is: `redis://[user[:password]@]host[:port][/db][?prefix=…]`.

use std::{fmt, str::FromStr};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError};

/// What the keys in the store begin with, unless the URL says otherwise.
pub const DEFAULT_PREFIX: &str = "gannet:";
/// The longest prefix in bytes.
pub const MAX_PREFIX_BYTES: usize = 64;

const PREFIX_FIELD: &str = "prefix";

/// The address of a Redis or Valkey, with what is needed to log in. Shown without the password.
#[derive(Clone)]
pub struct StoreUrl {
    pub(super) info: ConnectionInfo,
    prefix: String,
}

/// Why a URL names no shared store.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreUrlError {
    /// Another kind of URL, or none.
    #[error("a shared store is a URL like redis://host:6379/0, or rediss:// for TLS")]
    Scheme,
    /// A part of it can't be used.
    #[error("the URL of the shared store can't be used")]
    Url(#[from] RedisError),
    /// What follows the `?`.
    #[error("`{0}` is unknown: the URL of a shared store takes only `{PREFIX_FIELD}`")]
    Field(String),
    /// Too long, or empty.
    #[error("the prefix has 1 to {MAX_PREFIX_BYTES} bytes")]
    Prefix,
}

impl StoreUrl {
    /// The name of a key in the store.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let mut url = redis::parse_redis_url(text).ok_or(StoreUrlError::Scheme)?;
        if !["redis", "rediss", "valkey", "valkeys"].contains(&url.scheme()) {
            return Err(StoreUrlError::Scheme);
        }
        let mut prefix = DEFAULT_PREFIX.to_owned();
        for (field, value) in url.query_pairs() {
            match &*field {
                PREFIX_FIELD => prefix = value.into_owned(),
                _ => return Err(StoreUrlError::Field(field.into_owned())),
            }
        }
        if prefix.is_empty() || prefix.len() > MAX_PREFIX_BYTES {
            return Err(StoreUrlError::Prefix);
        }
        url.set_query(None);
        Ok(Self { info: url.into_connection_info()?, prefix })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => ("redis", host.as_str(), *port),
            ConnectionAddr::TcpTls { host, port, .. } => ("rediss", host.as_str(), *port),
            other => return write!(f, "{other}"),
        };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StoreUrl, StoreUrlError> {
        text.parse()
    }

    #[test]
    fn user_password_database_and_prefix_are_read() {
        let url = read("redis://me:s%23cret@[::1]:7000/3?prefix=mine/").unwrap();
        let settings = url.info.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("me"), Some("s#cret")));
        assert_eq!((settings.db(), url.key("log")), (3, "mine/log".to_owned()));
        assert_eq!(read("redis://example.org").unwrap().key("log"), "gannet:log");
    }

    #[test]
    fn the_password_is_never_shown() {
        let url = read("rediss://:secret@example.org/1").unwrap();
        assert_eq!(url.to_string(), "rediss://example.org:6379");
        assert!(!format!("{url:?}").contains("secret"));
        let refused = read("redis://:secret@example.org/many").unwrap_err();
        assert!(!format!("{refused}, {refused:?}").contains("secret"));
    }

    #[test]
    fn other_urls_are_refused() {
        for text in ["", "memory", "http://example.org", "unix:///run/redis.sock", "redis:"] {
            let refused = read(text).unwrap_err();
            assert!(matches!(refused, StoreUrlError::Scheme | StoreUrlError::Url(_)), "{text}");
        }
        assert_eq!(
            read("redis://h?protocol=resp3").unwrap_err(),
            StoreUrlError::Field("protocol".to_owned())
        );
        assert_eq!(read("redis://h?prefix=").unwrap_err(), StoreUrlError::Prefix);
    }
}
