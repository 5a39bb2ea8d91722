//! Percent encoding (RFC 3986), for magnet links and tracker URLs, whose values are raw bytes.

use std::{borrow::Cow, fmt::Write};

use crate::{cut, listed::Listed};

/// The bytes that text stands for. A `%` without two hexadecimal digits behind it stands for
/// itself, and so does `+`.
pub fn decode(text: &str) -> Vec<u8> {
    bytes(text).listed()
}

/// What [`decode`] returns, without taking memory for text that nothing is escaped in.
pub fn decoded(text: &str) -> Cow<'_, [u8]> {
    match text.contains('%') {
        true => Cow::Owned(decode(text)),
        false => Cow::Borrowed(text.as_bytes()),
    }
}

/// What [`decode`] returns, if it is `N` bytes long.
///
/// # Errors
/// How many bytes it is.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], usize> {
    let (mut array, mut length) = ([0; N], 0);
    for byte in bytes(text) {
        if let Some(place) = array.get_mut(length) {
            *place = byte;
        }
        length += 1;
    }
    if length == N { Ok(array) } else { Err(length) }
}

/// The bytes that text stands for, one by one.
fn bytes(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        if let [b'%', high, low, tail @ ..] = rest
            && let Some((high, low)) = hex(*high).zip(hex(*low))
        {
            rest = tail;
            return Some(high << 4 | low);
        }
        let (&first, tail) = rest.split_first()?;
        rest = tail;
        Some(first)
    })
}

/// Text that stands for the bytes: letters, digits and `-._~` as they are, all others escaped.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            _ => write!(out, "%{byte:02X}").expect("a String takes any text"),
        }
    }
    out
}

/// The names and values of a query (`a=1&b=2`, without its `?`), decoded.
///
/// A name without `=` has an empty value; empty pairs are left out.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
    raw_query_pairs(query).map(|(name, value)| (decode(name), decode(value)))
}

/// The names and values of a query as [`query_pairs`], but as they stand.
pub fn raw_query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> + '_ {
    let pairs = cut::at_each(query, b'&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| cut::at_first(pair, b'=').unwrap_or((pair, "")))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for (text, bytes) in [
            ("%41%zz%4", &b"A%zz%4"[..]),
            ("%", b"%"),
            ("%%41", b"%A"),
            ("a+b", b"a+b"),
            ("%fF%00", b"\xff\0"),
            ("é", "é".as_bytes()),
        ] {
            assert_eq!(decode(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_query_parts_into_names_and_values() {
        let pairs: Vec<_> = query_pairs("a=1&&b&c=x%26y%3D=z&=v").collect();
        let pair = |name: &str, value: &str| (name.into(), value.into());
        assert_eq!(pairs, [pair("a", "1"), pair("b", ""), pair("c", "x&y==z"), pair("", "v")]);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>, text: String) {
            let encoded = encode(&bytes);
            prop_assert_eq!(&*decoded(&encoded), bytes.as_slice());
            let twenty = <[u8; 20]>::try_from(bytes.as_slice()).map_err(|_| bytes.len());
            prop_assert_eq!(decode_array(&encoded), twenty);
            prop_assert_eq!(decoded(&text).into_owned(), decode(&text));
            prop_assert_eq!(decode(&encoded), bytes);
        }
    }
}
