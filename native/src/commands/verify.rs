//! `gannet verify`.

use std::{
    cell::RefCell,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::PathBuf,
};

use bytes::Bytes;
use cap_std::{
    ambient_authority,
    fs::{Dir, File},
};
use gannet::storage::FastSha1;
use gannet_core::{
    id::PieceIndex,
    metainfo::Info,
    storage::{Order, Outcome, Storage, StorageError, perform},
};
use serde::Serialize;
use serde_json::json;

use super::create::with_bar;
use crate::{
    build::{Tally, on_all_cores},
    cli::VerifyArgs,
    exit::{Exit, Failure, OrFail},
    format,
    output::{self, Align, print, print_json, table},
    source::read_torrent,
};

/// What a piece or a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Good,
    /// Not there, or too short.
    Missing,
    /// There, and wrong.
    Bad,
    /// A file whose pieces are all good but for those it shares with a file that is missing.
    Unclear,
}

/// Checks the data of a torrent.
pub(super) fn run(args: &VerifyArgs) -> Result<Exit, Failure> {
    let info = read_torrent(&args.torrent)?.info;
    let dir = Dir::open_ambient_dir(&args.dir, ambient_authority())
        .or_fail(Exit::Storage, args.dir.display())?;
    let data = Data { paths: paths(&info, args.name.as_deref()), info: &info, dir };
    let pieces = check_pieces(&data, args.quiet || args.output.json)?;
    let files: Vec<_> = (0..info.files().len()).map(|file| data.status(file, &pieces)).collect();
    match (args.output.json, args.quiet) {
        (true, _) => print_json(&as_json(&data, &pieces, &files))?,
        (_, false) => print(as_text(&data, &pieces, &files))?,
        _ => {}
    }
    let is_good = pieces.iter().chain(&files).all(|status| *status == Status::Good);
    Ok(if is_good { Exit::Done } else { Exit::Checksum })
}

fn paths(info: &Info, name: Option<&str>) -> Vec<PathBuf> {
    match name {
        Some(name) if info.is_single_file() => vec![name.into()],
        _ => info.files().iter().map(|file| file.path.iter().collect()).collect(),
    }
}

/// A torrent's files below a folder.
struct Data<'i> {
    info: &'i Info,
    dir: Dir,
    paths: Vec<PathBuf>,
}

fn check_pieces(data: &Data<'_>, quiet: bool) -> Result<Vec<Status>, StorageError> {
    let layout = data.info.layout();
    let tally = Tally::default();
    let bar = match quiet {
        true => output::hidden(),
        false => output::counting(layout.total_length(), "checking"),
    };
    let pieces: Vec<_> = layout.pieces().collect();
    let worker = || Reader { data, open: RefCell::new(None) };
    with_bar(&bar, &tally, || {
        on_all_cores(pieces.len(), worker, |reader, number| {
            let status = reader.check(pieces[number]);
            tally.add(layout.piece_bytes(pieces[number]).into());
            status
        })
    })
}

impl Data<'_> {
    fn status(&self, file: usize, pieces: &[Status]) -> Status {
        let described = &self.info.files()[file];
        if described.attributes.pad || described.attributes.symlink.is_some() {
            return Status::Good;
        }
        // Neither is a folder or a link in the place of a file that file.
        let found = self.dir.symlink_metadata(&self.paths[file]);
        let Some(found) = found.ok().filter(|found| found.is_file()) else {
            return Status::Missing;
        };
        if found.len() != described.length {
            return Status::Bad;
        }
        let Range { start, end } = self.info.layout().file_pieces(file);
        let own = &pieces[start as usize..end as usize];
        match own {
            own if own.contains(&Status::Bad) => Status::Bad,
            own if own.contains(&Status::Missing) => Status::Unclear,
            _ => Status::Good,
        }
    }
}

/// Reads the files for one thread, and keeps the last one open.
struct Reader<'d> {
    data: &'d Data<'d>,
    open: RefCell<Option<(usize, File)>>,
}

impl Reader<'_> {
    fn check(&self, piece: PieceIndex) -> Result<Status, StorageError> {
        match perform(self, self.data.info, Order::Check { piece, digest_blocks: false }) {
            Some(Outcome::Checked { result: Ok(verdict), .. }) if verdict.good => Ok(Status::Good),
            Some(Outcome::Checked { result: Ok(_), .. }) => Ok(Status::Bad),
            Some(Outcome::Checked { result: Err(StorageError::Missing { .. }), .. }) => {
                Ok(Status::Missing)
            }
            Some(Outcome::Checked { result: Err(error), .. }) => Err(error),
            // `perform` answers a check with nothing else.
            _ => Err(StorageError::Closed),
        }
    }

    fn read(&self, number: usize, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let mut open = self.open.borrow_mut();
        let file = match open.take() {
            Some((same, file)) if same == number => file,
            _ => self.data.dir.open(&self.data.paths[number])?,
        };
        let (_, file) = open.insert((number, file));
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(into)
    }
}

impl Storage for Reader<'_> {
    type Sha1 = FastSha1;

    fn read_at(&self, file: usize, offset: u64, into: &mut [u8]) -> Result<(), StorageError> {
        let name = || self.data.paths[file].display().to_string();
        self.read(file, offset, into).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::UnexpectedEof => StorageError::Missing { file: name() },
            kind => StorageError::Io { file: name(), kind },
        })
    }

    fn write_at(&self, file: usize, _: u64, _: &[Bytes]) -> Result<(), StorageError> {
        let file = self.data.paths[file].display().to_string();
        Err(StorageError::ReadOnly { file, kind: io::ErrorKind::Unsupported })
    }
}

fn numbers(pieces: &[Status], status: Status) -> Vec<usize> {
    let numbered = pieces.iter().enumerate().filter(|(_, piece)| **piece == status);
    numbered.map(|(number, _)| number).collect()
}

fn as_json(data: &Data<'_>, pieces: &[Status], files: &[Status]) -> serde_json::Value {
    let file = |(path, status): (&PathBuf, &Status)| json!({ "path": path, "status": status });
    json!({
        "info_hash": data.info.info_hash(),
        "pieces": {
            "total": pieces.len(),
            "good": numbers(pieces, Status::Good).len(),
            "missing": numbers(pieces, Status::Missing),
            "bad": numbers(pieces, Status::Bad),
        },
        "files": data.paths.iter().zip(files).map(file).collect::<Vec<_>>(),
    })
}

fn as_text(data: &Data<'_>, pieces: &[Status], files: &[Status]) -> String {
    let rows = data.info.files().iter().zip(&data.paths).zip(files).enumerate();
    let shown = rows.filter(|(_, ((file, _), _))| !file.attributes.pad);
    let text = table(
        [("file", Align::Left), ("status", Align::Left), ("good pieces", Align::Right)],
        shown.map(|(number, ((_, path), status))| {
            let Range { start, end } = data.info.layout().file_pieces(number);
            let own = &pieces[start as usize..end as usize];
            let good = numbers(own, Status::Good).len();
            let status = format!("{status:?}").to_lowercase();
            [path.display().to_string(), status, format!("{good} of {}", own.len())]
        }),
    );
    let good = numbers(pieces, Status::Good).len();
    let mut text = format!("{text}{good} of {} pieces are good\n", pieces.len());
    for (status, label) in [(Status::Missing, "missing"), (Status::Bad, "bad")] {
        let numbers = numbers(pieces, status);
        if !numbers.is_empty() {
            text += &format!("{label}: {}\n", ranges(&numbers));
        }
    }
    text
}

/// `1, 3-5`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let shown = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        run => run.iter().map(usize::to_string).collect(),
    });
    format!(
        "{} ({})",
        format::count(numbers.len() as u64, "piece", "pieces"),
        shown.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_become_ranges() {
        assert_eq!(ranges(&[1, 3, 4, 5, 9, 10]), "6 pieces (1, 3-5, 9-10)");
        assert_eq!(ranges(&[7]), "1 piece (7)");
    }
}
