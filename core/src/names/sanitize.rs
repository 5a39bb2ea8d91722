//! One path, part by part.

use super::escape::{escape_bytes, is_hazardous};

use crate::{cut, listed::Listed};

/// The longest part of a path in bytes, as most file systems have it.
pub const MAX_COMPONENT_BYTES: usize = 255;
/// The longest path in bytes inside the torrent's folder: half of what Linux takes, so that there
/// is room for the download folder.
pub const MAX_PATH_BYTES: usize = 2048;
/// The longest account of an unsafe path in bytes: it is there to be read by a person.
const MAX_DESCRIPTION_BYTES: usize = 1024;
/// The longest end behind a dot, in bytes, that is kept when a name is cut.
const MAX_EXTENSION_BYTES: usize = 32;

/// A path of which nothing is left once it is safe, such as `..`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing is left of the name \"{original}\" once it is made safe")]
pub struct NameError {
    /// What it was, escaped for a terminal.
    pub original: String,
}

/// A path that leads nowhere but below the folder it is joined to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafePath {
    /// Its parts, at least one.
    pub path: Vec<String>,
    /// What it was, escaped for a terminal, if it had to be changed.
    pub changed_from: Option<String>,
}

/// Makes a path of a torrent safe.
///
/// Empty parts, `.` and `..` are left out. In the others, separators, control and bidi characters
/// and the colon of a drive become `_`, bytes that aren't UTF-8 become U+FFFD, dots and spaces at
/// the end go, a Windows device gets a `_` in front. A part over [`MAX_COMPONENT_BYTES`] is cut
/// before its extension; a path over [`MAX_PATH_BYTES`] loses its innermost folders.
///
/// # Errors
/// If no part is left.
pub fn sanitize_path(components: &[&[u8]]) -> Result<SafePath, NameError> {
    let safe = components.iter().filter_map(|component| safe_component(component));
    let path = fit(safe.listed());
    if path.is_empty() {
        return Err(NameError { original: describe(components) });
    }
    let unchanged = path.iter().map(String::as_bytes).eq(components.iter().copied());
    let changed_from = (!unchanged).then(|| describe(components));
    Ok(SafePath { path, changed_from })
}

/// A path as a stranger gave it, for a person to read: escaped for a terminal, cut when very long.
pub fn describe(components: &[&[u8]]) -> String {
    let mut described = String::new();
    for (n, component) in components.iter().enumerate() {
        if described.len() > MAX_DESCRIPTION_BYTES {
            break;
        }
        described.push_str(if n > 0 { "/" } else { "" });
        described.push_str(&escape_bytes(&component[..component.len().min(MAX_DESCRIPTION_BYTES)]));
    }
    if described.len() > MAX_DESCRIPTION_BYTES {
        described.truncate(char_boundary(&described, MAX_DESCRIPTION_BYTES));
        described.push('…');
    }
    described
}

fn safe_component(raw: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(raw);
    let safe_char = |c| if matches!(c, '/' | '\\') || is_hazardous(c) { '_' } else { c };
    let mut name: String = text.chars().map(safe_char).collect();
    if let [letter, b':', ..] = name.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        name = format!("{}_{}", &name[..1], &name[2..]);
    }
    name.truncate(undotted(&name).len());
    if name.is_empty() {
        return None;
    }
    // Only the cut name shows whether it is a device, and a `_` more may need another cut.
    let mut name = shorten(name);
    if is_device(&name) {
        name.insert(0, '_');
    }
    Some(shorten(name))
}

/// Whether Windows takes the name for a device, whatever its extension.
fn is_device(name: &str) -> bool {
    let end = name.bytes().position(|byte| matches!(byte, b'.' | b':')).unwrap_or(name.len());
    let base = name[..end].trim_ascii_end().to_ascii_uppercase();
    let numbered = base.strip_prefix("COM").or_else(|| base.strip_prefix("LPT"));
    matches!(&*base, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered.is_some_and(|number| {
            let mut chars = number.chars();
            matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
}

/// Cuts a name that is too long, before its extension.
fn shorten(name: String) -> String {
    if name.len() <= MAX_COMPONENT_BYTES {
        return name;
    }
    let (stem, extension) = split_extension(&name);
    let stem = &stem[..char_boundary(stem, MAX_COMPONENT_BYTES - extension.len())];
    let cut = format!("{stem}{extension}");
    // The cut may have bared dots and spaces, and there may be nothing before them.
    let kept = undotted(&cut);
    if kept.is_empty() { "_".to_owned() } else { kept.to_owned() }
}

/// The name without dots and spaces at its end: Windows drops them.
fn undotted(name: &str) -> &str {
    cut::end(name, |byte| matches!(byte, b'.' | b' '))
}

/// Parts a name before the dot of its extension, if it has a short one.
pub(super) fn split_extension(name: &str) -> (&str, &str) {
    match name.bytes().rposition(|byte| byte == b'.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION_BYTES => name.split_at(dot),
        _ => (name, ""),
    }
}

/// The largest boundary between characters that is at most `at`.
pub(super) fn char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Leaves out the innermost folders of a path that is too long.
fn fit(mut path: Vec<String>) -> Vec<String> {
    let Some(folders) = path.len().checked_sub(1) else { return path };
    let mut bytes = path[folders].len();
    let fits = |folder: &&String| {
        bytes += folder.len() + 1;
        bytes <= MAX_PATH_BYTES
    };
    let kept = path[..folders].iter().take_while(fits).count();
    path.drain(kept..folders);
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn safe(components: &[&str]) -> String {
        let components: Vec<_> = components.iter().map(|part| part.as_bytes()).collect();
        sanitize_path(&components).map_or_else(
            |e| format!("refused {}", e.original),
            |safe| {
                assert_eq!(
                    safe.changed_from.is_none(),
                    safe.path.iter().map(String::as_bytes).eq(components.iter().copied())
                );
                safe.path.join("/")
            },
        )
    }

    #[test]
    fn no_path_leads_out_of_its_folder() {
        for (parts, expected) in [
            (&["..", "..", "etc", "passwd"][..], "etc/passwd"),
            (&["", "etc", "passwd"], "etc/passwd"),
            (&["/etc/passwd"], "_etc_passwd"),
            (&["../../etc/passwd"], ".._.._etc_passwd"),
            (&["a", ".", "b"], "a/b"),
            (&["..\\..\\windows"], ".._.._windows"),
            (&["C:", "x"], "C_/x"),
            (&["c:\\windows\\x"], "c__windows_x"),
            (&["\\\\server\\share"], "__server_share"),
            (&[".. ", "...", " . . ", "x"], "x"),
        ] {
            assert_eq!(safe(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn only_a_name_with_nothing_left_is_refused() {
        for parts in [&[".."][..], &["."], &[""], &[], &["..", "", "..."], &["   "]] {
            assert_eq!(safe(parts), format!("refused {}", parts.join("/")));
        }
        assert_eq!(safe(&["_"]), "_");
    }

    #[test]
    fn a_device_of_windows_becomes_a_file() {
        for device in ["CON", "nul", "Aux.txt", "COM1", "lpt9.tar.gz", "prn .x", "COM¹", "CON:x"] {
            assert_eq!(safe(&[device]), format!("_{device}"));
        }
        assert_eq!(safe(&[&format!("NUL{}x", " ".repeat(300))]), "_NUL");
        assert_eq!(safe(&[&format!("NUL.{}", "x".repeat(251))]).len(), 255);
        for name in ["CONSOLE", "COM", "COM10", "nullable.txt", "xCON", "auxiliary"] {
            assert_eq!(safe(&[name]), name);
        }
    }

    #[test]
    fn what_a_terminal_obeys_or_a_reader_misreads_is_replaced() {
        assert_eq!(safe(&["a\0b\n\u{1b}[2J"]), "a_b__[2J");
        assert_eq!(safe(&["cod\u{202e}gpj.exe"]), "cod_gpj.exe");
        assert_eq!(safe(&["x.", "y. ."]), "x/y");
        assert_eq!(safe(&["Foo: Bar? <1>", " lead"]), "Foo: Bar? <1>/ lead");
    }

    #[test]
    fn bytes_that_are_no_text_are_told_as_they_were() {
        let path = sanitize_path(&[b"caf\xe9", b"x\x1b"]).unwrap();
        assert_eq!(path.path, ["caf\u{fffd}", "x_"]);
        assert_eq!(path.changed_from.unwrap(), r"caf\xe9/x\u{1b}");
    }

    #[test]
    fn a_long_name_keeps_its_extension_and_whole_characters() {
        let name = safe(&[&format!("{}.tar", "é".repeat(200))]);
        assert_eq!(name, format!("{}.tar", "é".repeat(125)));
        assert_eq!(safe(&["x".repeat(256).as_str()]).len(), 255);
        assert_eq!(safe(&[&format!("x.{}", "y".repeat(300))]).len(), 255);
        assert_eq!(safe(&[&format!("{}{}z", "x".repeat(200), " ".repeat(100))]), "x".repeat(200));
    }

    #[test]
    fn a_long_path_loses_its_innermost_folders() {
        let folder = "f".repeat(200);
        let mut parts = vec![folder.as_str(); 30];
        parts.push("name.txt");
        let path = safe(&parts);
        assert!(path.len() <= MAX_PATH_BYTES && path.ends_with("/name.txt"), "{path}");
        assert_eq!(path.split('/').count(), 11);
    }

    #[test]
    fn an_account_of_a_huge_name_is_short() {
        let huge = vec![b'\x1b'; 1_000_000];
        assert!(describe(&[&huge, &huge]).len() <= MAX_DESCRIPTION_BYTES + '…'.len_utf8());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_comes_in_what_comes_out_is_safe_and_stays_the_same(
            parts in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..12),
                "[./\\\\: a\u{202e}CONul1é]{0,300}".prop_map(String::into_bytes),
            ], 0..5),
        ) {
            let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
            let Ok(safe) = sanitize_path(&parts) else { return Ok(()) };
            prop_assert!(!safe.path.is_empty());
            for part in &safe.path {
                prop_assert!((1..=MAX_COMPONENT_BYTES).contains(&part.len()));
                prop_assert!(part != "." && part != "..");
                prop_assert!(!part.contains(['/', '\\']) && !part.contains(is_hazardous));
                prop_assert!(!is_device(part) && !part.ends_with(['.', ' ']));
            }
            let again: Vec<_> = safe.path.iter().map(String::as_bytes).collect();
            let again = sanitize_path(&again).unwrap();
            prop_assert_eq!(again, SafePath { path: safe.path, changed_from: None });
        }
    }
}
