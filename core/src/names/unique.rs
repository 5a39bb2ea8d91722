//! No two files of a torrent at the same place.

use super::{
    case::lower,
    sanitize::{MAX_COMPONENT_BYTES, char_boundary, split_extension},
};
use crate::digest::sha1;

/// Room for the longest suffix, ` (4294967295)`.
const SUFFIX_BYTES: usize = 13;

/// A folder, as a number: paths are compared part by part, never as a whole.
type Folder = u32;
const TOP: Folder = 0;

/// Gives each file of a torrent a path of its own: `name (2).ext` for the second `name.ext`.
///
/// Names that differ only in case are the same, as they are for many file systems. Where a file
/// and a folder have the same name, whichever comes later gets another one.
#[derive(Debug, Default)]
pub struct UniquePaths {
    names: Names,
    folders: Folder,
}

/// Names by what they hash to, in a digital search tree: at each step down the hash's next bit leads
/// left or right. Whatever the names are it is no deeper than a hash has bits, and the little code
/// it takes is the same for all hosts, one of which downloads it.
#[derive(Debug, Default)]
struct Names(Vec<Node>);

#[derive(Debug)]
struct Node {
    hash: u64,
    /// Where the two below stand, zero for nobody: there the root is.
    below: [u32; 2],
    name: Name,
}

impl Names {
    fn entry(&mut self, hash: u64) -> &mut Name {
        let mut at = 0;
        let mut bits = hash;
        while let Some(node) = self.0.get(at) {
            if node.hash == hash {
                break;
            }
            let side = (bits & 1) as usize;
            bits >>= 1;
            at = match node.below[side] {
                0 => self.grow(at, side),
                below => below as usize,
            };
        }
        if at == self.0.len() {
            self.0.push(Node { hash, below: [0, 0], name: Name::default() });
        }
        &mut self.0[at].name
    }

    /// Has the next node hang from that at `at`; where it will be.
    fn grow(&mut self, at: usize, side: usize) -> usize {
        let next = self.0.len();
        self.0[at].below[side] = next as u32;
        next
    }
}

/// What is known of a name in a folder.
#[derive(Debug, Default)]
struct Name {
    taken: Option<Entry>,
    /// The last suffix given to this stem, so that a million equal names are quick.
    suffix: u32,
}

#[derive(Debug)]
enum Entry {
    Folder(Folder),
    /// A file; and the folder that wanted its name, under the name it got instead.
    File(Option<(String, Folder)>),
}

impl UniquePaths {
    /// None is taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the path of a file, or one near it that is free.
    pub fn claim(&mut self, mut path: Vec<String>) -> Vec<String> {
        let Some(name) = path.pop() else { return path };
        let mut parent = TOP;
        for folder in &mut path {
            let wanted = std::mem::take(folder);
            (*folder, parent) = self.enter(parent, wanted);
        }
        path.push(self.file(parent, name));
        path
    }

    /// The folder of this name in `parent`: its name in the end, and its number.
    fn enter(&mut self, parent: Folder, wanted: String) -> (String, Folder) {
        match &self.name(parent, &wanted).taken {
            None => self.new_folder(parent, wanted),
            Some(Entry::Folder(folder)) => (wanted, *folder),
            Some(Entry::File(Some(instead))) => instead.clone(),
            Some(Entry::File(None)) => {
                let free = self.free_name(parent, &wanted);
                let instead = self.new_folder(parent, free);
                self.name(parent, &wanted).taken = Some(Entry::File(Some(instead.clone())));
                instead
            }
        }
    }

    fn new_folder(&mut self, parent: Folder, name: String) -> (String, Folder) {
        self.folders += 1;
        let folder = self.folders;
        self.name(parent, &name).taken = Some(Entry::Folder(folder));
        (name, folder)
    }

    fn file(&mut self, parent: Folder, wanted: String) -> String {
        let is_free = self.name(parent, &wanted).taken.is_none();
        let name = if is_free { wanted } else { self.free_name(parent, &wanted) };
        self.name(parent, &name).taken = Some(Entry::File(None));
        name
    }

    fn free_name(&mut self, parent: Folder, wanted: &str) -> String {
        let (stem, extension) = split_extension(wanted);
        let room = MAX_COMPONENT_BYTES.saturating_sub(extension.len() + SUFFIX_BYTES);
        let stem = &stem[..char_boundary(stem, room)];
        let shared = format!("{stem}{extension}");
        let mut suffix = self.name(parent, &shared).suffix.max(1);
        loop {
            suffix += 1;
            let name = format!("{stem} ({suffix}){extension}");
            if self.name(parent, &name).taken.is_none() {
                self.name(parent, &shared).suffix = suffix;
                return name;
            }
        }
    }

    fn name(&mut self, parent: Folder, name: &str) -> &mut Name {
        let lower = match name.is_ascii() {
            true => name.to_ascii_lowercase(),
            false => name.chars().map(lower).collect(),
        };
        let digest = sha1(&[&parent.to_le_bytes(), lower.as_bytes()].concat());
        let first = digest.first_chunk().expect("a digest has more bytes than a number");
        self.names.entry(u64::from_le_bytes(*first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn claim(paths: &[&str]) -> Vec<String> {
        let mut unique = UniquePaths::new();
        let claim = |path: &&str| unique.claim(path.split('/').map(str::to_owned).collect());
        paths.iter().map(claim).map(|path| path.join("/")).collect()
    }

    #[test]
    fn the_second_of_a_name_gets_a_number() {
        assert_eq!(
            claim(&["a/x.txt", "a/x.txt", "a/X.TXT", "b/x.txt", "a/x (2).txt", "a/.rc", "a/.rc"]),
            [
                "a/x.txt",
                "a/x (2).txt",
                "a/X (3).TXT",
                "b/x.txt",
                "a/x (2) (2).txt",
                "a/.rc",
                "a/.rc (2)"
            ]
        );
    }

    #[test]
    fn a_number_already_taken_is_passed_over() {
        assert_eq!(claim(&["x (2)", "x", "x"]), ["x (2)", "x", "x (3)"]);
    }

    #[test]
    fn a_file_and_a_folder_of_one_name_both_live() {
        assert_eq!(claim(&["a", "a/x", "A/y", "a/x"]), ["a", "a (2)/x", "a (2)/y", "a (2)/x (2)"]);
        assert_eq!(claim(&["a/x", "a", "a/y"]), ["a/x", "a (2)", "a/y"]);
    }

    #[test]
    fn a_numbered_name_is_no_longer_than_a_name_may_be() {
        let long = format!("{}.mkv", "é".repeat(125));
        let names = claim(&[&long, &long]);
        assert!(names[1].len() <= MAX_COMPONENT_BYTES && names[1].ends_with(" (2).mkv"));
    }

    #[test]
    fn a_hundred_thousand_equal_or_nearly_equal_names_are_no_search() {
        let mut unique = UniquePaths::new();
        let stem = "x".repeat(244);
        for n in 0..50_000 {
            // Each name twice, all the same once they are cut to make room for a number.
            let name = format!("{stem}{n:08}");
            unique.claim(vec![name.clone()]);
            unique.claim(vec![name]);
        }
        let last = unique.claim(vec![format!("{stem}{:08}", 0)]);
        assert!(last[0].ends_with(" (50002)"), "{last:?}");
    }
}
