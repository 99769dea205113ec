//! What the companion says of itself, in a file beside its socket: nobody sees its standard error. The file is in memory where
//! the runtime folder is, and never names a credential or what a plugin said.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hawser_fault::{Code, Fault};
use parking_lot::Mutex;

use super::start;

/// Bytes of the file. It begins anew when it is longer.
const LONGEST: u64 = 256 * 1024;

/// An open log; without a file nothing is kept.
pub(super) struct Log(Mutex<Option<File>>);

impl Log {
    /// Goes on with the log of the companion at `socket`.
    pub(super) fn open(socket: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(socket.with_extension("log"));
        Self(Mutex::new(file.ok()))
    }

    /// Adds a line.
    pub(super) fn say(&self, words: &str) {
        let mut file = self.0.lock();
        let Some(file) = file.as_mut() else { return };
        let longest = file.metadata().is_ok_and(|metadata| metadata.len() > LONGEST);
        // A log that can't be written is no reason to end.
        let _ = if longest { file.set_len(0) } else { Ok(()) };
        let words = words.replace(char::is_control, " ");
        let _ = writeln!(file, "{} {words}", jiff::Timestamp::now().strftime("%FT%TZ"));
    }
}

/// What this user's companion, or the last one, has said.
///
/// # Errors
/// `file-unreadable` if none has been there.
pub fn log() -> Result<String, Fault> {
    let path = start::socket()?.with_extension("log");
    fs::read_to_string(&path)
        .map_err(|error| Fault::new(Code::FileUnreadable, format!("{} could not be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_the_user_s_own_and_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("companion.sock");
        Log::open(&socket).say("one\ntwo");
        let log = Log::open(&socket);
        log.say("three");
        let file = directory.path().join("companion.log");
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(lines, ["one two", "three"]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        for _ in 0..8 {
            log.say(&"x".repeat(LONGEST as usize / 4));
        }
        assert!(fs::metadata(&file).unwrap().len() < 2 * LONGEST);
    }
}
