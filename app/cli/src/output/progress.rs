//! Says on standard error what is being waited for: on a terminal in one line that moves, else a line for each new thing.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::text::{clip, harmless};
use super::units;

/// How often the moving line wants [`Progress::tick`].
pub(crate) const TICK: Duration = Duration::from_millis(100);
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

pub(crate) struct Progress {
    moving: bool,
    waiting_for: String,
    began: Instant,
    frame: usize,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let moving = io::stderr().is_terminal() && super::live::moves_cursor();
        Self { moving, waiting_for: String::new(), began: Instant::now(), frame: 0 }
    }

    /// Shows what is being waited for now.
    pub(crate) fn wait_for(&mut self, what: &str) -> io::Result<()> {
        if self.waiting_for == what {
            return Ok(());
        }
        self.waiting_for = what.to_owned();
        if self.moving { self.tick() } else { writeln!(io::stderr(), "{}", harmless(what)) }
    }

    /// Moves the line, if there is one.
    pub(crate) fn tick(&mut self) -> io::Result<()> {
        if !self.moving || self.waiting_for.is_empty() {
            return Ok(());
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        let line = moving_line(FRAMES[self.frame], &self.waiting_for, self.began.elapsed());
        let columns = terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
        write!(io::stderr(), "\r\u{1b}[K{}", clip(&line, columns.saturating_sub(1)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.moving && !self.waiting_for.is_empty() {
            // The line was decoration; a command doesn't fail for it.
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn moving_line(frame: char, what: &str, waited: Duration) -> String {
    let what = harmless(what);
    // In the first second a number would only flicker.
    if waited < Duration::from_secs(1) {
        format!("{frame} {what}")
    } else {
        format!("{frame} {what} ({})", units::age(waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_what_is_waited_for_and_how_long() {
        assert_eq!(
            moving_line('⠋', "dialling 203.0.113.7:7300", Duration::from_millis(900)),
            "⠋ dialling 203.0.113.7:7300"
        );
        assert_eq!(moving_line('⠙', "dialling", Duration::from_secs(4)), "⠙ dialling (4 s)");
    }
}
