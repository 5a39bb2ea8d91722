//! Numbers as a person reads them.

use std::time::Duration;

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// `512 B`, `16 KiB`, `1.5 MiB`, `100 MiB`: three digits say enough.
pub(crate) fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // 999.95 would be printed as 1000.0, so the next unit begins there.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = if value < 99.95 && value.fract() != 0.0 { 1 } else { 0 };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `9.5 MiB/s`.
pub(crate) fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", bytes(bytes_per_second))
}

/// `0.45s`, `12.3s`, `1m 20s`, `2h 5m`, `3d 4h`: the two largest units.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 9.995 {
        return format!("{seconds:.2}s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0..3_600 => two(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "m"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    format!("{large}{large_unit} {small}{small_unit}")
}

/// A duration from seconds as the statistics have them; what can't be one is zero.
pub(crate) fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Seconds that are only an estimate: `12s`, `1m 20s`.
pub(crate) fn estimate(seconds: f64) -> String {
    match seconds < 59.5 {
        true => format!("{:.0}s", seconds.max(0.0)),
        false => self::seconds(seconds),
    }
}

/// `0.4 ms`, `12 ms`, `1.25s`.
pub(crate) fn latency(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => duration(Duration::from_micros(micros)),
    }
}

/// `99.9 %`, and never `100.0 %` before all is there.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let tenths = if whole == 0 { 1_000 } else { u128::from(part) * 1_000 / u128::from(whole) };
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `1 piece`, `2 pieces`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_three_digits_and_a_binary_unit() {
        for (count, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (100 << 20, "100 MiB"),
            (1023 << 10, "1.0 MiB"),
            (5 << 40, "5 TiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
        assert_eq!(rate(10_000_000), "9.5 MiB/s");
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        for (millis, shown) in [
            (0, "0.00s"),
            (450, "0.45s"),
            (12_340, "12.3s"),
            (59_990, "1m 0s"),
            (80_000, "1m 20s"),
            (3_600_000, "1h 0m"),
            (7_500_000, "2h 5m"),
            (273_600_000, "3d 4h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), shown);
        }
    }

    #[test]
    fn nonsense_seconds_do_not_panic() {
        for nonsense in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            assert_eq!(seconds(nonsense), "0.00s");
        }
    }

    #[test]
    fn latencies_are_milliseconds() {
        assert_eq!(latency(420), "0.4 ms");
        assert_eq!(latency(12_345), "12 ms");
        assert_eq!(latency(1_250_000), "1.25s");
    }

    #[test]
    fn hundred_percent_is_only_all() {
        assert_eq!(percent(99_999, 100_000), "99.9 %");
        assert_eq!(percent(100_000, 100_000), "100.0 %");
        assert_eq!(percent(0, 0), "100.0 %");
        assert_eq!(percent(u64::MAX / 2, u64::MAX), "49.9 %");
    }
}
