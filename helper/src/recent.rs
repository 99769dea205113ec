//! The helper's last lines of log, kept in memory for who looks for a fault.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use crate::connections::may_see;
use crate::limits;

/// The last lines of log, and whose connections they tell of. Clones share them.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    forgotten: u64,
    users: BTreeSet<u32>,
}

/// What is remembered of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The lines, the oldest first.
    pub text: String,
    /// How many came before them.
    pub forgotten: u64,
}

impl Recent {
    /// From now on lines may tell of a connection of this user.
    pub fn tells_of(&self, user: u32) {
        self.0.lock().users.insert(user);
    }

    /// Whether this user may see all that it tells of.
    ///
    /// # Errors
    /// `not-owner` if it may tell of somebody else's connections.
    pub fn check(&self, caller: u32) -> Result<(), Fault> {
        if self.0.lock().users.iter().all(|user| may_see(caller, *user)) {
            return Ok(());
        }
        Err(Fault::new(Code::NotOwner, "the helper's log also tells of other users' connections"))
    }

    /// What is remembered, for a user whom none of it is hidden from.
    ///
    /// # Errors
    /// `not-owner` if it may tell of somebody else's connections.
    pub fn read(&self, caller: u32) -> Result<Excerpt, Fault> {
        self.check(caller).map_err(|fault| fault.with_fix("Root can read it: sudo journalctl -u hawser-helper"))?;
        let kept = self.0.lock();
        let text = kept.lines.iter().fold(String::with_capacity(kept.bytes), |text, line| text + line + "\n");
        Ok(Excerpt { text, forgotten: kept.forgotten })
    }
}

impl Kept {
    fn push(&mut self, line: &str) {
        let line = &line[..line.floor_char_boundary(limits::LOG_LINE_BYTES)];
        self.lines.push_back(line.to_owned());
        self.bytes += line.len() + 1;
        while self.lines.len() > limits::LOG_LINES || self.bytes > limits::LOG_BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.len() + 1;
            self.forgotten += 1;
        }
    }
}

impl io::Write for Recent {
    /// Takes whole events, as tracing writes them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock();
        String::from_utf8_lossy(bytes).lines().for_each(|line| kept.push(line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Recent {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let mut recent = Recent::default();
        recent.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(recent.read(1000), Ok(Excerpt { text: "one\ntwo\n".to_owned(), forgotten: 0 }));
        for number in 0..limits::LOG_LINES {
            recent.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        let excerpt = recent.read(1000).unwrap();
        assert_eq!((excerpt.forgotten, excerpt.text.lines().count()), (2, limits::LOG_LINES));
        assert!(excerpt.text.starts_with("0\n"), "{}", &excerpt.text[..20]);
    }

    #[test]
    fn neither_a_long_line_nor_many_take_more_than_their_room() {
        let mut recent = Recent::default();
        recent.write_all("ä".repeat(limits::LOG_BYTES).as_bytes()).unwrap();
        assert!(recent.read(1000).unwrap().text.len() <= limits::LOG_LINE_BYTES + 1);
        for _ in 0..limits::LOG_LINES {
            recent.write_all(&[b'x'; limits::LOG_LINE_BYTES]).unwrap();
        }
        let excerpt = recent.read(1000).unwrap();
        assert!(excerpt.text.len() <= limits::LOG_BYTES && excerpt.forgotten > 0);
    }

    #[test]
    fn nobody_reads_of_another_s_connections() {
        let recent = Recent::default();
        recent.tells_of(1000);
        assert!(recent.read(1000).is_ok() && recent.read(0).is_ok());
        assert_eq!(recent.read(1001).unwrap_err().code, Code::NotOwner);
        recent.tells_of(1001);
        assert_eq!(recent.read(1000).unwrap_err().code, Code::NotOwner);
    }
}
