//! Quantities for people.

use std::time::Duration;

/// Decimal units, three digits: `999 B`, `1.2 kB`, `34 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // What would be printed as 1000 belongs to the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    // 9.95 and more would be printed as 10.0.
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// The two largest units: `12 s`, `3 min 04 s`, `2 h 05 min`, `3 d 04 h`.
pub fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86400, seconds / 3600 % 24),
    }
}

/// A short time: `85 µs`, `1.2 ms`, `34 ms`, `1.5 s`.
pub fn latency(microseconds: u64) -> String {
    match microseconds {
        0..1000 => format!("{microseconds} µs"),
        1000..9950 => format!("{:.1} ms", microseconds as f64 / 1e3),
        9950..999_500 => format!("{:.0} ms", microseconds as f64 / 1e3),
        _ => format!("{:.1} s", microseconds as f64 / 1e6),
    }
}

/// Time from `then` to `now`, both in Unix milliseconds; none if clocks disagree.
pub fn since(then: i64, now: i64) -> Duration {
    Duration::from_millis(now.saturating_sub(then).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_change_unit_where_they_would_get_long() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (34_000_000_000, "34 GB"),
            (u64::MAX, "18 EB"),
        ];
        for (count, expected) in table {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn ages_show_two_units() {
        let table = [(0, "0 s"), (59, "59 s"), (184, "3 min 04 s"), (7500, "2 h 05 min"), (273_600, "3 d 04 h")];
        for (seconds, expected) in table {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn latencies_fit_their_unit() {
        let table = [(85, "85 µs"), (1240, "1.2 ms"), (9950, "10 ms"), (34_400, "34 ms"), (1_500_000, "1.5 s")];
        for (microseconds, expected) in table {
            assert_eq!(latency(microseconds), expected);
        }
    }

    #[test]
    fn a_clock_set_back_shows_no_time() {
        assert_eq!(since(1_500, 3_500), Duration::from_secs(2));
        assert_eq!(since(3_500, 1_500), Duration::ZERO);
    }
}
