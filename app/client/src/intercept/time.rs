//! When something is to end.

use std::time::SystemTime;

use hawser_fault::{Code, Fault};
use jiff::{Span, SpanRelativeTo, Timestamp};

/// A time as it is typed, in Unix milliseconds: how long from `now` (`2h`, `1h 30m`, `3d`), or when (RFC 3339).
///
/// # Errors
/// `bad-argument` if it is neither, or is over.
pub fn until(text: &str, now: SystemTime) -> Result<i64, Fault> {
    let now = Timestamp::try_from(now)
        .map_err(|error| Fault::new(Code::Internal, format!("this computer's clock is off: {error}")))?;
    let bad = |detail: String| {
        Fault::new(Code::BadArgument, detail).with_fix("Write it as 2h, 90m or 3d, or as 2026-03-01T18:00:00Z.")
    };
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let length = text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        now.checked_add(length).ok()
    });
    match time {
        None => Err(bad(format!("{text:?} is no time"))),
        Some(time) if time <= now => Err(bad(format!("{text:?} is over"))),
        Some(time) => Ok(time.as_millisecond()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_times() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let until = |text: &str| until(text, now.into());
        let hours = |text: &str| until(text).map(|at| (at - now.as_millisecond()) / 3_600_000);
        assert_eq!(hours("2h"), Ok(2));
        assert_eq!(hours("1h 60m"), Ok(2));
        assert_eq!(hours("3d"), Ok(72));
        assert_eq!(hours("2026-03-01T18:00:00Z"), Ok(6));
        assert_eq!(hours("2026-03-01T18:00:00+01:00"), Ok(5));
        for text in ["", "soon", "2", "-2h", "0s", "2026-03-01T11:00:00Z", "9999999d"] {
            assert_eq!(until(text).unwrap_err().code, Code::BadArgument, "{text}");
        }
    }
}
