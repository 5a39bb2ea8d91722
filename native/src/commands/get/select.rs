//! Which files of a torrent the user wants.

use std::ops::RangeInclusive;

use gannet_core::metainfo::Info;
use globset::GlobSetBuilder;

use crate::cli::Selection;

/// Why the choice of files can't be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SelectError {
    /// A number that no file has.
    #[error("no file {number}, there are {files} (`--list` shows them)")]
    NoSuchFile {
        /// The number, from one.
        number: usize,
        /// How many files there are.
        files: usize,
    },
    /// A pattern that matches nothing.
    #[error("no file matches --select (`--list` shows them)")]
    NoMatch,
    /// A pattern that is too complicated.
    #[error("--select: {0}")]
    Glob(#[from] globset::Error),
}

/// For each file, whether it is wanted; `None` for all of them.
///
/// What the command line says goes before what a magnet link says (`so`, BEP 53).
pub(super) fn wanted(
    info: &Info,
    selection: &Selection,
    link: Option<&[RangeInclusive<u32>]>,
) -> Result<Option<Vec<bool>>, SelectError> {
    let files = info.files().len();
    if !selection.files.is_empty() {
        let chosen = selection.files.iter().map(|numbers| numbers.0.clone());
        let chosen: Vec<_> = chosen.collect();
        if let Some(last) = chosen.iter().map(|range| *range.end()).find(|last| *last > files) {
            return Err(SelectError::NoSuchFile { number: last, files });
        }
        let is_chosen = |number| chosen.iter().any(|range| range.contains(&number));
        return Ok(Some((1..=files).map(is_chosen).collect()));
    }
    if !selection.select.is_empty() {
        return by_pattern(info, selection).map(Some);
    }
    // A link may name files that a torrent doesn't have: those are nobody's.
    let in_link = |ranges: &[RangeInclusive<u32>]| {
        let is_chosen = |file| ranges.iter().any(|range| range.contains(&file));
        (0..files).map(|file| u32::try_from(file).is_ok_and(is_chosen)).collect()
    };
    Ok(link.map(in_link))
}

fn by_pattern(info: &Info, selection: &Selection) -> Result<Vec<bool>, SelectError> {
    let mut patterns = GlobSetBuilder::new();
    for glob in &selection.select {
        patterns.add(glob.clone());
    }
    let patterns = patterns.build()?;
    // With the torrent's folder in front, without it, or the name alone: each is meant by somebody.
    let is_wanted = |path: &[String]| {
        let forms = [0, 1, path.len().saturating_sub(1)].into_iter();
        let mut forms = forms.filter_map(|first| path.get(first..)).filter(|form| !form.is_empty());
        forms.any(|form| patterns.is_match(form.join("/")))
    };
    let wanted: Vec<_> = info.files().iter().map(|file| is_wanted(&file.path)).collect();
    if wanted.contains(&true) { Ok(wanted) } else { Err(SelectError::NoMatch) }
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::*;
    use crate::parse::Numbers;

    fn info() -> Info {
        let file = |name: &str| format!("d6:lengthi1e4:pathl{}:{name}ee", name.len());
        let files: String = ["a.iso", "b.txt", "c.iso"].map(file).concat();
        let raw =
            format!("d5:filesl{files}e4:name3:top12:piece lengthi16384e6:pieces20:{:020}e", 0);
        Info::parse(raw.into_bytes().into()).unwrap()
    }

    fn by_numbers(numbers: &[RangeInclusive<usize>]) -> Selection {
        let files = numbers.iter().cloned().map(Numbers).collect();
        Selection { files, ..Selection::default() }
    }

    fn by_glob(glob: &str) -> Selection {
        Selection { select: vec![Glob::new(glob).unwrap()], ..Selection::default() }
    }

    #[test]
    fn everything_is_wanted_unless_something_is_chosen() {
        assert_eq!(wanted(&info(), &Selection::default(), None), Ok(None));
    }

    #[test]
    fn numbers_count_from_one() {
        let chosen = wanted(&info(), &by_numbers(&[1..=1, 3..=3]), None);
        assert_eq!(chosen, Ok(Some(vec![true, false, true])));
        let error = wanted(&info(), &by_numbers(&[2..=4]), None);
        assert_eq!(error, Err(SelectError::NoSuchFile { number: 4, files: 3 }));
    }

    #[test]
    fn a_pattern_matches_the_path_or_the_name() {
        let chosen = |glob| wanted(&info(), &by_glob(glob), None);
        assert_eq!(chosen("*.iso"), Ok(Some(vec![true, false, true])));
        assert_eq!(chosen("top/b*"), Ok(Some(vec![false, true, false])));
        assert_eq!(chosen("*.mkv"), Err(SelectError::NoMatch));
    }

    #[test]
    fn the_command_line_goes_before_the_magnet_link() {
        let link = [1..=1, 9..=9];
        let from_link = wanted(&info(), &Selection::default(), Some(&link));
        assert_eq!(from_link, Ok(Some(vec![false, true, false])));
        let both = wanted(&info(), &by_glob("a*"), Some(&link));
        assert_eq!(both, Ok(Some(vec![true, false, false])));
    }
}
