//! A new torrent.

use crate::{
    bencode::Encoded,
    layout::{MAX_PIECE_BYTES, MAX_PIECES, MIN_PIECE_BYTES},
};

/// The piece length in bytes that is chosen for large torrents.
const MAX_CHOSEN_PIECE_BYTES: u32 = 16 * 1024 * 1024;
/// The most pieces that a chosen piece length makes, while it can grow.
const MOST_PIECES: u64 = 2000;

/// What a new torrent is to say.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The name of the file, or of the folder of files.
    pub name: String,
    /// The files, in the order in which they are hashed. Exactly one if `single_file`.
    pub files: Vec<DraftFile>,
    /// Bytes of a piece.
    pub piece_length: u32,
    /// SHA-1 of each piece.
    pub hashes: Vec<[u8; 20]>,
    /// Whether peers may come from the trackers only (BEP 27).
    pub private: bool,
    /// Whether it is one file without a folder.
    pub single_file: bool,
    /// Announce URLs in tiers (BEP 12).
    pub trackers: Vec<Vec<String>>,
    /// Base URLs of web seeds (BEP 19).
    pub web_seeds: Vec<String>,
    /// What to say about it.
    pub comment: Option<String>,
    /// The program that makes it.
    pub created_by: Option<String>,
    /// When it is made, in seconds since 1970 (UTC).
    pub creation_date: Option<i64>,
}

/// One file of a [`Draft`].
#[derive(Debug, Clone, Default)]
pub struct DraftFile {
    /// Its path in the torrent's folder. Not looked at for a single file.
    pub path: Vec<String>,
    /// Its bytes.
    pub length: u64,
    /// Whether it is marked executable (BEP 47).
    pub executable: bool,
    /// SHA-256 of the whole file, for its own key.
    pub sha256: Option<[u8; 32]>,
}

type Entry = Option<(&'static str, Encoded)>;

impl Draft {
    /// The .torrent file, in canonical bencode.
    ///
    /// It is what the draft says: whether the hashes fit the lengths shows when it is read.
    pub fn encode(&self) -> Vec<u8> {
        let tiers: Vec<_> = self.trackers.iter().filter(|tier| !tier.is_empty()).collect();
        let several = tiers.iter().map(|tier| tier.len()).sum::<usize>() > 1;
        dict([
            tiers.first().map(|tier| ("announce", Encoded::bytes(&tier[0]))),
            several
                .then(|| ("announce-list", Encoded::list(tiers.iter().map(|tier| strings(tier))))),
            self.comment.as_ref().map(|text| ("comment", Encoded::bytes(text))),
            self.created_by.as_ref().map(|text| ("created by", Encoded::bytes(text))),
            self.creation_date.map(|seconds| ("creation date", Encoded::int(seconds))),
            Some(("info", self.info())),
            (!self.web_seeds.is_empty()).then(|| ("url-list", strings(&self.web_seeds))),
        ])
        .into_bytes()
    }

    /// The info dictionary alone: what the info hash is the hash of.
    pub fn encode_info(&self) -> Vec<u8> {
        self.info().into_bytes()
    }

    fn info(&self) -> Encoded {
        let common = [
            Some(("name", Encoded::bytes(&self.name))),
            Some(("piece length", Encoded::int(self.piece_length.into()))),
            Some(("pieces", Encoded::bytes(self.hashes.as_flattened()))),
            self.private.then(|| ("private", Encoded::int(1))),
        ];
        match self.files.as_slice() {
            [file] if self.single_file => dict(common.into_iter().chain(file.entries())),
            files => {
                let files = Encoded::list(files.iter().map(DraftFile::encode));
                dict(common.into_iter().chain([Some(("files", files))]))
            }
        }
    }
}

impl DraftFile {
    fn encode(&self) -> Encoded {
        dict(self.entries().into_iter().chain([Some(("path", strings(&self.path)))]))
    }

    /// What a file says in a list of files and, if it is the only one, in `info` itself.
    fn entries(&self) -> [Entry; 3] {
        // Nothing on a disk is longer than 2^63 bytes.
        let length = i64::try_from(self.length).unwrap_or(i64::MAX);
        [
            Some(("length", Encoded::int(length))),
            self.executable.then(|| ("attr", Encoded::bytes("x"))),
            self.sha256.map(|hash| ("sha256", Encoded::bytes(hash))),
        ]
    }
}

fn dict(entries: impl IntoIterator<Item = Entry>) -> Encoded {
    Encoded::dict(entries.into_iter().flatten())
}

fn strings(list: &[String]) -> Encoded {
    Encoded::list(list.iter().map(Encoded::bytes))
}

/// A piece length in bytes for so many bytes in all: a power of two that makes 1,000 to 2,000
/// pieces, but within 16 KiB and 16 MiB, unless more is needed to stay below
/// [`MAX_PIECES`] pieces.
pub fn choose_piece_length(total: u64) -> u32 {
    let power_of_two = |pieces: u64| {
        let length = total.div_ceil(pieces).max(1).checked_next_power_of_two();
        length.and_then(|length| u32::try_from(length).ok()).unwrap_or(MAX_PIECE_BYTES)
    };
    power_of_two(MOST_PIECES)
        .clamp(MIN_PIECE_BYTES, MAX_CHOSEN_PIECE_BYTES)
        .max(power_of_two(MAX_PIECES.into()))
        .min(MAX_PIECE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_chosen_piece_length_makes_one_to_two_thousand_pieces() {
        const MIB: u64 = 1024 * 1024;
        for (total, kib) in [
            (0, 16),
            (1, 16),
            (31 * MIB, 16),
            (100 * MIB, 64),
            (1024 * MIB, 1024),
            (10_000 * MIB, 8 * 1024),
            (1024 * 1024 * MIB, 16 * 1024),
            (33 * 1024 * 1024 * MIB, 32 * 1024),
            (u64::MAX, 64 * 1024),
        ] {
            assert_eq!(choose_piece_length(total), kib * 1024, "{total}");
        }
        for total in (40 * MIB..20_000 * MIB).step_by(7_777_777) {
            let pieces = total.div_ceil(choose_piece_length(total).into());
            assert!((1000..=2000).contains(&pieces), "{total}: {pieces}");
        }
    }
}
