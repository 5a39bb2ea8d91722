//! A dictionary whose fields know where they are, for errors that tell.

use super::{
    MetainfoError,
    error::{Field, Place, at},
};
use crate::bencode::{Dict, Value};

#[derive(Clone, Copy)]
pub(super) struct Record<'d> {
    pub(super) dict: Dict<'d>,
    pub(super) place: Place,
}

impl<'d> Record<'d> {
    pub(super) fn field(self, key: &'static str) -> Field {
        at(self.place, key)
    }

    pub(super) fn mistyped(self, key: &'static str, expected: &'static str) -> MetainfoError {
        MetainfoError::Mistyped { field: self.field(key), expected }
    }

    pub(super) fn optional(self, key: &'static str) -> Option<Value<'d>> {
        self.dict.find(key.as_bytes())
    }

    pub(super) fn required(self, key: &'static str) -> Result<Value<'d>, MetainfoError> {
        self.optional(key).ok_or_else(|| MetainfoError::Missing(self.field(key)))
    }

    /// A number of bytes.
    pub(super) fn length(self, key: &'static str) -> Result<u64, MetainfoError> {
        let value = self.required(key)?.as_int();
        let value = value.ok_or_else(|| self.mistyped(key, "an integer"))?;
        u64::try_from(value).map_err(|_| MetainfoError::Negative { field: self.field(key), value })
    }

    pub(super) fn bytes(self, key: &'static str) -> Result<&'d [u8], MetainfoError> {
        self.required(key)?.as_bytes().ok_or_else(|| self.mistyped(key, "a string"))
    }

    /// Text that nothing depends on: whatever is there, as well as it can be read.
    pub(super) fn text(self, key: &'static str) -> Option<String> {
        let bytes = self.optional(key)?.as_bytes()?;
        Some(String::from_utf8_lossy(bytes).into_owned()).filter(|text| !text.is_empty())
    }

    /// A hash of `N` bytes; one of another size is some other program's and means nothing to us.
    pub(super) fn digest<const N: usize>(self, key: &'static str) -> Option<[u8; N]> {
        self.optional(key)?.as_bytes()?.try_into().ok()
    }

    /// Whichever key is there; the first, which says it is UTF-8, before the second.
    pub(super) fn either(self, utf8: &'static str, plain: &'static str) -> &'static str {
        if self.optional(utf8).is_some() { utf8 } else { plain }
    }
}
