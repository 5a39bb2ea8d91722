//! The resume record: what a host keeps of a torrent, to go on after it was ended in any way.
//!
//! A record is only ever a reason to hash less. Whatever is odd about it is an error, and then
//! everything is hashed again.
//!
//! All numbers are little endian:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `GnResume` |
//! | 4 | the version of the format, 1 |
//! | 4 | the length of the whole record |
//! | 20 | the info hash |
//! | 8, 8 | payload bytes uploaded, downloaded |
//! | 4 | the number of pieces |
//! | 4, n | the length of the bitfield, and the bitfield, most significant bit first |
//! | 4 | the number of files |
//! | 8, 8 each | a file's length, and when it was modified |
//! | 20 | SHA-1 of all before |

use bytes::{Buf, BufMut};

use crate::{
    bitfield::{Bitfield, BitfieldError},
    digest::{SHA1_BYTES, sha1},
    id::InfoHash,
    listed::Listed,
};

const MAGIC: [u8; 8] = *b"GnResume";
const VERSION: u32 = 1;
/// Magic, version and length.
const PREFIX_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = SHA1_BYTES;
const STAMP_BYTES: usize = 16;

/// The longest record that is read, in bytes: more than the most pieces and files a torrent can
/// have need.
pub const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// What tells whether a file is still the one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Its length, in bytes.
    pub length: u64,
    /// When it was last modified, in nanoseconds since 1970, as the host's file system says.
    pub modified_nanos: u64,
}

impl FileStamp {
    /// A file that wasn't there.
    pub const ABSENT: Self = Self { length: 0, modified_nanos: 0 };
}

/// What is kept of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The torrent.
    pub info_hash: InfoHash,
    /// The pieces that were verified and synced to the disk.
    pub have: Bitfield,
    /// The torrent's files, in its order, as they were after that.
    pub files: Vec<FileStamp>,
    /// Payload bytes sent, over all runs.
    pub uploaded: u64,
    /// Payload bytes received, over all runs.
    pub downloaded: u64,
}

/// Why bytes are no resume record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// They don't begin as a record does.
    #[error("not a resume record")]
    NotARecord,
    /// They end too soon.
    #[error("the resume record is cut short")]
    Truncated,
    /// There are more of them than the record has, or than any has.
    #[error("the resume record is followed by something, or too long")]
    TooLong,
    /// A version of the format that this program doesn't know.
    #[error("a resume record of version {0}")]
    Version(u32),
    /// They aren't what was written.
    #[error("the checksum of the resume record is wrong")]
    Checksum,
    /// The bitfield doesn't fit the number of pieces.
    #[error("the resume record contradicts itself: {0}")]
    Have(#[from] BitfieldError),
    /// A length inside the record doesn't fit the record.
    #[error("the resume record contradicts itself")]
    Layout,
}

impl From<bytes::TryGetError> for ResumeError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Layout
    }
}

impl Record {
    /// The bytes to keep.
    pub fn encode(&self) -> Vec<u8> {
        let have = self.have.as_bytes();
        let body_bytes = 20 + 8 + 8 + 4 + 4 + have.len() + 4 + self.files.len() * STAMP_BYTES;
        let length = PREFIX_BYTES + body_bytes + CHECKSUM_BYTES;
        let mut out = Vec::with_capacity(length);
        out.put_slice(&MAGIC);
        out.put_u32_le(VERSION);
        out.put_u32_le(count(length));
        out.put_slice(self.info_hash.as_bytes());
        out.put_u64_le(self.uploaded);
        out.put_u64_le(self.downloaded);
        out.put_u32_le(self.have.len());
        out.put_u32_le(count(have.len()));
        out.put_slice(have);
        out.put_u32_le(count(self.files.len()));
        for file in &self.files {
            out.put_u64_le(file.length);
            out.put_u64_le(file.modified_nanos);
        }
        let checksum = sha1(&out);
        out.put_slice(&checksum);
        out
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// Whether it belongs to the torrent at hand, and whether the files still are as they were, is
    /// for the caller to compare.
    ///
    /// # Errors
    /// Anything but exactly what was written.
    pub fn decode(bytes: &[u8]) -> Result<Self, ResumeError> {
        let mut body = checked_body(bytes)?;
        let info_hash =
            InfoHash::new(*take(&mut body, 20)?.first_chunk().ok_or(ResumeError::Layout)?);
        let uploaded = body.try_get_u64_le()?;
        let downloaded = body.try_get_u64_le()?;
        let pieces = body.try_get_u32_le()?;
        let have_bytes = body.try_get_u32_le()?;
        let have = Bitfield::from_bytes(take(&mut body, have_bytes as usize)?, pieces)?;
        let files = body.try_get_u32_le()?;
        let (stamps, rest) = body.as_chunks::<STAMP_BYTES>();
        if !rest.is_empty() || stamps.len() != files as usize {
            return Err(ResumeError::Layout);
        }
        let files = stamps.iter().map(|stamp| stamp_of(stamp)).listed();
        Ok(Self { info_hash, have, files, uploaded, downloaded })
    }
}

/// What stands between prefix and checksum, if both are right.
fn checked_body(bytes: &[u8]) -> Result<&[u8], ResumeError> {
    if bytes.iter().zip(MAGIC).any(|(&byte, right)| byte != right) {
        return Err(ResumeError::NotARecord);
    }
    let mut prefix = bytes.get(MAGIC.len()..PREFIX_BYTES).ok_or(ResumeError::Truncated)?;
    let version = prefix.get_u32_le();
    if version != VERSION {
        return Err(ResumeError::Version(version));
    }
    let length = prefix.get_u32_le() as usize;
    if length > MAX_RECORD_BYTES || bytes.len() > length {
        return Err(ResumeError::TooLong);
    }
    let (content, checksum) =
        bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(ResumeError::Truncated)?;
    if bytes.len() < length || content.len() < PREFIX_BYTES {
        return Err(ResumeError::Truncated);
    }
    if sha1(content) != *checksum {
        return Err(ResumeError::Checksum);
    }
    Ok(&content[PREFIX_BYTES..])
}

fn take<'a>(body: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], ResumeError> {
    let (taken, rest) = body.split_at_checked(bytes).ok_or(ResumeError::Layout)?;
    *body = rest;
    Ok(taken)
}

fn stamp_of(mut bytes: &[u8]) -> FileStamp {
    FileStamp { length: bytes.get_u64_le(), modified_nanos: bytes.get_u64_le() }
}

fn count(count: usize) -> u32 {
    u32::try_from(count).expect("the limits of a torrent keep a record far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::id::PieceIndex;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn any_record() -> impl Strategy<Value = Record> {
        let have = vec(any::<bool>(), 0..100).prop_map(|bits| {
            let mut have = Bitfield::new(bits.len() as u32);
            for (piece, _) in (0..).zip(&bits).filter(|(_, has)| **has) {
                have.insert(PieceIndex::new(piece));
            }
            have
        });
        let stamp = any::<(u64, u64)>()
            .prop_map(|(length, modified_nanos)| FileStamp { length, modified_nanos });
        (any::<[u8; 20]>(), have, vec(stamp, 0..5), any::<(u64, u64)>()).prop_map(
            |(info_hash, have, files, (uploaded, downloaded))| {
                let info_hash = InfoHash::new(info_hash);
                Record { info_hash, have, files, uploaded, downloaded }
            },
        )
    }

    fn record() -> Record {
        let files = vec![FileStamp { length: 5, modified_nanos: 6 }, FileStamp::ABSENT];
        let info_hash = InfoHash::new([1; 20]);
        Record { info_hash, have: Bitfield::full(9), files, uploaded: 7, downloaded: 8 }
    }

    /// The record with other bytes at an offset, and a checksum that fits them.
    fn forged(offset: usize, bytes: &[u8]) -> Result<Record, ResumeError> {
        let mut content = record().encode();
        content.truncate(content.len() - CHECKSUM_BYTES);
        content[offset..][..bytes.len()].copy_from_slice(bytes);
        let checksum = sha1(&content);
        content.extend_from_slice(&checksum);
        Record::decode(&content)
    }

    #[test]
    fn a_record_cut_anywhere_is_cut_short() {
        let bytes = record().encode();
        for end in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..end]), Err(ResumeError::Truncated), "{end} bytes");
        }
    }

    #[test]
    fn what_is_foreign_newer_or_followed_by_something_is_refused() {
        assert_eq!(Record::decode(b"d4:infod"), Err(ResumeError::NotARecord));
        assert_eq!(forged(8, &[2]), Err(ResumeError::Version(2)));
        let longer = [&record().encode()[..], b"\0"].concat();
        assert_eq!(Record::decode(&longer), Err(ResumeError::TooLong));
        assert_eq!(forged(12, &[0xff; 4]), Err(ResumeError::TooLong));
    }

    #[test]
    fn a_record_that_contradicts_itself_is_refused_even_with_a_right_checksum() {
        assert_eq!(forged(16, &[1]), Ok(record()), "the forger knows the checksum");
        let (pieces, have_bytes, files) = (16 + 36, 16 + 40, 16 + 46);
        assert!(matches!(forged(pieces, &[0xff; 4]), Err(ResumeError::Have(_))));
        assert!(matches!(forged(pieces, &[8]), Err(ResumeError::Have(_))), "a byte too many");
        assert_eq!(forged(have_bytes, &[0xff; 4]), Err(ResumeError::Layout));
        assert_eq!(forged(files, &[0xff; 4]), Err(ResumeError::Layout));
        assert_eq!(forged(files, &[1]), Err(ResumeError::Layout));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_record_reads_back_as_it_was(record in any_record()) {
            prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
            let _ = Record::decode(&[&MAGIC, &1u32.to_le_bytes()[..], &bytes].concat());
        }

        #[test]
        fn a_flipped_bit_anywhere_is_noticed(record in any_record(), at: prop::sample::Index) {
            let mut bytes = record.encode();
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Record::decode(&bytes).is_err());
        }
    }
}
