//! Torrents to be shared, and the truth about them.

use std::sync::Arc;

use gannet_core::{
    id::PieceIndex,
    layout::Block,
    metainfo::{Draft, DraftFile, Info, Metainfo},
};
use sha1::{Digest, Sha1};

/// A torrent and its bytes.
#[derive(Debug)]
pub struct Payload {
    pub info: Arc<Info>,
    pub files: Vec<Vec<u8>>,
    whole: Vec<u8>,
}

impl Payload {
    /// Files of these lengths.
    pub fn new(lengths: &[usize], piece_length: u32) -> Arc<Self> {
        let (info, files) = torrent(lengths, piece_length);
        let whole = files.concat();
        Arc::new(Self { info, files, whole })
    }

    /// A torrent of so many pieces whose bytes exist nowhere.
    #[cfg(not(target_arch = "wasm32"))] // Only large swarms need it.
    pub fn hollow(pieces: u32, piece_length: u32) -> Arc<Self> {
        let hashes = (0..pieces).map(|_| [0; 20]).collect();
        let length = u64::from(pieces) * u64::from(piece_length);
        let file = DraftFile { path: vec!["file".to_owned()], length, ..DraftFile::default() };
        let info = info(Draft { hashes, files: vec![file], piece_length, ..Draft::default() });
        Arc::new(Self { info, files: Vec::new(), whole: Vec::new() })
    }

    pub fn bytes(&self, piece: PieceIndex) -> &[u8] {
        self.range(piece, 0, self.info.layout().piece_bytes(piece))
    }

    pub fn block(&self, block: Block) -> &[u8] {
        self.range(block.piece(), block.begin(), block.length())
    }

    pub fn range(&self, piece: PieceIndex, begin: u32, length: u32) -> &[u8] {
        let from = self.info.layout().piece_offset(piece) as usize + begin as usize;
        &self.whole[from..from + length as usize]
    }

    pub fn len(&self) -> u64 {
        self.info.layout().total_length()
    }
}

/// Bytes that look random and are the same in each run.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; length];
    rng.fill(&mut bytes);
    bytes
}

/// A torrent of these files, and their bytes.
pub fn torrent(lengths: &[usize], piece_length: u32) -> (Arc<Info>, Vec<Vec<u8>>) {
    let files: Vec<Vec<u8>> =
        lengths.iter().enumerate().map(|(n, &length)| noise(length, n as u64)).collect();
    let whole = files.concat();
    let hashes = whole.chunks(piece_length as usize).map(|piece| Sha1::digest(piece).into());
    let draft_file = |(n, &length): (usize, &usize)| DraftFile {
        path: vec![format!("file {n}")],
        length: length as u64,
        ..DraftFile::default()
    };
    let draft = Draft {
        piece_length,
        hashes: hashes.collect(),
        files: lengths.iter().enumerate().map(draft_file).collect(),
        ..Draft::default()
    };
    (info(draft), files)
}

fn info(draft: Draft) -> Arc<Info> {
    let single_file = draft.files.len() == 1;
    let draft = Draft { name: "payload".to_owned(), single_file, ..draft };
    Metainfo::parse(draft.encode().into()).expect("a torrent of our own").info
}
