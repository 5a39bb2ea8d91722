//! Asking a swarm for a torrent's metadata, and for nothing more.

use std::{sync::Arc, time::Duration};

use gannet::{Client, News, Place, TorrentOptions};
use gannet_core::metainfo::Info;
use tokio::time::timeout;

use super::swarm::torrent_to_add;
use crate::{
    cli::SwarmArgs,
    exit::{Exit, Failure, OrFail},
    source::Origin,
};

/// How long a command that only asked something takes to leave in order.
pub(super) const FAREWELL: Duration = Duration::from_millis(500);

/// Options under which nothing is downloaded or stored.
pub(super) fn options() -> TorrentOptions {
    TorrentOptions { metadata_only: true, ..TorrentOptions::default() }
}

/// Nothing is stored, so there is no room needed.
pub(super) const NOWHERE: Place = Place::Memory { limit_bytes: 0 };

/// The torrent's info: what is known already, or what its swarm says.
///
/// # Errors
/// If no peer has told it in time.
pub(super) async fn metadata(
    client: &Client,
    origin: &Origin,
    swarm: &SwarmArgs,
    limit: Duration,
) -> Result<Arc<Info>, Failure> {
    if let Some(info) = origin.info() {
        return Ok(Arc::clone(info));
    }
    let name = origin.name();
    let add = torrent_to_add(origin, swarm, options()).await?;
    let (torrent, mut events) = client.add(add, NOWHERE).await.or_fail(Exit::Failed, &name)?;
    let found = timeout(limit, async {
        while let Some(news) = events.next().await {
            if let News::Metadata(info) = news {
                return Some(info);
            }
        }
        None
    });
    let found = found.await;
    torrent.remove().await;
    let late = || Failure::say(Exit::NoPeers, format!("{name}: no peer has told the metadata"));
    found.ok().flatten().ok_or_else(late)
}
