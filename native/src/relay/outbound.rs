//! Requests to trackers, each address of which is looked at before it is connected to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use gannet_core::announce::{HttpError, ResolveError};
use reqwest::{
    Client, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::LOCATION,
    redirect,
};

use super::{address::AddressRules, budget::Budgets, limits::MAX_REDIRECTS};
use crate::{
    http::{self, MAX_ANNOUNCE_BYTES},
    resolve::resolve,
    tracker::Inside,
};

/// How trackers are reached.
#[derive(Debug, Clone)]
pub(super) struct Outbound {
    client: Option<Client>,
    guard: Guard,
    own: Option<Inside>,
}

/// Says which addresses may be asked, now. Resolves names to those; addresses written as such never
/// get there.
#[derive(Debug, Clone)]
struct Guard {
    rules: Arc<AddressRules>,
    budgets: Arc<Budgets>,
}

impl Guard {
    fn allows(&self, ip: IpAddr) -> bool {
        self.rules.allow(ip) && self.budgets.may_be_asked(ip)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = resolve(name.as_str(), 0).await?;
            let allowed: Vec<_> =
                found.into_iter().filter(|addr| guard.allows(addr.ip())).collect();
            if allowed.is_empty() {
                return Err(ResolveError::NotFound.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Outbound {
    pub(super) fn new(
        rules: Arc<AddressRules>,
        budgets: Arc<Budgets>,
        own: Option<Inside>,
    ) -> Self {
        let guard = Guard { rules, budgets };
        let client = http::build(|| {
            http::builder(concat!("Gannet-relay/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .dns_resolver(Arc::new(guard.clone()))
        });
        Self { client, guard, own }
    }

    /// The addresses of a UDP tracker that are allowed.
    pub(super) async fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        let found = resolve(host, port).await?;
        let allowed: Vec<_> =
            found.into_iter().filter(|addr| self.guard.rules.allow(addr.ip())).collect();
        if allowed.is_empty() { Err(ResolveError::NotFound) } else { Ok(allowed) }
    }

    /// Whether a packet may be sent there now.
    pub(super) fn allows(&self, addr: SocketAddr) -> bool {
        self.guard.allows(addr.ip())
    }

    /// The body of a 200 response to an announce. Redirects are followed by hand, so that each hop's
    /// address is looked at.
    pub(super) async fn fetch(&self, url: &str) -> Result<Bytes, HttpError> {
        let client = self.client.as_ref().ok_or(HttpError::Other)?;
        let mut url = Url::parse(url).map_err(|_| HttpError::BadUrl)?;
        if let Some(answer) = self.own.as_ref().and_then(|own| own.answer(&url)) {
            return Ok(answer);
        }
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url)?;
            let response =
                client.get(url.clone()).send().await.map_err(|error| http::cause(&error))?;
            match response.status() {
                StatusCode::OK => return http::body(response, MAX_ANNOUNCE_BYTES).await,
                status if status.is_redirection() => url = next(&url, &response)?,
                status => return Err(HttpError::Status(status.as_u16())),
            }
        }
        Err(HttpError::Other)
    }

    /// An address that is written as such is never resolved, so it is looked at here.
    fn check(&self, url: &Url) -> Result<(), HttpError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(HttpError::BadUrl);
        }
        let host = url.host_str().ok_or(HttpError::BadUrl)?;
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match literal.unwrap_or(host).parse::<IpAddr>() {
            Ok(ip) if !self.guard.allows(ip) => Err(HttpError::Connect),
            _ => Ok(()),
        }
    }
}

fn next(url: &Url, response: &Response) -> Result<Url, HttpError> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    url.join(location.ok_or(HttpError::Other)?).map_err(|_| HttpError::BadUrl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Limits;

    fn outbound() -> Outbound {
        Outbound::new(Arc::default(), Arc::new(Budgets::new(&Limits::default())), None)
    }

    #[tokio::test]
    async fn an_address_that_is_not_public_is_refused_however_it_is_written() {
        for url in [
            "http://127.0.0.1:9/",
            "http://127.1:9/",
            "http://2130706433:9/",
            "http://0x7f.1:9/",
            "http://[::1]:9/",
            "http://[::ffff:127.0.0.1]:9/",
            "http://[::ffff:7f00:1]:9/",
            "http://[64:ff9b::7f00:1]:9/",
            "http://169.254.169.254/latest",
            "http://10.0.0.1/",
            "http://localhost:9/",
        ] {
            assert_eq!(outbound().fetch(url).await, Err(HttpError::Connect), "{url}");
        }
        assert_eq!(outbound().fetch("file:///etc/passwd").await, Err(HttpError::BadUrl));
        assert_eq!(outbound().resolve("localhost", 9).await, Err(ResolveError::NotFound));
    }
}
