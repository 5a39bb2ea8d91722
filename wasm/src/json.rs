//! Values of the core as JSON.
//!
//! It does what the core's own types need, and no more: a crate that knows every type of value, and
//! how to write any number with the fewest digits, is a twentieth of what a page would load.

use std::fmt::{self, Display, Write};

use serde::ser::{self, Impossible, Serialize};

/// Numbers that aren't whole are told to a millionth.
const FRACTIONS: f64 = 1e6;

/// A value's text, in UTF-8; `null` where there is nothing.
pub(crate) fn bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut json = Json(String::new());
    let Ok(()) = value.serialize(&mut json);
    json.0.into_bytes()
}

struct Json(String);

impl Json {
    fn raw(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// What stands before an item or a field: a comma, unless it is the first.
    fn next(&mut self) {
        if !matches!(self.0.as_bytes().last(), Some(b'[' | b'{')) {
            self.raw(",");
        }
    }

    fn key(&mut self, name: &str) {
        self.next();
        self.string(name);
        self.raw(":");
    }

    /// JavaScript's numbers are exact up to 2^53.
    fn whole(&mut self, number: u64) {
        write!(self.0, "{number}").expect("a string takes whatever is written into it");
    }

    fn number(&mut self, number: f64) {
        if number.fract() == 0.0 {
            self.whole(number as u64);
        } else {
            self.whole((number * FRACTIONS) as u64);
            self.raw("e-6");
        }
    }

    fn string(&mut self, text: &str) {
        self.raw("\"");
        for character in text.chars() {
            match character {
                '"' | '\\' => self.0.extend(['\\', character]),
                '\0'..' ' => {
                    let written = write!(self.0, "\\u{:04x}", u32::from(character));
                    written.expect("a string takes whatever is written into it");
                }
                _ => self.0.push(character),
            }
        }
        self.raw("\"");
    }
}

/// There is nothing that could fail.
#[derive(Debug)]
enum Never {}

impl Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: Display>(_: T) -> Self {
        unreachable!("no value of the core refuses to be serialized")
    }
}

impl ser::SerializeSeq for &mut Json {
    type Ok = ();
    type Error = Never;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.next();
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        self.raw("]");
        Ok(())
    }
}

impl ser::SerializeStruct for &mut Json {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.key(name);
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        self.raw("}");
        Ok(())
    }
}

/// Sizes, counts and times: none is negative.
macro_rules! numbers {
    ($($method:ident: $number:ty),*) => {$(
        fn $method(self, number: $number) -> Result<(), Never> {
            self.whole(number.into());
            Ok(())
        }
    )*};
}

/// Kinds of values that none of the core's types has.
macro_rules! absent {
    ($($method:ident($($argument:ty),*) -> $answer:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$answer, Never> {
            unreachable!("nothing that a page is told has it")
        }
    )*};
}

impl ser::Serializer for &mut Json {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Impossible<(), Never>;
    type SerializeTupleStruct = Impossible<(), Never>;
    type SerializeTupleVariant = Impossible<(), Never>;
    type SerializeMap = Impossible<(), Never>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Never>;

    numbers! {
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    absent! {
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_char(char) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_bool(self, value: bool) -> Result<(), Never> {
        self.raw(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), Never> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Never> {
        self.number(number);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Never> {
        self.string(text);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_unit(self) -> Result<(), Never> {
        self.raw("null");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Never> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Never> {
        unreachable!("nothing that a page is told has it")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Never> {
        self.raw("[");
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        self.raw("{");
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    struct Sample<'a> {
        name: &'a str,
        offset: u64,
        seconds: Option<f64>,
        names: Vec<&'a str>,
        nothing: Option<f64>,
        empty: Vec<bool>,
    }

    #[test]
    fn a_strangers_text_stays_text() {
        let name = "a \"quote\", a back\\slash, a\nnewline, \u{1}, \u{7f}, \u{2028} and 🐧";
        let read: serde_json::Value = serde_json::from_slice(&bytes(name)).unwrap();
        assert_eq!(read, name);
    }

    #[test]
    fn a_value_is_read_as_it_was_said() {
        let sample = Sample {
            name: "[",
            offset: (1 << 53) - 1,
            seconds: Some(0.25),
            names: vec!["{", ""],
            nothing: None,
            empty: Vec::new(),
        };
        let read: serde_json::Value = serde_json::from_slice(&bytes(&sample)).unwrap();
        assert_eq!(read, serde_json::to_value(&sample).unwrap());
    }

    #[test]
    fn what_is_not_whole_is_told_to_a_millionth() {
        let numbers = [1.5, 0.000_001, 12_345.678_901_234];
        assert_eq!(bytes(numbers.as_slice()), b"[1500000e-6,1e-6,12345678901e-6]");
    }
}
