//! The lists of torrents that `gannet seed` registers with trackers.

use std::collections::BTreeMap;

use gannet::{Client, Registrar, Torrent, registrar::RegistrarNews, web_api::WebApi};
use gannet_core::{id::InfoHash, metainfo::Metainfo};
use tokio::task::JoinSet;

use crate::{format, output::note};

/// A list for each tracker.
#[derive(Default)]
pub(super) struct Lists {
    waiting: BTreeMap<String, Vec<(InfoHash, Torrent)>>,
    registrars: Vec<Registrar>,
}

/// Takes the tracker out of a torrent that has no other, and may register with it.
pub(super) fn take_only_tracker(client: &Client, torrent: &mut Metainfo) -> Option<String> {
    let [url] = torrent.trackers.concat().try_into().ok()?;
    let url: String = url;
    WebApi::new(client.clone(), &url)?;
    torrent.trackers.clear();
    Some(url)
}

impl Lists {
    pub(super) fn add(&mut self, url: String, info_hash: InfoHash, torrent: Torrent) {
        self.waiting.entry(url).or_default().push((info_hash, torrent));
    }

    /// Begins to register what was added.
    pub(super) fn start(&mut self, client: &Client) {
        for (url, torrents) in std::mem::take(&mut self.waiting) {
            self.registrars.extend(Registrar::start(client, &url, torrents));
        }
    }

    /// Tells what became of the lists.
    pub(super) fn tell(&mut self, is_loud: bool) {
        for registrar in &mut self.registrars {
            while let Some(news) = registrar.try_news() {
                say(registrar.url(), &news, is_loud);
            }
        }
    }

    /// Withdraws all lists at once.
    pub(super) async fn withdraw(self) {
        let all: JoinSet<()> = self.registrars.into_iter().map(Registrar::withdraw).collect();
        all.join_all().await;
    }
}

fn say(url: &str, news: &RegistrarNews, is_loud: bool) {
    let many = |count: usize| format::count(count as u64, "torrent", "torrents");
    match news {
        RegistrarNews::Registered { torrents, refused } => {
            if is_loud {
                note(format!("registered {} at {url}", many(*torrents)));
            }
            if !refused.is_empty() {
                note(format!("{url} doesn't serve {}: {}", many(refused.len()), refused[0]));
            }
        }
        RegistrarNews::Failed { error, .. } => note(format!("{url}: {error}; will try again")),
        RegistrarNews::OneByOne { torrents } if is_loud => {
            note(format!("{} announced one by one at {url}", many(*torrents)));
        }
        RegistrarNews::OneByOne { .. } => {}
    }
}
