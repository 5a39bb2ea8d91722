//! A tracker asked from within its own process: over no socket, and for an address that the asker,
//! unlike a stranger, may choose.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use reqwest::Url;

use super::{Answer, Desk, Presence, Refused, http};

/// Asks for one address, at which the askers can be reached.
#[derive(Clone)]
pub struct Inside {
    desk: Arc<Desk>,
    ip: IpAddr,
    is_own: Arc<dyn Fn(&Url) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Inside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inside").field("ip", &self.ip).finish_non_exhaustive()
    }
}

impl Inside {
    /// For askers at `ip`; `is_own` knows the tracker's own announce URLs.
    pub fn new(
        desk: Arc<Desk>,
        ip: IpAddr,
        is_own: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { desk, ip, is_own: Arc::new(is_own) }
    }

    /// The body of the answer to an announce, if the URL is one of this tracker.
    pub(crate) fn answer(&self, url: &Url) -> Option<Bytes> {
        let query = url.query().filter(|_| (self.is_own)(url))?;
        Some(http::announced(&self.desk, SocketAddr::new(self.ip, 0), query).into())
    }

    /// Says that a client is there, or is there no more.
    ///
    /// # Errors
    /// Why the tracker doesn't take it.
    pub fn announce(&self, presence: &Presence) -> Result<Answer, Refused> {
        let (presence, mut answer) = (Presence { ip: self.ip, ..*presence }, Answer::default());
        self.desk.announce(&self.desk.counters.api, Instant::now(), &presence, &mut answer)?;
        Ok(answer)
    }

    /// Where the askers can be reached.
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }
}
