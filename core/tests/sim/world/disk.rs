//! A disk: it takes its time, fills up, fails, writes half, and forgets what was not synced.

use std::{cell::RefCell, io, time::Duration};

use bytes::Bytes;
use gannet_core::{
    bitfield::Bitfield,
    id::PieceIndex,
    layout::FileSlice,
    metainfo::Info,
    resume::{FileStamp, Record},
    storage::{Opened, PortableSha1, Storage, StorageError},
    time::Instant,
};

use crate::draw;

/// How a disk behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskFault {
    #[default]
    None,
    /// Every write fails: no space.
    Full,
    /// Nothing may be written.
    ReadOnly,
    /// One operation in so many fails.
    Errors(u32),
    /// One write in so many ends in the middle, and fails.
    ShortWrites(u32),
    /// Every byte read for others is wrong.
    CorruptReads,
    /// What is read for others never comes: the host has all and sends nothing.
    SilentReads,
}

#[derive(Debug, Default, Clone)]
struct File {
    bytes: Vec<u8>,
    /// Stands for the time of the last change.
    changes: u64,
    synced_changes: u64,
}

/// What a write that is not synced yet has overwritten.
#[derive(Debug)]
struct Undo {
    file: usize,
    offset: usize,
    before: Vec<u8>,
    length_before: usize,
}

/// The bytes of one torrent, file by file.
#[derive(Debug)]
pub struct Disk {
    files: RefCell<Vec<File>>,
    unsynced: RefCell<Vec<Undo>>,
    rng: RefCell<fastrand::Rng>,
    record: Option<Vec<u8>>,
    pub fault: DiskFault,
    /// What each operation costs before the first byte.
    pub seek: Duration,
    pub bytes_per_second: u64,
    /// Bytes of all files, at most.
    pub capacity: u64,
    busy_until: Instant,
}

impl Disk {
    pub fn new(seed: u64) -> Self {
        Self {
            files: RefCell::default(),
            unsynced: RefCell::default(),
            rng: RefCell::new(fastrand::Rng::with_seed(seed)),
            record: None,
            fault: DiskFault::None,
            seek: Duration::from_micros(200),
            bytes_per_second: 1_000_000_000,
            capacity: u64::MAX,
            busy_until: Instant::EPOCH,
        }
    }

    pub fn fill(&mut self, files: Vec<Vec<u8>>) {
        let file = |bytes| File { bytes, ..File::default() };
        self.files = RefCell::new(files.into_iter().map(file).collect());
    }

    pub fn content(&self) -> Vec<Vec<u8>> {
        self.files.borrow().iter().map(|file| file.bytes.clone()).collect()
    }

    /// A piece as it lies on the disk.
    pub fn piece(&self, info: &Info, piece: PieceIndex) -> Vec<u8> {
        let files = self.files.borrow();
        let range = |slice: FileSlice| {
            let from = slice.offset as usize;
            files[slice.file]
                .bytes
                .get(from..from + slice.length as usize)
                .unwrap_or_default()
                .to_vec()
        };
        info.layout().piece_files(piece).flat_map(range).collect()
    }

    /// When an operation of so many bytes that is ordered now will be done.
    pub fn done_at(&mut self, now: Instant, bytes: u64) -> Instant {
        let transfer = Duration::from_micros(bytes * 1_000_000 / self.bytes_per_second.max(1));
        self.busy_until = self.busy_until.max(now) + self.seek + transfer;
        self.busy_until
    }

    pub fn open(&self, info: &Info) -> Opened {
        let mut files = self.files.borrow_mut();
        files.resize(info.layout().files().len(), File::default());
        let present = files.iter().map(|file| !file.bytes.is_empty()).collect();
        let record = self.record.as_deref().and_then(|bytes| Record::decode(bytes).ok());
        let stamps: Vec<FileStamp> = files.iter().map(stamp).collect();
        let trusted = record.filter(|record| {
            record.info_hash == *info.info_hash()
                && record.files == stamps
                && record.have.len() == info.layout().piece_count()
        });
        Opened { trusted: trusted.map(|record| record.have), present }
    }

    /// Syncs the data, then replaces the record.
    pub fn checkpoint(&mut self, info: &Info, have: Bitfield) -> Result<(), StorageError> {
        self.try_write()?;
        self.unsynced.borrow_mut().clear();
        self.files.borrow_mut().iter_mut().for_each(|file| file.synced_changes = file.changes);
        let files = self.files.borrow().iter().map(stamp).collect();
        let info_hash = *info.info_hash();
        let record = Record { info_hash, have, files, uploaded: 0, downloaded: 0 };
        self.record = Some(record.encode());
        Ok(())
    }

    /// The power fails: each write since the last sync is there, lost, or torn, the last ones first.
    pub fn lose_power(&mut self) {
        let mut rng = self.rng.borrow_mut();
        for undo in self.unsynced.borrow_mut().drain(..).rev() {
            let Undo { file, offset, before, length_before } = undo;
            let file = &mut self.files.borrow_mut()[file];
            let lost = match rng.u8(..3) {
                0 => 0,
                1 => before.len(),
                _ => draw(&mut rng, ..=before.len()) / 512 * 512,
            };
            file.bytes[offset..offset + lost].copy_from_slice(&before[..lost]);
            if lost == before.len() {
                file.bytes.truncate(length_before);
            }
        }
        // The time of a change may be lost although the change itself is there.
        if rng.bool() {
            self.files.borrow_mut().iter_mut().for_each(|file| file.changes = file.synced_changes);
        }
    }

    /// The resume record as it lies on the disk, for those who damage it.
    pub fn record_mut(&mut self) -> &mut Option<Vec<u8>> {
        &mut self.record
    }

    /// A byte of a file flips, unseen.
    pub fn flip(&mut self, file: usize, offset: usize) {
        if let Some(byte) = self.files.borrow_mut()[file].bytes.get_mut(offset) {
            *byte = !*byte;
        }
    }

    fn strikes(&self, one_in: u32) -> bool {
        self.rng.borrow_mut().u32(..one_in.max(1)) == 0
    }

    fn try_write(&self) -> Result<(), StorageError> {
        let file = "payload".to_owned();
        match self.fault {
            DiskFault::Full => Err(StorageError::Full { file }),
            DiskFault::ReadOnly => {
                Err(StorageError::ReadOnly { file, kind: io::ErrorKind::PermissionDenied })
            }
            DiskFault::Errors(one_in) if self.strikes(one_in) => Err(broken()),
            _ => Ok(()),
        }
    }

    fn used_bytes(&self) -> u64 {
        self.files.borrow().iter().map(|file| file.bytes.len() as u64).sum()
    }

    /// Puts bytes where they belong and remembers what was there.
    fn put(&self, file: usize, offset: usize, bytes: &[u8]) {
        let mut files = self.files.borrow_mut();
        let target = &mut files[file];
        let (length_before, end) = (target.bytes.len(), offset + bytes.len());
        if target.bytes.len() < end {
            target.bytes.resize(end, 0);
        }
        let before = target.bytes[offset..end].to_vec();
        target.bytes[offset..end].copy_from_slice(bytes);
        target.changes += 1;
        self.unsynced.borrow_mut().push(Undo { file, offset, before, length_before });
    }
}

fn stamp(file: &File) -> FileStamp {
    FileStamp { length: file.bytes.len() as u64, modified_nanos: file.changes }
}

fn broken() -> StorageError {
    StorageError::Io { file: "payload".to_owned(), kind: io::ErrorKind::Other }
}

impl Storage for Disk {
    type Sha1 = PortableSha1;

    fn read_at(&self, file: usize, offset: u64, into: &mut [u8]) -> Result<(), StorageError> {
        if let DiskFault::Errors(one_in) = self.fault
            && self.strikes(one_in)
        {
            return Err(broken());
        }
        let files = self.files.borrow();
        let from = files[file].bytes.get(offset as usize..offset as usize + into.len());
        let missing = || StorageError::Missing { file: file.to_string() };
        into.copy_from_slice(from.ok_or_else(missing)?);
        if self.fault == DiskFault::CorruptReads {
            into.iter_mut().for_each(|byte| *byte = !*byte);
        }
        Ok(())
    }

    fn write_at(&self, file: usize, offset: u64, buffers: &[Bytes]) -> Result<(), StorageError> {
        self.try_write()?;
        let bytes = buffers.concat();
        let end = offset + bytes.len() as u64;
        let grows = end.saturating_sub(self.files.borrow()[file].bytes.len() as u64);
        if self.used_bytes() + grows > self.capacity {
            return Err(StorageError::Full { file: file.to_string() });
        }
        if let DiskFault::ShortWrites(one_in) = self.fault
            && self.strikes(one_in)
        {
            self.put(file, offset as usize, &bytes[..bytes.len() / 2]);
            return Err(broken());
        }
        self.put(file, offset as usize, &bytes);
        Ok(())
    }
}
