//! Values of flags: sizes, rates, durations, file numbers, checksums.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

/// Why a size can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    /// No number in front.
    #[error("a size is a number and a unit, like 512K, 10MB or 1.5MiB")]
    Number,
    /// An unknown unit.
    #[error(
        "the unit is one of B, K, M, G, T, KB, MB, GB, TB (powers of 1000 with a B), KiB, MiB, GiB, TiB"
    )]
    Unit,
    /// More than 64 bits.
    #[error("the size is too large")]
    TooLarge,
}

/// Bytes: `10MB` is decimal; `10MiB` and, as for dd and curl, `10M` are binary.
pub(crate) fn bytes(text: &str) -> Result<u64, SizeError> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit_bytes(unit.trim_start()).ok_or(SizeError::Unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') {
        return Err(SizeError::Number);
    }
    let scale = 10u128.checked_pow(fraction.len() as u32).ok_or(SizeError::TooLarge)?;
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| SizeError::TooLarge)?;
    let scaled = digits.checked_mul(unit).ok_or(SizeError::TooLarge)?;
    u64::try_from(scaled / scale).map_err(|_| SizeError::TooLarge)
}

fn unit_bytes(unit: &str) -> Option<u128> {
    let unit = unit.to_ascii_uppercase();
    let (base, letter) = match unit.as_str() {
        "" | "B" => return Some(1),
        unit => match (unit.strip_suffix("IB"), unit.strip_suffix('B')) {
            (Some(letter), _) => (1024u128, letter),
            (None, Some(letter)) => (1000, letter),
            (None, None) => (1024, unit),
        },
    };
    let power = ["K", "M", "G", "T"].iter().position(|known| *known == letter)?;
    Some(base.pow(power as u32 + 1))
}

/// Bytes per second: a size, with or without `/s`. Zero would be no transfer at all.
pub(crate) fn rate(text: &str) -> Result<u64, RateError> {
    let text = text.trim();
    match bytes(text.strip_suffix("/s").unwrap_or(text))? {
        0 => Err(RateError::Zero),
        rate => Ok(rate),
    }
}

/// Why a range of ports can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ports are a range like 50000-50999, or a single one")]
pub(crate) struct PortsError;

/// Ports: `50000-50999`, or one.
pub(crate) fn ports(text: &str) -> Result<RangeInclusive<u16>, PortsError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(first..=last),
        _ => Err(PortsError),
    }
}

/// Why a rate can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RateError {
    /// Not a size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Nothing per second.
    #[error("the rate is zero; leave the flag out for no limit")]
    Zero,
}

/// Why a duration can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is like 30s, 2m or 1h30m")]
pub(crate) struct DurationError;

/// `30s`, `2m`, `1h30m`, `500ms`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, DurationError> {
    match text.trim().parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).map_err(|_| DurationError),
    }
}

/// Why file numbers can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("file numbers are like 1,3-5 (`--list` shows them)")]
pub(crate) struct NumbersError;

/// One part of `1,3-5`: file numbers, counted from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers(pub(crate) RangeInclusive<usize>);

impl FromStr for Numbers {
    type Err = NumbersError;

    fn from_str(text: &str) -> Result<Self, NumbersError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| NumbersError);
        let (first, last) = (number(first)?, number(last)?);
        match 0 < first && first <= last {
            true => Ok(Self(first..=last)),
            false => Err(NumbersError),
        }
    }
}

/// Why a checksum can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a checksum of this kind is {digits} hexadecimal digits")]
pub(crate) struct ChecksumError {
    digits: usize,
}

/// The bytes of a checksum in hexadecimal.
pub(crate) fn checksum<const N: usize>(text: &str) -> Result<[u8; N], ChecksumError> {
    let error = ChecksumError { digits: 2 * N };
    let nibble = |digit: &u8| (*digit as char).to_digit(16).map(|value| value as u8).ok_or(error);
    if text.len() != 2 * N {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = nibble(&digits[0])? << 4 | nibble(&digits[1])?;
    }
    Ok(bytes)
}

/// A piece length: a power of two in the limits of the torrent format.
pub(crate) fn piece_length(text: &str) -> Result<u32, PieceLengthError> {
    let length = bytes(text)?;
    let range = u64::from(gannet_core::layout::MIN_PIECE_BYTES)
        ..=u64::from(gannet_core::layout::MAX_PIECE_BYTES);
    match length.is_power_of_two() && range.contains(&length) {
        true => Ok(length as u32),
        false => Err(PieceLengthError::Range),
    }
}

/// Why a piece length is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PieceLengthError {
    /// Not a size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Not a power of two, too small or too large.
    #[error("a piece length is a power of two from 16KiB to 64MiB")]
    Range,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_with_a_b_and_binary_without() {
        for (text, expected) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("512K", 512 << 10),
            ("512k", 512 << 10),
            ("1.5M", 3 << 19),
            ("10MB", 10_000_000),
            ("10 MB", 10_000_000),
            ("10MiB", 10 << 20),
            ("0.5GiB", 1 << 29),
            ("2TB", 2_000_000_000_000),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for (text, error) in [
            ("", SizeError::Number),
            ("MB", SizeError::Number),
            (".5M", SizeError::Number),
            ("1.2.3M", SizeError::Number),
            ("-1", SizeError::Unit),
            ("10XB", SizeError::Unit),
            ("10iB", SizeError::Unit),
            ("99999999999T", SizeError::TooLarge),
            ("0.00000000000000000000000000000000000000000000001", SizeError::TooLarge),
        ] {
            assert_eq!(bytes(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_rate_may_say_per_second_and_is_not_zero() {
        assert_eq!(rate("10MB/s"), Ok(10_000_000));
        assert_eq!(rate("1M"), Ok(1 << 20));
        assert_eq!(rate("0"), Err(RateError::Zero));
    }

    #[test]
    fn durations_have_units_or_are_seconds() {
        for (text, seconds) in [("30s", 30.0), ("2m", 120.0), ("1h30m", 5400.0), ("90", 90.0)] {
            assert_eq!(duration(text).unwrap().as_secs_f64(), seconds, "{text}");
        }
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "soon", "-1s", "1x"] {
            assert_eq!(duration(text), Err(DurationError), "{text}");
        }
    }

    #[test]
    fn file_numbers_count_from_one_and_may_be_ranges() {
        assert_eq!("3-5".parse(), Ok(Numbers(3..=5)));
        assert_eq!("1".parse(), Ok(Numbers(1..=1)));
        for text in ["0", "5-3", "a", "", "-2", "1-"] {
            assert_eq!(text.parse::<Numbers>(), Err(NumbersError), "{text}");
        }
    }

    #[test]
    fn a_checksum_has_all_its_digits_and_no_others() {
        assert_eq!(checksum::<2>("0aFf"), Ok([0x0a, 0xff]));
        for text in ["0aF", "0aFff", "0aFg", "0a\u{e9}"] {
            assert_eq!(checksum::<2>(text), Err(ChecksumError { digits: 4 }), "{text}");
        }
    }

    #[test]
    fn a_piece_length_is_a_power_of_two_in_range() {
        assert_eq!(piece_length("256K"), Ok(256 << 10));
        for text in ["8K", "128M", "100000", "96K"] {
            assert_eq!(piece_length(text), Err(PieceLengthError::Range), "{text}");
        }
    }

    #[test]
    fn ports_are_a_range_in_order() {
        assert_eq!(ports("50000-50999"), Ok(50000..=50999));
        assert_eq!(ports("6881"), Ok(6881..=6881));
        for wrong in ["", "0-5", "5-4", "1-", "1-70000", "a"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
