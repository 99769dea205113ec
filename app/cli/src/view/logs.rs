//! What was gathered, and what somebody should know before sending it.

use std::fmt::Write as _;
use std::path::Path;

use hawser_client::gather::Entry;

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

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

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
