//! Gannet on a machine of your own: the sans-I/O core of `gannet_core` with sockets, a disk, a
//! clock and trackers around it, on [tokio](https://tokio.rs).
//!
//! A [`Client`] runs one session. It is added torrents, each of which runs by itself and tells its
//! news through [`Events`]:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use gannet::{
//!     AddTorrent, Client, ClientConfig, Content, Metainfo, News, Place, TorrentOptions,
//! };
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::start(ClientConfig::default())?;
//!     let metainfo = Metainfo::parse(client.fetch_url("https://example.org/a.torrent").await?)?;
//!     let add = AddTorrent {
//!         content: Content::Info(metainfo.info),
//!         trackers: metainfo.trackers,
//!         peers: Vec::new(),
//!         options: TorrentOptions::default(),
//!     };
//!     let place = Place::Folder { dir: "downloads".into(), rename: None, overwrite: false };
//!
//!     let (torrent, mut events) = client.add(add, place).await?;
//!     while let Some(news) = events.next().await {
//!         match news {
//!             News::PieceDone(report) => println!("piece {} from {:?}", report.piece, report.from),
//!             News::StorageFailed(error) => println!("{error}; waiting for it to go away"),
//!             News::Finished => break,
//!             _ => {}
//!         }
//!     }
//!     println!("{} bytes", torrent.stats().await?.downloaded_bytes);
//!
//!     client.shutdown(Duration::from_secs(2)).await;
//!     Ok(())
//! }
//! ```
//!
//! How the parts fit: one task owns the session ([`driver`]); each connection is a task of its own
//! ([`socket`]); hashing and the disk are on other threads ([`storage`]). They share no lock, only
//! bounded queues of the core's `Input`s and `Output`s.

mod audience;
pub mod client;
mod clock;
pub mod datagram;
pub mod driver;
pub mod events;
pub mod http;
mod inside;
mod places;
pub mod pool;
pub mod registrar;
pub mod relay;
pub mod resolve;
pub mod serve;
pub mod socket;
pub mod storage;
pub mod torrent;
pub mod tracker;
pub mod web_api;

pub use gannet_core::{
    AddTorrent, Content, TorrentOptions,
    event::News,
    metainfo::Metainfo,
    source::{SourceError, WorkList, WorkResult},
};

pub use self::{
    client::{AddError, Client, ClientConfig, Gone, StartError},
    events::Events,
    pool::Source,
    registrar::Registrar,
    storage::Place,
    torrent::{ReadError, Torrent},
};
