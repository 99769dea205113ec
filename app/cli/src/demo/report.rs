//! The checklist's lines: a mark, what, how long, and what was found.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use hawser_sandbox::world::Outcome;

use crate::output::style::{BAD_HEADING, FAINT, GOOD, HEADING, paint};
use crate::output::text::{harmless, width};
use crate::output::{live, print, units};

/// Columns of the widest title.
const TITLE: usize = 22;
/// Columns of the widest time.
const TIME: usize = 7;

/// A step of the preparations that went well; said only if `aloud`.
pub(crate) fn step(aloud: bool, title: &str, took: Duration, found: &str) {
    if aloud {
        line(true, title, took, found);
    }
}

/// A check's result.
pub(crate) fn line(good: bool, title: &str, took: Duration, found: &str) {
    let mark = if good { paint(GOOD, "✓") } else { paint(BAD_HEADING, "✗") };
    let padding = " ".repeat(TITLE.saturating_sub(width(title)));
    let time = units::latency(took.as_micros().try_into().unwrap_or(u64::MAX));
    let room = " ".repeat(TIME.saturating_sub(width(&time)));
    let time = paint(FAINT, &time);
    say(&format!("{}{mark} {title}{padding} {room}{time}  {}\n", start_of_line(), harmless(found)));
}

/// Says what is being tried where the line can be taken back.
pub(crate) fn trying(title: &str) {
    if redraws() {
        say(&paint(FAINT, &format!("… {title}")));
    }
}

/// A line for people.
pub(crate) fn note(text: &str) {
    say(&format!("{}{text}\n", start_of_line()));
}

/// A heading above the lines that follow.
pub(crate) fn heading(text: &str) {
    note(&format!("\n{}", paint(HEADING, text)));
}

/// The last line, when nothing of the world is left.
pub(crate) fn end(aloud: bool, code: u8) {
    if aloud {
        let verdict = if code == 0 { paint(GOOD, "everything cleaned up") } else { "everything cleaned up".to_owned() };
        note(&verdict);
    }
}

/// How a process ended, in words.
pub(crate) fn ending(outcome: Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("ended with code {code}"),
        Outcome::Killed(signal) => format!("was ended by {signal}"),
    }
}

fn start_of_line() -> &'static str {
    if redraws() { "\r\u{1b}[K" } else { "" }
}

fn redraws() -> bool {
    io::stdout().is_terminal() && live::moves_cursor()
}

/// Who closed our output doesn't want to know.
fn say(text: &str) {
    let _ = print(text);
}
