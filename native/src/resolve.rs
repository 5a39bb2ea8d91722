//! Names of trackers, looked up by the operating system.

use std::{io, net::SocketAddr, time::Duration};

use gannet_core::announce::ResolveError;
use tokio::time::timeout;

/// How long a name may take to resolve.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Every address of `host`, with `port`.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    // A literal IPv6 address stands in brackets in a URL.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port))).await {
        Err(_) => Err(ResolveError::Timeout),
        Ok(Err(error)) if error.kind() == io::ErrorKind::OutOfMemory => Err(ResolveError::Other),
        Ok(Err(_)) => Err(ResolveError::NotFound),
        Ok(Ok(found)) => {
            let found: Vec<_> = found.collect();
            if found.is_empty() { Err(ResolveError::NotFound) } else { Ok(found) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_literal_address_resolves_to_itself() {
        let v4 = resolve("127.0.0.1", 80).await;
        assert_eq!(v4, Ok(vec!["127.0.0.1:80".parse().unwrap()]));
        let v6 = resolve("[::1]", 6969).await;
        assert_eq!(v6, Ok(vec!["[::1]:6969".parse().unwrap()]));
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_not_found() {
        assert_eq!(resolve("no such host", 80).await, Err(ResolveError::NotFound));
    }
}
