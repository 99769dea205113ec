//! The clock of the API server against ours: tokens and certificates are judged by the former, and seem to be of another time if
//! the latter is wrong.

use std::time::{Duration, SystemTime};

use hawser_fault::{Code, Fault};
use http::HeaderValue;

use super::findings::Check;
use super::limits;

const FIX: &str = "Set this computer's clock by the network: sudo timedatectl set-ntp true";

/// Judges the date (RFC 9110, section 6.6.1) of an answer that came between two readings of our clock; a server that tells none
/// can't be compared with.
pub(super) fn examine(date: Option<&HeaderValue>, asked: SystemTime, answered: SystemTime) -> Option<Check> {
    let date = date.and_then(|date| date.to_str().ok())?;
    let theirs: SystemTime = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().into();
    let (away, direction) = distance(theirs, asked, answered);
    let title = "This computer's clock is right";
    let reason = match away.as_secs() {
        0 => "it agrees with the API server's".to_owned(),
        seconds => format!("it is {seconds} s {direction} the API server's"),
    };
    Some(match away {
        away if away > limits::CLOCK_FAIL => {
            Check::failed(title, Fault::new(Code::CredentialExpired, reason).with_fix(FIX))
        }
        away if away > limits::CLOCK_WARN => Check::warned(title, reason, FIX),
        _ => Check::passed(title, reason),
    })
}

/// How far ours is from theirs. Theirs is cut to the second, and was read somewhere between our two readings.
fn distance(theirs: SystemTime, asked: SystemTime, answered: SystemTime) -> (Duration, &'static str) {
    if let Ok(behind) = theirs.duration_since(answered) {
        return (behind, "behind");
    }
    let latest = theirs + Duration::from_secs(1);
    (asked.duration_since(latest).unwrap_or_default(), "ahead of")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use hawser_ipc::proto::Outcome;

    use super::*;

    #[test]
    fn table() {
        // 1994-11-06T08:49:37Z, the example of the RFC.
        let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        let theirs = 784_111_777;
        for (ours, outcome, reason) in [
            (theirs, Outcome::Pass, "it agrees with the API server's"),
            (theirs + 1, Outcome::Pass, "it agrees with the API server's"),
            (theirs - 1, Outcome::Pass, "it is 1 s behind the API server's"),
            (theirs + 31, Outcome::Pass, "it is 30 s ahead of the API server's"),
            (theirs + 32, Outcome::Warn, "it is 31 s ahead of the API server's"),
            (theirs - 31, Outcome::Warn, "it is 31 s behind the API server's"),
            (theirs - 300, Outcome::Warn, "it is 300 s behind the API server's"),
            (theirs - 301, Outcome::Fail, "it is 301 s behind the API server's"),
            (theirs + 302, Outcome::Fail, "it is 301 s ahead of the API server's"),
        ] {
            let now = UNIX_EPOCH + Duration::from_secs(ours);
            let check = examine(Some(&date), now, now).unwrap();
            assert_eq!((check.outcome, check.reason.as_str()), (outcome, reason));
            assert_eq!(check.fix.is_empty(), outcome == Outcome::Pass);
        }
        let now = SystemTime::now();
        assert_eq!(examine(None, now, now), None);
        assert_eq!(examine(Some(&HeaderValue::from_static("noon")), now, now), None);
    }
}
