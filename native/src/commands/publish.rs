//! Hands .torrent files to a tracker that keeps them for others.

use bytes::Bytes;
use gannet::{
    Client,
    tracker::Token,
    web_api::{ApiError, WebApi},
};
use gannet_core::metainfo::Metainfo;

use crate::exit::{Exit, Failure};

/// Publishes a torrent at its first HTTP tracker; returns the URL that it can be had at.
pub(super) async fn publish(
    client: &Client,
    torrent: &Metainfo,
    file: Bytes,
    token: Option<&Token>,
) -> Result<String, Failure> {
    let mut urls = torrent.trackers.iter().flatten();
    let api = urls.find_map(|url| WebApi::new(client.clone(), url)).ok_or_else(|| {
        Failure::say(
            Exit::Network,
            "there is no HTTP tracker to publish at; name one with --tracker",
        )
    })?;
    let published = api.publish(torrent.info.name(), file, token.map(Token::as_str)).await;
    published.map_err(|error| {
        let said = match &error {
            ApiError::NotOffered => "this tracker keeps no .torrent files".to_owned(),
            error => error.to_string(),
        };
        Failure::say(Exit::Network, format!("{}: {said}", api.origin()))
    })
}
