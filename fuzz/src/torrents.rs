//! Torrents, what is remembered of them, and the session that downloads them.

use std::{collections::BTreeSet, ops::Range};

use bytes::Bytes;
use gannet_core::{
    metainfo::{Info, Metainfo},
    resume::Record,
};
use sha1::{Digest, Sha1};

use crate::anything::{Anything, Step};

/// Where a resume record says how long it is.
const LENGTH_AT: Range<usize> = 12..16;
/// Steps of one input, at most: more find nothing new, and take long.
const MAX_STEPS: usize = 400;
/// Bytes of a step.
const STEP_BYTES: usize = 5;

/// A .torrent: its files lie in their folder side by side, and add up to what there is.
pub fn metainfo(input: &[u8]) {
    let Ok(metainfo) = Metainfo::parse(Bytes::copy_from_slice(input)) else { return };
    check(&metainfo.info);
    let raw = metainfo.info.raw().clone();
    let info = Info::parse_expecting(raw, metainfo.info.info_hash()).expect("the same bytes");
    check(&info);
    let magnet = metainfo.magnet();
    assert_eq!(magnet.to_string().parse(), Ok(magnet));
}

fn check(info: &Info) {
    let lengths = info.files().iter().map(|file| file.length);
    assert_eq!(lengths.sum::<u64>(), info.layout().total_length());
    let mut places = BTreeSet::new();
    for file in info.files().iter().filter(|file| !file.attributes.pad) {
        assert!(!file.path.iter().any(|part| matches!(part.as_str(), "" | "." | "..")));
        assert!(!file.path.iter().any(|part| part.contains(['/', '\\', '\0'])));
        assert!(places.insert(&file.path), "{:?} twice", file.path);
    }
}

/// A resume record: only what was written is trusted, and it is read as it was written.
///
/// Nobody hits upon a checksum, so each input is tried with the length and the checksum that it
/// should have too.
pub fn resume_record(input: &[u8]) {
    check_record(input);
    if input.len() >= LENGTH_AT.end {
        let mut sealed = input.to_vec();
        let length = (input.len() + Sha1::output_size()) as u32;
        sealed[LENGTH_AT].copy_from_slice(&length.to_le_bytes());
        sealed.extend_from_slice(&Sha1::digest(&sealed));
        check_record(&sealed);
    }
}

fn check_record(input: &[u8]) {
    if let Ok(record) = Record::decode(input) {
        assert_eq!(record.encode(), input);
    }
}

/// The scheduler under any order of inputs: it keeps to its memory and lets go of all it held.
///
/// The first byte chooses how much memory there is, the others are steps.
pub fn scheduler(input: &[u8]) {
    let Some((&memory, steps)) = input.split_first() else { return };
    let memory_bytes = [20_000, 200_000, 1 << 20][usize::from(memory) % 3];
    let mut anything = Anything::new(memory_bytes);
    for step in steps.chunks_exact(STEP_BYTES).take(MAX_STEPS) {
        let number = |at: usize| u16::from_be_bytes([step[at], step[at + 1]]);
        let step: Step = (step[0], number(1), number(3));
        anything.step(step);
    }
    anything.finish();
}
