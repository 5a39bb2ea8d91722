//! Bencode, links, and names that strangers gave.

use gannet_core::{
    bencode::{self, Encoded, Kind, Limits, Reason, Value},
    magnet::Magnet,
    names::{MAX_COMPONENT_BYTES, MAX_PATH_BYTES, UniquePaths, escape_for_terminal, sanitize_path},
};

/// Longer input isn't shown to the other reader, which takes a frame of the stack for each level.
const MAX_COMPARED_BYTES: usize = 1024;

/// The reader: what it reads it can walk and read again, and it tells where a value ends.
pub fn bencode(input: &[u8]) {
    let Ok(document) = bencode::parse(input, Limits::default()) else { return };
    let root = document.root();
    let (prefix, end) =
        bencode::parse_prefix(input, Limits::default()).expect("what is whole begins as well");
    assert_eq!(prefix.root().span(), root.span());
    assert_eq!(root.span(), &input[..end]);
    assert!(root.walk().count() > 0);
    let again = rewrite(root);
    let again = bencode::parse(again.as_bytes(), Limits::default()).expect("written strictly");
    assert_eq!(rewrite(again.root()).as_bytes(), again.root().span());
}

/// Strictly: keys sorted, numbers in their one spelling.
fn rewrite(value: Value<'_>) -> Encoded {
    match value.kind() {
        Kind::Int => Encoded::int(value.as_int().expect("a number")),
        Kind::Bytes => Encoded::bytes(value.as_bytes().expect("a string")),
        Kind::List => Encoded::list(value.list().expect("a list").map(rewrite)),
        Kind::Dict => {
            let entries = value.dict().expect("a dictionary").entries();
            Encoded::dict(entries.map(|(key, value)| (key, rewrite(value))))
        }
    }
}

/// Our reader against another: what the other reads and writes back as it was, ours reads too, and
/// writes the same.
pub fn bencode_against_another(input: &[u8]) {
    if input.len() > MAX_COMPARED_BYTES {
        return;
    }
    let other = serde_bencode::from_bytes::<serde_bencode::value::Value>(input).ok();
    let canonical = other.and_then(|value| serde_bencode::to_bytes(&value).ok());
    if canonical.as_deref() != Some(input) {
        return;
    }
    match bencode::parse(input, Limits::default()) {
        Ok(document) => assert_eq!(rewrite(document.root()).as_bytes(), input),
        Err(error) => assert!(matches!(error.reason, Reason::TooDeep(_)), "{error}"),
    }
}

/// A magnet link: what it says is said again by the link that is made of it.
pub fn magnet(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(magnet) = text.parse::<Magnet>() {
        assert_eq!(magnet.to_string().parse(), Ok(magnet));
    }
}

/// Paths, a line each, their parts between slashes: all end up in the folder, none twice, none with
/// anything in it that a terminal or a file system obeys.
pub fn names(input: &[u8]) {
    let mut unique = UniquePaths::new();
    let mut claimed = Vec::new();
    for line in input.split(|&byte| byte == b'\n') {
        let parts: Vec<&[u8]> = line.split(|&byte| byte == b'/').collect();
        let Ok(safe) = sanitize_path(&parts) else { continue };
        check_path(&safe.path);
        let again: Vec<&[u8]> = safe.path.iter().map(String::as_bytes).collect();
        assert_eq!(sanitize_path(&again).map(|safe| safe.path), Ok(safe.path.clone()));
        let path = unique.claim(safe.path);
        check_path(&path);
        claimed.push(path.join("/").to_lowercase());
    }
    let all = claimed.len();
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), all, "two files at one place");
    let text = String::from_utf8_lossy(input);
    assert!(!escape_for_terminal(&text).contains(char::is_control));
}

fn check_path(path: &[String]) {
    assert!(
        !path[0].starts_with(|c: char| c.is_ascii_alphabetic()) || path[0].get(1..2) != Some(":")
    );
    assert!(path.iter().map(String::len).sum::<usize>() <= MAX_PATH_BYTES + path.len());
    for part in path {
        assert!(!matches!(part.as_str(), "" | "." | ".."), "{part:?}");
        assert!(part.len() <= MAX_COMPONENT_BYTES, "{part:?}");
        assert!(!part.contains(['/', '\\', '\u{202e}']), "{part:?}");
        assert!(!part.contains(char::is_control), "{part:?}");
        assert!(!part.ends_with(['.', ' ']), "{part:?}");
    }
}
