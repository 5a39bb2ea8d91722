//! The files of an info dictionary, with names made safe.

use super::{
    MetainfoError,
    error::Place,
    info::{Attributes, File},
    record::Record,
};
use crate::{
    bencode::Value,
    id::InfoHash,
    names::{SafePath, UniquePaths, describe, sanitize_path},
};

/// The torrent's own name: its file's, or its folder's.
pub(super) struct TopName {
    pub(super) safe: String,
    /// What it was, escaped, if it had to be changed.
    pub(super) changed_from: Option<String>,
}

/// `name`, or the info hash if there is none.
pub(super) fn top_name(info: Record<'_>, hash: &InfoHash) -> Result<TopName, MetainfoError> {
    let key = info.either("name.utf-8", "name");
    if info.optional(key).is_none() {
        return Ok(TopName { safe: hash.to_string(), changed_from: None });
    }
    let name = sanitize_path(&[info.bytes(key)?]);
    let name = name.map_err(|source| MetainfoError::Name { field: info.field(key), source })?;
    Ok(TopName { safe: name.path.into_iter().collect(), changed_from: name.changed_from })
}

/// All files, and whether it is a single one without a folder.
pub(super) fn read(info: Record<'_>, top: &TopName) -> Result<(Vec<File>, bool), MetainfoError> {
    match (info.optional("length"), info.optional("files")) {
        (Some(_), Some(_)) => Err(MetainfoError::LengthAndFiles),
        (None, Some(files)) => Ok((list(info, files, top)?, false)),
        _ => Ok((vec![single(info, top)?], true)),
    }
}

fn single(info: Record<'_>, top: &TopName) -> Result<File, MetainfoError> {
    let path = SafePath { path: vec![top.safe.clone()], changed_from: top.changed_from.clone() };
    let length = info.length("length")?;
    // The torrent's only file is neither a pad nor a link, whatever it says.
    let attributes = Attributes { pad: false, symlink: None, ..attributes(info) };
    Ok(file(info, path, length, attributes))
}

fn list(info: Record<'_>, files: Value<'_>, top: &TopName) -> Result<Vec<File>, MetainfoError> {
    let files = files.list().ok_or_else(|| info.mistyped("files", "a list"))?;
    let mut unique = UniquePaths::new();
    let read = |(number, entry): (usize, Value<'_>)| {
        let dict = entry.dict().ok_or_else(|| info.mistyped("files", "a list of dictionaries"))?;
        entry_of_list(Record { dict, place: Place::File(number) }, number, top, &mut unique)
    };
    let files: Vec<_> = files.enumerate().map(read).collect::<Result<_, _>>()?;
    if files.is_empty() { Err(MetainfoError::NoFiles) } else { Ok(files) }
}

fn entry_of_list(
    entry: Record<'_>,
    number: usize,
    top: &TopName,
    unique: &mut UniquePaths,
) -> Result<File, MetainfoError> {
    let attributes = attributes(entry);
    // A link has no bytes, and need not say so.
    let length = if attributes.symlink.is_some() { 0 } else { entry.length("length")? };
    let path = match attributes.pad {
        // Pads are never stored: their names, often all the same, mean nothing.
        true => SafePath {
            path: vec![top.safe.clone(), ".pad".to_owned(), number.to_string()],
            changed_from: None,
        },
        false => path_in_folder(entry, top, unique)?,
    };
    Ok(file(entry, path, length, attributes))
}

/// A file's path below the torrent's folder, made safe and different from all before it.
fn path_in_folder(
    entry: Record<'_>,
    top: &TopName,
    unique: &mut UniquePaths,
) -> Result<SafePath, MetainfoError> {
    let key = entry.either("path.utf-8", "path");
    let components =
        strings(entry.required(key)?).ok_or_else(|| entry.mistyped(key, "a list of strings"))?;
    let safe = sanitize_path(&components)
        .map_err(|source| MetainfoError::Name { field: entry.field(key), source })?;
    let claimed = unique.claim(safe.path.clone());
    let is_renamed = claimed != safe.path;
    let changed_from = safe.changed_from.or_else(|| is_renamed.then(|| describe(&components)));
    let mut path = vec![top.safe.clone()];
    path.extend(claimed);
    Ok(SafePath { path, changed_from })
}

fn file(record: Record<'_>, path: SafePath, length: u64, attributes: Attributes) -> File {
    File {
        path: path.path,
        original: path.changed_from,
        length,
        attributes,
        sha256: record.digest("sha256"),
        sha1: record.digest("sha1"),
    }
}

fn attributes(record: Record<'_>) -> Attributes {
    let letters = record.optional("attr").and_then(Value::as_bytes).unwrap_or_default();
    let has = |letter| letters.contains(&letter);
    let target = || {
        let target = strings(record.optional("symlink path")?)?;
        sanitize_path(&target).ok().map(|safe| safe.path)
    };
    Attributes {
        pad: has(b'p'),
        executable: has(b'x'),
        hidden: has(b'h'),
        symlink: if has(b'l') { target() } else { None },
    }
}

fn strings(value: Value<'_>) -> Option<Vec<&[u8]>> {
    value.list()?.map(Value::as_bytes).collect()
}
