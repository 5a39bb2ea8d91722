//! The orders of the core, carried out below real folders.

mod resume;
mod selection;

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use gannet_core::{
    bitfield::Bitfield,
    metainfo::{Draft, DraftFile, Info},
    storage::{Opened, Order, Outcome, StorageError, Verdict},
};
use sha1::{Digest, Sha1};
use tempfile::TempDir;

use super::{MAX_OPEN_FILES, Place, shelf::Shelf};

const PIECE_BYTES: usize = 16 * 1024;

/// A torrent, the bytes of all its files in a row, and a folder for it.
struct Fixture {
    dir: TempDir,
    info: Arc<Info>,
    data: Vec<u8>,
    overwrite: bool,
}

impl Fixture {
    /// A torrent of the files `t/0`, `t/1` and so on with these lengths.
    fn of(lengths: &[usize]) -> Self {
        let data: Vec<u8> = (0..lengths.iter().sum::<usize>()).map(|n| (n % 251) as u8).collect();
        let files = lengths.iter().enumerate().map(|(number, &length)| DraftFile {
            path: vec![number.to_string()],
            length: length as u64,
            executable: number == 0,
            sha256: None,
        });
        let draft = Draft {
            name: "t".to_owned(),
            files: files.collect(),
            piece_length: PIECE_BYTES as u32,
            hashes: data.chunks(PIECE_BYTES).map(|piece| Sha1::digest(piece).into()).collect(),
            single_file: lengths.len() == 1,
            ..Draft::default()
        };
        let info = Info::parse(draft.encode_info().into()).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), info: Arc::new(info), data, overwrite: false }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn shelf(&self) -> Shelf {
        let place = Place::Folder {
            dir: self.dir.path().to_owned(),
            rename: None,
            overwrite: self.overwrite,
        };
        Shelf::new(1, place, Arc::default())
    }

    fn open(&self) -> (Shelf, Result<Opened, StorageError>) {
        self.open_wanting(&vec![true; self.info.files().len()])
    }

    fn open_wanting(&self, wanted: &[bool]) -> (Shelf, Result<Opened, StorageError>) {
        let shelf = self.shelf();
        let order = Order::Open { info: Arc::clone(&self.info), wanted: wanted.to_vec() };
        let Outcome::Opened(opened) = shelf.perform(order) else { panic!("not opened") };
        (shelf, opened)
    }

    fn piece(&self, piece: usize) -> Bytes {
        Bytes::copy_from_slice(self.data.chunks(PIECE_BYTES).nth(piece).unwrap())
    }

    fn store(&self, shelf: &Shelf, piece: usize, bytes: Bytes) -> Result<Verdict, StorageError> {
        let piece = self.info.layout().piece(piece as u32).unwrap();
        let order = Order::Store { piece, buffers: vec![bytes], digest_blocks: false };
        let Outcome::Stored { result, .. } = shelf.perform(order) else { panic!("not stored") };
        result
    }

    fn store_good(&self, shelf: &Shelf, piece: usize) {
        assert!(self.store(shelf, piece, self.piece(piece)).unwrap().good);
    }

    fn read(&self, shelf: &Shelf, piece: usize) -> Result<Bytes, StorageError> {
        let length = self.piece(piece).len() as u32;
        let piece = self.info.layout().piece(piece as u32).unwrap();
        let order = Order::Read { piece, begin: 0, length };
        let Outcome::Read { result, .. } = shelf.perform(order) else { panic!("not read") };
        result
    }

    fn checkpoint(&self, shelf: &Shelf, have: &[usize]) {
        let count = self.info.layout().piece_count();
        let mut pieces = Bitfield::new(count);
        for &piece in have {
            pieces.insert(self.info.layout().piece(piece as u32).unwrap());
        }
        let complete = have.len() == count as usize;
        let order = Order::Checkpoint { have: pieces, complete };
        let Outcome::Checkpointed(result) = shelf.perform(order) else { panic!("no checkpoint") };
        assert_eq!(result, Ok(()));
    }
}

#[test]
fn a_good_piece_is_written_where_it_belongs_and_read_back() {
    let fixture = Fixture::of(&[20_000, 0, 30_000, 5]);
    let (shelf, opened) = fixture.open();
    assert_eq!(opened.unwrap().present, [false; 4]);
    assert!(!fixture.path("t/0").exists());
    assert_eq!(fs::metadata(fixture.path("t/1")).unwrap().len(), 0);
    for piece in [1, 3, 0, 2] {
        fixture.store_good(&shelf, piece);
        assert_eq!(fixture.read(&shelf, piece), Ok(fixture.piece(piece)));
    }
    assert_eq!(fs::read(fixture.path("t/0")).unwrap(), fixture.data[..20_000]);
    assert_eq!(fs::read(fixture.path("t/2")).unwrap(), fixture.data[20_000..50_000]);
    assert_eq!(fs::read(fixture.path("t/3")).unwrap(), fixture.data[50_000..]);
}

#[test]
fn a_file_has_its_full_size_from_its_first_byte_and_takes_no_space_for_the_rest() {
    use std::os::unix::fs::MetadataExt;
    let fixture = Fixture::of(&[64 * PIECE_BYTES]);
    let (shelf, _) = fixture.open();
    fixture.store_good(&shelf, 40);
    let metadata = fs::metadata(fixture.path("t")).unwrap();
    assert_eq!(metadata.len(), 64 * PIECE_BYTES as u64);
    assert!(metadata.blocks() * 512 < 8 * PIECE_BYTES as u64);
}

#[test]
fn a_bad_piece_leaves_no_trace() {
    let fixture = Fixture::of(&[40_000]);
    let (shelf, _) = fixture.open();
    let verdict = fixture.store(&shelf, 0, vec![7; PIECE_BYTES].into()).unwrap();
    assert!(!verdict.good);
    assert!(fixture.names().is_empty());
    assert!(matches!(fixture.read(&shelf, 0), Err(StorageError::Missing { .. })));
}

#[test]
fn a_foreign_file_is_refused_before_anything_is_made() {
    let fixture = Fixture::of(&[0, 40_000, 10]);
    fs::create_dir(fixture.path("t")).unwrap();
    fs::write(fixture.path("t/2"), b"a letter to my aunt").unwrap();
    let (_, opened) = fixture.open();
    let expected =
        StorageError::Foreign { file: "t/2".to_owned(), found_bytes: 19, expected_bytes: 10 };
    assert_eq!(opened.unwrap_err(), expected);
    assert_eq!(fs::read(fixture.path("t/2")).unwrap(), b"a letter to my aunt");
    assert!(!fixture.path("t/0").exists());
}

#[test]
fn a_foreign_file_is_taken_over_if_the_user_says_so() {
    let mut fixture = Fixture::of(&[0, 40_000]);
    fixture.overwrite = true;
    fs::create_dir(fixture.path("t")).unwrap();
    fs::write(fixture.path("t/0"), b"not empty").unwrap();
    fs::write(fixture.path("t/1"), b"not long").unwrap();
    let (_, opened) = fixture.open();
    assert_eq!(opened.unwrap().present, [false, true]);
    assert_eq!(fs::metadata(fixture.path("t/0")).unwrap().len(), 0);
    assert_eq!(fs::metadata(fixture.path("t/1")).unwrap().len(), 40_000);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_an_error() {
    let fixture = Fixture::of(&[40_000, 10]);
    fs::create_dir_all(fixture.path("t/1/in the way")).unwrap();
    let (_, opened) = fixture.open();
    assert!(matches!(opened, Err(StorageError::Io { file, .. }) if file == "t/1"));
}

#[test]
fn no_symbolic_link_leads_out_of_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    let fixture = Fixture::of(&[PIECE_BYTES, 10]);
    std::os::unix::fs::symlink(outside.path(), fixture.path("t")).unwrap();
    let (_, opened) = fixture.open();
    assert!(matches!(opened, Err(StorageError::Outside { .. })), "{opened:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_link_that_appears_later_is_not_followed_out_either() {
    let outside = tempfile::tempdir().unwrap();
    let fixture = Fixture::of(&[PIECE_BYTES, 10]);
    let (shelf, _) = fixture.open();
    std::os::unix::fs::symlink(outside.path(), fixture.path("t")).unwrap();
    let stored = fixture.store(&shelf, 0, fixture.piece(0));
    assert!(matches!(stored, Err(StorageError::Outside { .. })), "{stored:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_single_file_can_be_called_something_else_but_not_somewhere_else() {
    let fixture = Fixture::of(&[PIECE_BYTES]);
    let renamed = |name: &str| {
        let dir = fixture.path("below");
        let place = Place::Folder { dir, rename: Some(name.to_owned()), overwrite: false };
        let shelf = Shelf::new(1, place, Arc::default());
        let info = Arc::clone(&fixture.info);
        let Outcome::Opened(opened) = shelf.perform(Order::Open { info, wanted: vec![true] })
        else {
            panic!("not opened")
        };
        opened.and_then(|_| fixture.store(&shelf, 0, fixture.piece(0)))
    };
    assert!(renamed("mine.bin").unwrap().good);
    assert_eq!(fs::read(fixture.path("below/mine.bin")).unwrap(), fixture.data);
    for way_out in ["../theirs.bin", "/tmp/gannet-way-out.bin"] {
        let refused = renamed(way_out);
        assert!(matches!(refused, Err(StorageError::Outside { .. })), "{refused:?}");
    }
    assert!(!fixture.path("theirs.bin").exists());
}

#[test]
fn more_files_than_may_be_open_are_all_written_and_synced() {
    let fixture = Fixture::of(&vec![100; MAX_OPEN_FILES * 2]);
    let (shelf, _) = fixture.open();
    let pieces: Vec<_> = (0..fixture.info.layout().piece_count() as usize).collect();
    for &piece in &pieces {
        fixture.store_good(&shelf, piece);
    }
    fixture.checkpoint(&shelf, &pieces);
    for (file, bytes) in fixture.data.chunks(100).enumerate() {
        assert_eq!(fs::read(fixture.path(&format!("t/{file}"))).unwrap(), bytes);
    }
}

#[test]
fn nothing_is_done_for_a_torrent_that_is_not_open() {
    let fixture = Fixture::of(&[40_000]);
    let shelf = fixture.shelf();
    assert_eq!(fixture.store(&shelf, 0, fixture.piece(0)), Err(StorageError::Closed));
    assert!(matches!(shelf.perform(Order::Close), Outcome::Closed));
    assert!(fixture.names().is_empty());
}

#[test]
fn executables_and_links_are_made_once_the_data_is_there() {
    use std::os::unix::fs::PermissionsExt;
    let mut fixture = Fixture::of(&[10, 10]);
    // A link `sub/link` to file 0, which the torrent says last.
    let raw = String::from_utf8_lossy(fixture.info.raw()).into_owned();
    assert!(raw.contains("attr"), "{raw}");
    let link = "d4:attr1:l6:lengthi0e4:pathl3:sub4:linke12:symlink pathl1:0ee";
    let mut bytes = fixture.info.raw().to_vec();
    let end = bytes.windows(7).position(|window| window == b"e4:name").unwrap();
    bytes.splice(end..end, link.bytes());
    fixture.info = Arc::new(Info::parse(bytes.into()).unwrap());

    let (shelf, _) = fixture.open();
    fixture.store_good(&shelf, 0);
    assert!(!fixture.path("t/sub").exists());
    fixture.checkpoint(&shelf, &[0]);
    let mode = fs::metadata(fixture.path("t/0")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, (mode & 0o444) >> 2);
    assert_eq!(fs::metadata(fixture.path("t/1")).unwrap().permissions().mode() & 0o111, 0);
    assert_eq!(fs::read_link(fixture.path("t/sub/link")).unwrap(), Path::new("../0"));
    assert_eq!(fs::read(fixture.path("t/sub/link")).unwrap(), fixture.data[..10]);
}
