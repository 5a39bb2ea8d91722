//! Text in parts, cut at a character of ASCII: no search of the standard library's knows that this
//! is all there is to find, and with its ways to find anything a page would load a kilobyte more.

/// What is before the first such character, and what is behind it.
pub(crate) fn at_first(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// What is before the last such character, and what is behind it.
pub(crate) fn at_last(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().rposition(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// What is between such characters; at least one part, perhaps an empty one.
pub(crate) fn at_each(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, behind) = match at_first(text, separator) {
            Some((part, behind)) => (part, Some(behind)),
            None => (text, None),
        };
        rest = behind;
        Some(part)
    })
}

/// The text without such characters at its end.
pub(crate) fn end(text: &str, separators: impl Fn(u8) -> bool) -> &str {
    let last = text.bytes().rposition(|byte| !separators(byte));
    // Behind a byte that is kept a character ends: what follows it is ASCII.
    &text[..last.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_cut_as_the_standard_library_cuts_it(text in "[.é ,x]{0,12}") {
            prop_assert_eq!(at_first(&text, b'.'), text.split_once('.'));
            prop_assert_eq!(at_last(&text, b'.'), text.rsplit_once('.'));
            prop_assert!(at_each(&text, b',').eq(text.split(',')));
            prop_assert_eq!(end(&text, |byte| byte == b'.' || byte == b' '), text.trim_end_matches(['.', ' ']));
        }
    }
}
