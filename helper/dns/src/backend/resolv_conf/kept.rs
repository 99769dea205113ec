//! The former file inside ours, as comments: what brings it back when the journal is lost with the power.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use super::{Former, MARKER};

const PREFIX: &str = "#= ";

/// Bytes in a line: musl leaves out lines of more than 255 characters.
const LINE: usize = 32;

/// The first lines of our file.
pub(super) fn heading(former: &Former) -> String {
    let (kind, bytes): (String, &[u8]) = match former {
        Former::Absent => ("absent".to_owned(), &[]),
        Former::File { contents, mode } => (format!("file {mode:o}"), contents),
        Former::Link { target } => ("link".to_owned(), target.as_bytes()),
    };
    let mut text = format!("{MARKER}{PREFIX}{kind} {}\n", bytes.len());
    for line in bytes.chunks(LINE) {
        text.push_str(PREFIX);
        for byte in line {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        }
        text.push('\n');
    }
    text
}

/// What a file of ours keeps, if all of it is there.
pub(super) fn read(ours: &[u8]) -> Option<Former> {
    let text = std::str::from_utf8(ours.strip_prefix(MARKER.as_bytes())?).ok()?;
    let mut lines = text.lines().map_while(|line| line.strip_prefix(PREFIX));
    let (kind, length) = lines.next()?.rsplit_once(' ')?;
    let digits: String = lines.collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.as_bytes().chunks(2).map(byte).collect::<Option<_>>()?;
    if digits.len() != 2 * length.parse::<usize>().ok()? {
        return None;
    }
    match kind.split_once(' ') {
        None if kind == "absent" => Some(Former::Absent),
        None if kind == "link" => Some(Former::Link { target: OsString::from_vec(bytes) }),
        Some(("file", mode)) => Some(Former::File { contents: bytes, mode: u32::from_str_radix(mode, 8).ok()? }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_there_is_kept() {
        let all: Vec<u8> = (0..=255).collect();
        for former in [
            Former::Absent,
            Former::File { contents: all, mode: 0o640 },
            Former::File { contents: Vec::new(), mode: 0o644 },
            Former::Link { target: "../run/systemd/resolve/stub-resolv.conf".into() },
        ] {
            let text = heading(&former);
            assert!(text.lines().all(|line| line.starts_with('#') && line.len() < 255), "{text}");
            assert_eq!(read(format!("{text}nameserver 198.18.0.53\n").as_bytes()), Some(former));
        }
    }

    #[test]
    fn a_part_of_it_is_not_enough() {
        let whole = heading(&Former::File { contents: vec![7; 100], mode: 0o644 });
        for length in 0..whole.len() - 1 {
            assert_eq!(read(&whole.as_bytes()[..length]), None, "{length}");
        }
        for text in ["", MARKER, "nameserver 192.0.2.53\n", &format!("{MARKER}#= file 9 0\n")] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
