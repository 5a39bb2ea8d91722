//! A torrent's data in memory: for tests, for looking into a torrent, for small things.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Mutex,
};

use bytes::Bytes;
use gannet_core::{
    layout::Layout,
    storage::{Storage, StorageError},
};

use super::{hash::FastSha1, lock};

/// Memory is taken in steps of so many bytes, when something is first written there.
pub const MEMORY_CHUNK_BYTES: u64 = 256 * 1024;

/// Files in chunks; a chunk where nothing was written isn't there.
pub(super) struct Memory {
    lengths: Vec<u64>,
    limit_bytes: u64,
    chunks: Mutex<Chunks>,
}

#[derive(Default)]
struct Chunks {
    /// By file and number of the chunk in it.
    by_place: BTreeMap<(usize, u64), Vec<u8>>,
    bytes: u64,
}

/// A range within one chunk.
struct Part {
    chunk: u64,
    begin: usize,
    length: usize,
}

impl Memory {
    pub(super) fn new(layout: &Layout, limit_bytes: u64) -> Self {
        let lengths = layout.files().iter().map(|file| file.length).collect();
        Self { lengths, limit_bytes, chunks: Mutex::default() }
    }

    fn write(&self, file: usize, offset: u64, mut bytes: &[u8]) -> Result<(), StorageError> {
        let mut chunks = lock(&self.chunks);
        for part in parts(offset, bytes.len()) {
            let (here, rest) = bytes.split_at(part.length);
            let chunk = self.chunk(&mut chunks, file, part.chunk)?;
            let into = chunk.get_mut(part.begin..part.begin + part.length);
            into.ok_or_else(|| missing(file))?.copy_from_slice(here);
            bytes = rest;
        }
        Ok(())
    }

    fn chunk<'c>(
        &self,
        chunks: &'c mut Chunks,
        file: usize,
        number: u64,
    ) -> Result<&'c mut Vec<u8>, StorageError> {
        let entry = match chunks.by_place.entry((file, number)) {
            Entry::Occupied(entry) => return Ok(entry.into_mut()),
            Entry::Vacant(entry) => entry,
        };
        let file_bytes = self.lengths.get(file).copied().unwrap_or(0);
        let size = file_bytes.saturating_sub(number * MEMORY_CHUNK_BYTES).min(MEMORY_CHUNK_BYTES);
        if chunks.bytes + size > self.limit_bytes {
            return Err(StorageError::MemoryLimit { limit_bytes: self.limit_bytes });
        }
        chunks.bytes += size;
        // At most a chunk, so it fits.
        Ok(entry.insert(vec![0; size as usize]))
    }
}

impl Storage for Memory {
    type Sha1 = FastSha1;

    fn read_at(&self, file: usize, offset: u64, mut into: &mut [u8]) -> Result<(), StorageError> {
        let chunks = lock(&self.chunks);
        for part in parts(offset, into.len()) {
            let (here, rest) = into.split_at_mut(part.length);
            let chunk = chunks.by_place.get(&(file, part.chunk));
            let bytes = chunk.and_then(|chunk| chunk.get(part.begin..part.begin + part.length));
            here.copy_from_slice(bytes.ok_or_else(|| missing(file))?);
            into = rest;
        }
        Ok(())
    }

    fn write_at(&self, file: usize, offset: u64, buffers: &[Bytes]) -> Result<(), StorageError> {
        let mut offset = offset;
        for bytes in buffers {
            self.write(file, offset, bytes)?;
            offset += bytes.len() as u64;
        }
        Ok(())
    }
}

/// The parts of chunks that `length` bytes from `offset` cover.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = Part> {
    let end = offset + length as u64;
    let mut next = offset;
    std::iter::from_fn(move || {
        let (chunk, begin) = (next / MEMORY_CHUNK_BYTES, next % MEMORY_CHUNK_BYTES);
        let length = (end - next).min(MEMORY_CHUNK_BYTES - begin);
        next += length;
        // Within a chunk, so they fit.
        (length > 0).then_some(Part { chunk, begin: begin as usize, length: length as usize })
    })
}

fn missing(file: usize) -> StorageError {
    StorageError::Missing { file: format!("file {file} in memory") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(lengths: &[u64], limit_bytes: u64) -> Memory {
        let layout = Layout::new(16 * 1024, lengths.iter().map(|&length| (length, false))).unwrap();
        Memory::new(&layout, limit_bytes)
    }

    #[test]
    fn what_is_written_across_chunks_is_read_back() {
        let memory = memory(&[10, 3 * MEMORY_CHUNK_BYTES], u64::MAX);
        let bytes: Vec<u8> = (0..MEMORY_CHUNK_BYTES + 20).map(|n| n as u8).collect();
        let (front, back) = bytes.split_at(1000);
        let buffers = [Bytes::copy_from_slice(front), Bytes::copy_from_slice(back)];
        memory.write_at(1, MEMORY_CHUNK_BYTES - 10, &buffers).unwrap();
        let mut read_back = vec![0; bytes.len()];
        memory.read_at(1, MEMORY_CHUNK_BYTES - 10, &mut read_back).unwrap();
        assert_eq!(read_back, bytes);
    }

    #[test]
    fn what_was_never_written_is_missing() {
        let memory = memory(&[100, 100], u64::MAX);
        memory.write_at(0, 0, &[Bytes::from_static(b"a")]).unwrap();
        let missing = memory.read_at(1, 0, &mut [0; 4]);
        assert!(matches!(missing, Err(StorageError::Missing { .. })), "{missing:?}");
        let beyond = memory.read_at(0, 98, &mut [0; 4]);
        assert!(matches!(beyond, Err(StorageError::Missing { .. })), "{beyond:?}");
    }

    #[test]
    fn the_limit_holds_and_what_fits_exactly_fits() {
        let memory = memory(&[100, 50, 1], 150);
        memory.write_at(0, 10, &[Bytes::from_static(b"a")]).unwrap();
        memory.write_at(1, 49, &[Bytes::from_static(b"b")]).unwrap();
        let refused = memory.write_at(2, 0, &[Bytes::from_static(b"c")]);
        assert_eq!(refused, Err(StorageError::MemoryLimit { limit_bytes: 150 }));
    }
}
