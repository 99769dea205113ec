//! What was gathered, and what somebody should know before sending it; how much is written.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use hawser_client::gather::Entry;
use hawser_ipc::proto::LevelReply;

use crate::output::style::{HEADING, WARNING, paint};
use crate::output::table::{Cell, Column, table};
use crate::output::text::harmless;
use crate::output::units;

/// The file, each text in it with its size, what could not be had, and a word of caution.
pub(crate) fn describe(path: &Path, entries: &[Entry], missing: &[(String, String)]) -> String {
    let row = |entry: &Entry| vec![Cell::new(&entry.name), Cell::new(units::bytes(entry.text.len() as u64))];
    let rows = entries.iter().map(row).collect();
    let mut text = table(&[Column::Left("TEXT"), Column::Right("SIZE")], rows, None);
    for (name, why) in missing {
        let _ = writeln!(text, "{} {}: {}", paint(WARNING, "not there:"), harmless(name), harmless(why));
    }
    let path = paint(HEADING, &harmless(&path.display().to_string()));
    let _ = writeln!(
        text,
        "\nWritten to {path}, which only you can read.\n\
         Tokens, passwords and private keys were taken out; names and addresses were not. Look through it before you send it."
    );
    text
}

/// The level, and how long it stays.
pub(crate) fn level(reply: &LevelReply, now: i64) -> String {
    let level = harmless(&reply.level);
    if reply.until == 0 {
        return format!("{level}\n");
    }
    let left = Duration::from_millis(reply.until.saturating_sub(now).try_into().unwrap_or_default());
    format!("{level} for {}, then normal\n", units::age(left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    #[test]
    fn a_level_says_how_long_it_stays() {
        let of = |level: &str, until| super::level(&LevelReply { level: level.into(), until }, 100_000);
        assert_eq!(of("normal", 0), "normal\n");
        assert_eq!(of("debug", 1_899_000), "debug for 29 min 59 s, then normal\n");
        assert_eq!(of("debug", 1), "debug for 0 s, then normal\n", "the clocks differ");
    }

    #[test]
    fn it_says_what_is_in_the_file_and_what_is_not() {
        let entry = |name: &str, text: &str| Entry { name: name.into(), text: text.into() };
        let entries = [entry("doctor.json", "{}"), entry("helper.log", &"x".repeat(1200))];
        let missing = [("manager/".to_owned(), "you may not".to_owned())];
        let expected = "\
TEXT           SIZE
doctor.json     2 B
helper.log   1.2 kB
not there: manager/: you may not

Written to out.zip, which only you can read.
Tokens, passwords and private keys were taken out; names and addresses were not. Look through it before you send it.
";
        let drawn = describe(Path::new("out.zip"), &entries, &missing);
        assert_eq!(strip_str(&drawn).to_string(), expected);
    }
}
