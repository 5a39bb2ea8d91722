//! Whole swarms under virtual time: what users rely on, seen from outside.

mod downloads;
mod faults;
mod metadata;
mod trouble;
mod world;

use std::sync::Arc;

use gannet_core::metainfo::{Draft, DraftFile, Info, Metainfo};
use sha1::{Digest, Sha1};

/// Bytes that look random and are the same in each run.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
}

/// A torrent of these files, and their bytes.
pub fn torrent(lengths: &[usize], piece_length: u32) -> (Arc<Info>, Vec<Vec<u8>>) {
    let files: Vec<Vec<u8>> =
        lengths.iter().enumerate().map(|(n, &length)| noise(length, n as u64)).collect();
    let whole = files.concat();
    let hashes = whole.chunks(piece_length as usize).map(|piece| Sha1::digest(piece).into());
    let draft = Draft {
        name: "payload".to_owned(),
        piece_length,
        hashes: hashes.collect(),
        single_file: lengths.len() == 1,
        files: lengths
            .iter()
            .enumerate()
            .map(|(n, &length)| DraftFile {
                path: vec![format!("file {n}")],
                length: length as u64,
                ..DraftFile::default()
            })
            .collect(),
        ..Draft::default()
    };
    let metainfo = Metainfo::parse(draft.encode().into()).expect("a torrent of our own");
    (metainfo.info, files)
}
