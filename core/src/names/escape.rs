//! Text of strangers, shown so that a terminal obeys nothing in it.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// Whether a terminal might obey the character, or a reader be misled by it: controls, marks that
/// turn the direction of writing, line separators.
pub(super) const fn is_hazardous(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// The text with every character that a terminal might obey written as `\u{1b}`.
pub fn escape_for_terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hazardous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    write_escaped(&mut out, text);
    Cow::Owned(out)
}

/// Bytes as text: escaped like [`escape_for_terminal`], and `\xff` for what isn't UTF-8.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        write_escaped(&mut out, chunk.valid());
        chunk.invalid().iter().for_each(|byte| append(&mut out, format_args!("\\x{byte:02x}")));
    }
    out
}

fn write_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            c if is_hazardous(c) => append(out, format_args!("{}", c.escape_unicode())),
            c => out.push(c),
        }
    }
}

fn append(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_terminal_obeys_nothing_and_a_reader_sees_everything() {
        let shown =
            escape_for_terminal("a\u{1b}[2J\r\n\u{9b}\u{202e}gpj.\u{2066}exe\u{61c}\u{200f}");
        let expected = r"a\u{1b}[2J\u{d}\u{a}\u{9b}\u{202e}gpj.\u{2066}exe\u{61c}\u{200f}";
        assert_eq!(shown, expected);
    }

    #[test]
    fn plain_text_of_any_script_is_left_alone() {
        let text = "Größe שלום 日本 👍";
        assert!(matches!(escape_for_terminal(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_numbers() {
        assert_eq!(escape_bytes(b"caf\xe9 \xff\x1b"), r"caf\xe9 \xff\u{1b}");
    }
}
