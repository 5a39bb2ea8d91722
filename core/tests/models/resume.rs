//! The resume record against a table that is kept beside it: pieces come and go, records are written,
//! damaged and read.

use std::collections::BTreeMap;

use gannet_core::{
    bitfield::Bitfield,
    id::InfoHash,
    resume::{FileStamp, Record},
};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const PIECES: u32 = 77;
const FILES: usize = 3;

/// What happens to what is kept.
#[derive(Debug, Clone)]
enum Step {
    /// A piece is verified, or lost.
    Piece { piece: u32, have: bool },
    /// A file is written to.
    File { file: usize, length: u64, modified_nanos: u64 },
    /// Payload went out and came in.
    Payload { uploaded: u64, downloaded: u64 },
    /// The record is written.
    Write,
    /// A bit on the disk turns.
    Flip { at: prop::sample::Index, bit: u8 },
    /// The end of the record is lost.
    Cut { at: prop::sample::Index },
    /// The end of the record before is still there: a write that was torn.
    Tear { at: prop::sample::Index },
    /// Something is behind the record.
    Append { bytes: Vec<u8> },
}

fn step() -> impl Strategy<Value = Step> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..PIECES, any::<bool>()).prop_map(|(piece, have)| Step::Piece { piece, have }),
        2 => (0..FILES, any::<u64>(), any::<u64>())
            .prop_map(|(file, length, modified_nanos)| Step::File { file, length, modified_nanos }),
        1 => any::<(u64, u64)>()
            .prop_map(|(uploaded, downloaded)| Step::Payload { uploaded, downloaded }),
        4 => Just(Step::Write),
        1 => (at(), 0..8u8).prop_map(|(at, bit)| Step::Flip { at, bit }),
        1 => at().prop_map(|at| Step::Cut { at }),
        1 => at().prop_map(|at| Step::Tear { at }),
        1 => prop::collection::vec(any::<u8>(), 1..50).prop_map(|bytes| Step::Append { bytes }),
    ]
}

/// What is kept, plainly.
#[derive(Debug, Clone, Default, PartialEq)]
struct Table {
    have: BTreeMap<u32, bool>,
    files: BTreeMap<usize, (u64, u64)>,
    uploaded: u64,
    downloaded: u64,
}

/// The disk: its bytes, those before them, and all that was ever written with what it said.
#[derive(Default)]
struct Disk {
    bytes: Vec<u8>,
    before: Vec<u8>,
    written: BTreeMap<Vec<u8>, Table>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_record_says_what_was_written_or_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let (mut table, mut disk) = (Table::default(), Disk::default());
        for step in steps {
            table.change(&step);
            disk.change(&step, &table);
            let record = Record::decode(&disk.bytes).ok();
            let said = record.as_ref().map(Table::of);
            prop_assert_eq!(said.as_ref(), disk.written.get(&disk.bytes));
            prop_assert!(record.is_none_or(|record| record.info_hash == InfoHash::new([7; 20])));
        }
    }
}

impl Table {
    fn change(&mut self, step: &Step) {
        match *step {
            Step::Piece { piece, have: true } => drop(self.have.insert(piece, true)),
            Step::Piece { piece, have: false } => drop(self.have.remove(&piece)),
            Step::File { file, length, modified_nanos } => {
                self.files.insert(file, (length, modified_nanos));
            }
            Step::Payload { uploaded, downloaded } => {
                (self.uploaded, self.downloaded) = (uploaded, downloaded);
            }
            _ => {}
        }
    }

    fn record(&self) -> Record {
        let mut have = Bitfield::new(PIECES);
        for &piece in self.have.keys() {
            have.insert(crate::piece(piece));
        }
        let file = |file| self.files.get(&file).map_or(FileStamp::ABSENT, |&stamp| stamp_of(stamp));
        Record {
            info_hash: InfoHash::new([7; 20]),
            have,
            files: (0..FILES).map(file).collect(),
            uploaded: self.uploaded,
            downloaded: self.downloaded,
        }
    }

    fn of(record: &Record) -> Self {
        let stamps = record.files.iter().enumerate();
        let there = stamps.filter(|(_, stamp)| **stamp != FileStamp::ABSENT);
        Self {
            have: record.have.iter().map(|piece| (piece.as_u32(), true)).collect(),
            files: there
                .map(|(file, stamp)| (file, (stamp.length, stamp.modified_nanos)))
                .collect(),
            uploaded: record.uploaded,
            downloaded: record.downloaded,
        }
    }
}

fn stamp_of((length, modified_nanos): (u64, u64)) -> FileStamp {
    FileStamp { length, modified_nanos }
}

impl Disk {
    fn change(&mut self, step: &Step, table: &Table) {
        let length = self.bytes.len();
        match step {
            Step::Write => {
                self.before = std::mem::replace(&mut self.bytes, table.record().encode());
                self.written.insert(self.bytes.clone(), table.clone());
            }
            Step::Flip { at, bit } if length > 0 => self.bytes[at.index(length)] ^= 1 << bit,
            Step::Cut { at } if length > 0 => self.bytes.truncate(at.index(length)),
            Step::Tear { at } if length > 0 => {
                let at = at.index(length);
                self.bytes.truncate(at);
                self.bytes.extend(self.before.iter().skip(at));
            }
            Step::Append { bytes } => self.bytes.extend(bytes),
            _ => {}
        }
    }
}
