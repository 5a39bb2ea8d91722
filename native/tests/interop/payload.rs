//! What is shared, and the proof that it came through byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

/// The piece length of all torrents here: small, so that a few megabytes are many pieces.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// The two shapes a torrent has (BEP 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One file, which ends inside a piece.
    SingleFile,
    /// A folder: a file that ends inside a piece and one that starts there, an empty file, a file
    /// smaller than a block, folders in folders, names with blanks and beyond ASCII.
    MultiFile,
}

impl Shape {
    pub(crate) const ALL: [Self; 2] = [Self::SingleFile, Self::MultiFile];

    /// Relative paths and lengths.
    fn files(self, name: &str) -> Vec<(PathBuf, usize)> {
        match self {
            Self::SingleFile => vec![(name.into(), 40 * PIECE_BYTES + 12_345)],
            Self::MultiFile => [
                ("a first one.bin", 17 * PIECE_BYTES + 1),
                ("empty", 0),
                ("inner/deeper/ünïcode 海燕.bin", 9 * PIECE_BYTES + 16 * 1024),
                ("inner/tiny", 7),
                ("zero.too", 0),
                ("zz last.bin", PIECE_BYTES - 1),
            ]
            .map(|(file, length)| (Path::new(name).join(file), length))
            .into(),
        }
    }
}

/// Files on the disk, made of noise.
pub(crate) struct Payload {
    /// The folder that it lies in: what clients call the download folder.
    pub(crate) folder: PathBuf,
    /// Name of the file or folder: the torrent's name.
    pub(crate) name: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Payload {
    /// Makes one below `folder`. The same name and shape always have the same bytes.
    pub(crate) fn write(folder: &Path, name: &str, shape: Shape) -> Self {
        let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31) ^ u64::from(byte));
        let mut random = fastrand::Rng::with_seed(seed);
        let noise = |(path, length): (PathBuf, usize)| {
            let mut bytes = vec![0; length];
            random.fill(&mut bytes);
            (path, bytes)
        };
        let files: Vec<_> = shape.files(name).into_iter().map(noise).collect();
        for (path, bytes) in &files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a file below a folder")).expect("folder");
            fs::write(path, bytes).expect("payload");
        }
        Self { folder: folder.into(), name: name.into(), files }
    }

    /// Path of the file or folder itself.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// For a torrent whose maker left out files without bytes.
    pub(crate) fn forget_empty_files(&mut self) {
        self.files.retain(|(_, bytes)| !bytes.is_empty());
    }

    /// The first difference between this and what lies in `folder`.
    pub(crate) fn difference(&self, folder: &Path) -> Option<String> {
        self.files.iter().find_map(|(path, bytes)| {
            let found = match fs::read(folder.join(path)) {
                Ok(found) => found,
                Err(error) => return Some(format!("{}: {error}", path.display())),
            };
            let (had, has) = (bytes.len(), found.len());
            (found != *bytes).then(|| format!("{} differs: {had} bytes, got {has}", path.display()))
        })
    }
}
