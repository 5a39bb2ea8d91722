//! `gannet decode`: bencode as JSON, however deep.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    str,
};

use gannet_core::{
    bencode::{self, Limits, Step, Value},
    metainfo::MAX_TORRENT_BYTES,
};

use crate::{
    cli::DecodeArgs,
    exit::{Exit, Failure, OrFail},
    output::print,
};

/// Why a file can't be decoded.
#[derive(Debug, thiserror::Error)]
#[error("more than {MAX_TORRENT_BYTES} bytes")]
struct TooLarge;

/// Prints a bencoded file as JSON.
pub(super) fn run(args: &DecodeArgs) -> Result<Exit, Failure> {
    let name = args.file.display();
    let bytes = read(&args.file).or_fail(Exit::BadTorrent, &name)?;
    if bytes.len() > MAX_TORRENT_BYTES {
        return Err(TooLarge).or_fail(Exit::BadTorrent, &name);
    }
    let document = bencode::parse(&bytes, Limits::default()).or_fail(Exit::BadTorrent, &name)?;
    let mut json = Vec::new();
    write(&mut json, document.root()).or_fail(Exit::Failed, &name)?;
    print(json)?;
    Ok(Exit::Done)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_TORRENT_BYTES as u64 + 1;
    match path.to_str() {
        Some("-") => io::stdin().take(limit).read_to_end(&mut bytes)?,
        _ => File::open(path)?.take(limit).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// Writes indented JSON. A string that isn't UTF-8 becomes `{"hex": "…"}`; so does a key, as a
/// string `hex:…`.
fn write(out: &mut impl Write, value: Value<'_>) -> io::Result<()> {
    let mut printer = Printer { out, depth: 0, is_first: true, after_key: false };
    value.walk().try_for_each(|step| printer.step(step))?;
    writeln!(printer.out)
}

struct Printer<'o, W> {
    out: &'o mut W,
    depth: usize,
    /// Nothing stands in the innermost list or dictionary yet.
    is_first: bool,
    /// A key stands here, and its value comes in the same line.
    after_key: bool,
}

impl<W: Write> Printer<'_, W> {
    fn step(&mut self, step: Step<'_>) -> io::Result<()> {
        match step {
            Step::Int(number) => self.begin().and_then(|()| write!(self.out, "{number}")),
            Step::Bytes(bytes) => self.begin().and_then(|()| self.bytes(bytes)),
            Step::Key(key) => self.key(key),
            Step::OpenList => self.open("["),
            Step::OpenDict => self.open("{"),
            Step::CloseList => self.close("]"),
            Step::CloseDict => self.close("}"),
        }
    }

    /// Goes to where the next value or key stands.
    fn begin(&mut self) -> io::Result<()> {
        let was_first = std::mem::replace(&mut self.is_first, false);
        if std::mem::replace(&mut self.after_key, false) || self.depth == 0 {
            return Ok(());
        }
        self.out.write_all(if was_first { b"\n" } else { b",\n" })?;
        self.indent()
    }

    fn indent(&mut self) -> io::Result<()> {
        write!(self.out, "{:1$}", "", self.depth.min(MAX_INDENT) * 2)
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(serde_json::to_writer(&mut *self.out, text)?),
            Err(_) => write!(self.out, "{{\"hex\": \"{}\"}}", hex(bytes)),
        }
    }

    fn key(&mut self, key: &[u8]) -> io::Result<()> {
        self.begin()?;
        match str::from_utf8(key) {
            Ok(text) => serde_json::to_writer(&mut *self.out, text)?,
            Err(_) => write!(self.out, "\"hex:{}\"", hex(key))?,
        }
        self.after_key = true;
        self.out.write_all(b": ")
    }

    fn open(&mut self, bracket: &str) -> io::Result<()> {
        self.begin()?;
        self.depth += 1;
        self.is_first = true;
        self.out.write_all(bracket.as_bytes())
    }

    fn close(&mut self, bracket: &str) -> io::Result<()> {
        self.depth -= 1;
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.write_all(b"\n")?;
            self.indent()?;
        }
        self.out.write_all(bracket.as_bytes())
    }
}

/// Deeper than this, lines are not indented further: nobody would see it.
const MAX_INDENT: usize = 40;

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble)] as char;
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bencode: &[u8]) -> serde_json::Value {
        let document = bencode::parse(bencode, Limits::default()).unwrap();
        let mut out = Vec::new();
        write(&mut out, document.root()).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn everything_that_bencode_has_is_json() {
        let value = json(b"d1:ai-5e1:bl1:xi2ee1:cde1:dle3:e\"\n2:\x1b\xffe");
        let expected = serde_json::json!({
            "a": -5, "b": ["x", 2], "c": {}, "d": [], "e\"\n": {"hex": "1bff"},
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_key_that_is_no_text_is_shown_as_a_number() {
        assert_eq!(json(b"d1:\xffi1ee"), serde_json::json!({"hex:ff": 1}));
    }

    #[test]
    fn lists_in_lists_in_lists_are_no_problem() {
        let nested = [b"l".repeat(99), b"e".repeat(99)].concat();
        let mut value = &json(&nested);
        for _ in 1..99 {
            value = &value[0];
        }
        assert_eq!(value, &serde_json::json!([]));
    }
}
