//! Hashing on all cores.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use gannet::storage::FastSha1;
use gannet_core::{layout::Layout, storage::Sha1Hasher};
use sha2::{Digest, Sha256};

use super::{BuildError, Tree, tree::Found};

/// What is read at once.
const READ_BYTES: usize = 256 * 1024;

/// How far the hashing is.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    bytes: AtomicU64,
}

impl Tally {
    /// Bytes hashed so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes.
    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Runs `job` for each number below `count` on all cores; results in order, or the first error.
pub(crate) fn on_all_cores<W, T: Send, E: Send>(
    count: usize,
    worker: impl Fn() -> W + Sync,
    job: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new((Vec::with_capacity(count), None));
    let work = || {
        let (mut worker, mut own) = (worker(), Vec::new());
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            match job(&mut worker, number) {
                Ok(result) => own.push((number, result)),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    done.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(error);
                }
            }
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).0.append(&mut own);
    };
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get()).min(count.max(1));
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (mut results, error) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(number, _)| *number);
    error.map_or(Ok(results.into_iter().map(|(_, result)| result).collect()), Err)
}

/// SHA-1 of each piece.
pub(super) fn pieces(
    tree: &Tree,
    layout: &Layout,
    tally: &Tally,
) -> Result<Vec<[u8; 20]>, BuildError> {
    let worker = || Reader { tree, open: None, buffer: vec![0; READ_BYTES] };
    let all: Vec<_> = layout.pieces().collect();
    let hashes = on_all_cores(all.len(), worker, |reader, number| {
        let mut hasher = FastSha1::default();
        for slice in layout.piece_files(all[number]) {
            reader.read(slice.file, slice.offset, slice.length, |bytes| {
                hasher.update(bytes);
                tally.add(bytes.len() as u64);
            })?;
        }
        Ok::<_, BuildError>(hasher.finish())
    })?;
    unchanged(tree)?;
    Ok(hashes)
}

/// SHA-256 of each file.
pub(super) fn files(tree: &Tree, tally: &Tally) -> Result<Vec<[u8; 32]>, BuildError> {
    let worker = || Reader { tree, open: None, buffer: vec![0; READ_BYTES] };
    on_all_cores(tree.files.len(), worker, |reader, number| {
        let mut hasher = Sha256::new();
        reader.read(number, 0, tree.files[number].length, |bytes| {
            hasher.update(bytes);
            tally.add(bytes.len() as u64);
        })?;
        Ok(hasher.finalize().into())
    })
}

/// A file that has grown would make a torrent of its beginning.
fn unchanged(tree: &Tree) -> Result<(), BuildError> {
    for file in &tree.files {
        let length = std::fs::metadata(&file.path).map_err(|source| failed(file, source))?.len();
        if length != file.length {
            return Err(BuildError::Changed { path: file.path.clone() });
        }
    }
    Ok(())
}

/// Reads parts of files, one after the other, and keeps the last file open.
struct Reader<'t> {
    tree: &'t Tree,
    open: Option<(usize, File)>,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        number: usize,
        offset: u64,
        length: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), BuildError> {
        let found = &self.tree.files[number];
        let open = match self.open.take() {
            Some((same, open)) if same == number => open,
            _ => File::open(&found.path).map_err(|source| failed(found, source))?,
        };
        let (_, open) = self.open.insert((number, open));
        open.seek(SeekFrom::Start(offset)).map_err(|source| failed(found, source))?;
        let mut rest = length;
        while rest > 0 {
            let step = self.buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
            open.read_exact(&mut self.buffer[..step]).map_err(|source| failed(found, source))?;
            take(&self.buffer[..step]);
            rest -= step as u64;
        }
        Ok(())
    }
}

fn failed(file: &Found, source: io::Error) -> BuildError {
    let path = file.path.clone();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => BuildError::Changed { path },
        _ => BuildError::Io { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whoever_is_done_first() {
        let squares: Result<Vec<_>, ()> = on_all_cores(1000, || (), |(), n| Ok(n * n));
        assert_eq!(squares.unwrap(), (0..1000).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(on_all_cores(0, || (), |(), n| Err::<(), _>(n)), Ok(vec![]));
    }

    #[test]
    fn an_error_ends_the_work() {
        let failed = on_all_cores(1000, || (), |(), n| if n == 10 { Err(n) } else { Ok(n) });
        assert_eq!(failed, Err(10));
    }

    #[test]
    fn pieces_run_over_the_ends_of_files() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..50_000u32).map(|n| (n % 251) as u8).collect();
        for (name, range) in [("a", 0..20_000), ("b", 20_000..20_000), ("c", 20_000..50_000)] {
            std::fs::write(folder.path().join(name), &content[range]).unwrap();
        }
        let tree = Tree::find(folder.path()).unwrap();
        let layout = Layout::new(16_384, tree.files.iter().map(|f| (f.length, false))).unwrap();
        let tally = Tally::default();
        let expected: Vec<[u8; 20]> =
            content.chunks(16_384).map(|piece| sha1::Sha1::digest(piece).into()).collect();
        assert_eq!(pieces(&tree, &layout, &tally).unwrap(), expected);
        assert_eq!(tally.bytes(), 50_000);
    }

    #[test]
    fn a_file_that_grows_or_shrinks_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (before, after) in [(40_000, 50_000), (40_000, 10)] {
            std::fs::write(&path, vec![1; before]).unwrap();
            let tree = Tree::find(&path).unwrap();
            std::fs::write(&path, vec![1; after]).unwrap();
            let layout = Layout::new(16_384, [(before as u64, false)]).unwrap();
            let result = pieces(&tree, &layout, &Tally::default());
            assert!(matches!(result, Err(BuildError::Changed { .. })));
        }
    }
}
