//! What the tests of the engine share: torrents, folders, clients on loopback, patience with a limit.

// Not every test file uses all of it.
#![allow(dead_code)]

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use gannet::{AddTorrent, Client, ClientConfig, Events, News, Place, Torrent, TorrentOptions};
use gannet_core::{
    contract::Content,
    metainfo::{Draft, DraftFile, Info},
};
use sha1::{Digest, Sha1};
use tokio::time::timeout;

/// How long anything may take that happens at once on loopback.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const PIECE_BYTES: usize = 64 * 1024;

/// A torrent and the bytes of its files, one behind the other.
pub struct Sample {
    pub info: Arc<Info>,
    pub data: Vec<u8>,
    lengths: Vec<usize>,
}

impl Sample {
    /// A single file `sample` of so many bytes.
    pub fn file(bytes: usize) -> Self {
        Self::new(&[bytes], true)
    }

    /// The files `sample/0`, `sample/1` and so on.
    pub fn files(lengths: &[usize]) -> Self {
        Self::new(lengths, false)
    }

    fn new(lengths: &[usize], single_file: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(7);
        let data: Vec<u8> =
            std::iter::repeat_with(|| rng.u8(..)).take(lengths.iter().sum()).collect();
        let files = lengths.iter().enumerate().map(|(number, &length)| DraftFile {
            path: vec![number.to_string()],
            length: length as u64,
            ..DraftFile::default()
        });
        let draft = Draft {
            name: "sample".to_owned(),
            files: files.collect(),
            piece_length: PIECE_BYTES as u32,
            hashes: data.chunks(PIECE_BYTES).map(|piece| Sha1::digest(piece).into()).collect(),
            single_file,
            ..Draft::default()
        };
        let info = Arc::new(Info::parse(draft.encode_info().into()).unwrap());
        Self { info, data, lengths: lengths.to_vec() }
    }

    /// Writes the files below `dir`.
    pub fn write(&self, dir: &Path) {
        let mut rest = &self.data[..];
        for (file, &length) in self.info.files().iter().zip(&self.lengths) {
            let path = dir.join(file.path.join("/"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let (bytes, behind) = rest.split_at(length);
            fs::write(path, bytes).unwrap();
            rest = behind;
        }
    }

    /// Whether exactly these files are below `dir`, with exactly these bytes.
    pub fn assert_below(&self, dir: &Path) {
        let mut rest = &self.data[..];
        for (file, &length) in self.info.files().iter().zip(&self.lengths) {
            let (bytes, behind) = rest.split_at(length);
            let path = dir.join(file.path.join("/"));
            assert!(fs::read(&path).unwrap() == bytes, "{path:?}");
            rest = behind;
        }
        let names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["sample"]);
    }

    pub fn add(&self, peers: &[SocketAddr]) -> AddTorrent {
        AddTorrent {
            content: Content::Info(Arc::clone(&self.info)),
            trackers: Vec::new(),
            peers: peers.to_vec(),
            options: TorrentOptions::default(),
        }
    }

    pub fn magnet(&self, peers: &[SocketAddr]) -> AddTorrent {
        AddTorrent { content: Content::Hash(*self.info.info_hash()), ..self.add(peers) }
    }

    /// A client that has everything from the start.
    pub async fn seeder(&self) -> Seeder {
        self.seeder_with(ClientConfig::default()).await
    }

    pub async fn seeder_with(&self, config: ClientConfig) -> Seeder {
        let dir = tempfile::tempdir().unwrap();
        self.write(dir.path());
        let client = client_with(config);
        let (torrent, mut events) = client.add(self.add(&[]), below(dir.path())).await.unwrap();
        until(&mut events, |news| matches!(news, News::Finished)).await;
        let addr = client.listen_addr().unwrap();
        Seeder { client, torrent, events, addr, dir }
    }
}

/// A client that has a whole torrent.
pub struct Seeder {
    pub client: Client,
    pub torrent: Torrent,
    pub events: Events,
    pub addr: SocketAddr,
    pub dir: tempfile::TempDir,
}

/// A client that listens on loopback.
pub fn client() -> Client {
    client_with(ClientConfig::default())
}

pub fn client_with(config: ClientConfig) -> Client {
    let listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    Client::start(ClientConfig { listen, ..config }).unwrap()
}

pub fn below(dir: &Path) -> Place {
    Place::Folder { dir: dir.to_owned(), rename: None, overwrite: false }
}

pub fn memory() -> Place {
    Place::Memory { limit_bytes: u64::MAX }
}

/// Reads news until one is as wanted; all that came, that one last.
pub async fn until(events: &mut Events, wanted: impl Fn(&News) -> bool) -> Vec<News> {
    let mut read = Vec::new();
    let waited = timeout(PATIENCE, async {
        while let Some(news) = events.next().await {
            let is_wanted = wanted(&news);
            read.push(news);
            if is_wanted {
                return true;
            }
        }
        false
    });
    match waited.await {
        Ok(true) => read,
        Ok(false) => panic!("the news ended with {read:#?}"),
        Err(_) => panic!("waited too long, after {read:#?}"),
    }
}

pub async fn until_finished(events: &mut Events) {
    until(events, |news| matches!(news, News::Finished)).await;
}
