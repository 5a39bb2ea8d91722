//! The writer: a value is its encoding, so nothing nests but bytes.

use crate::{listed::Listed, sorted::Map};

use super::document::Value;

/// A value as canonical bencode: keys sorted, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// An integer.
    pub fn int(number: i64) -> Self {
        Self(format!("i{number}e").into_bytes())
    }

    /// A string.
    pub fn bytes(content: impl AsRef<[u8]>) -> Self {
        let mut out = Vec::new();
        write_string(&mut out, content.as_ref());
        Self(out)
    }

    /// A list, in the order given.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        let mut out = vec![b'l'];
        items.into_iter().for_each(|item| out.extend_from_slice(&item.0));
        out.push(b'e');
        Self(out)
    }

    /// A dictionary, in whatever order given; of a key given twice the last value stands.
    pub fn dict<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        // Sorted as the bytes they are, whatever the order of `K`.
        let entries: Vec<_> = entries.into_iter().listed();
        let sorted: Map<&[u8], &Self> =
            entries.iter().map(|(key, value)| (key.as_ref(), value)).collect();
        Self::sorted(sorted)
    }

    fn sorted(entries: Map<&[u8], &Self>) -> Self {
        let mut out = vec![b'd'];
        for (key, value) in entries {
            write_string(&mut out, key);
            out.extend_from_slice(&value.0);
        }
        out.push(b'e');
        Self(out)
    }

    /// The encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The encoding.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A value that was read, as it stood in the input (which may not have been canonical).
impl From<Value<'_>> for Encoded {
    fn from(value: Value<'_>) -> Self {
        Self(value.span().to_vec())
    }
}

fn write_string(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(content.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(content);
}
