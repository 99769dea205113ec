//! Questions for names, one a row.

use anstyle::Style;
use hawser_ipc::proto::Query;
use hawser_ipc::proto::query::{By, Outcome};

use crate::output::style::{BAD, GOOD, WARNING, paint};
use crate::output::table::{Cell, Column, table};
use crate::output::text::harmless;
use crate::output::units;

/// A table of `queries`, the last one at the end. `now` is in Unix milliseconds, `screen` how many columns fit.
pub(crate) fn describe(queries: &[Query], now: i64, screen: Option<usize>) -> String {
    if queries.is_empty() {
        return "No names were asked for.\n".to_owned();
    }
    let columns = [
        Column::Right("AGE"),
        Column::Elastic("NAME"),
        Column::Left("TYPE"),
        Column::Elastic("ANSWERED BY"),
        Column::Elastic("OUTCOME"),
        Column::Right("TOOK"),
    ];
    let row = |query: &Query| {
        vec![
            Cell::new(units::age(units::since(query.at, now))),
            Cell::new(&query.name),
            Cell::new(&query.record),
            Cell::new(by(query)),
            Cell::styled(style(query), outcome(query)),
            Cell::new(took(query)),
        ]
    };
    table(&columns, queries.iter().map(row).collect(), screen)
}

/// One line for a question that was answered.
pub(crate) fn line(query: &Query) -> String {
    let took = if query.took_us == 0 { "at once".to_owned() } else { format!("in {}", took(query)) };
    format!(
        "{} {} {} by {} {took}",
        harmless(&query.name),
        harmless(&query.record),
        paint(style(query), &harmless(&outcome(query))),
        harmless(&by(query)),
    )
}

/// That some came too fast.
pub(crate) fn missed(number: u64) -> String {
    format!("({number} more came too fast to be shown)\n")
}

fn by(query: &Query) -> String {
    let who = match query.answered_by() {
        By::Memory => "memory",
        By::Manager => "manager",
        By::Agent => "agent",
        By::Host => "this computer's",
        By::Unspecified | By::Hawser => "hawser itself",
    };
    if query.server.is_empty() { who.to_owned() } else { format!("{who} {}", query.server) }
}

fn outcome(query: &Query) -> String {
    match query.outcome() {
        Outcome::Answered => "answered".to_owned(),
        Outcome::NoSuchName => "no such name".to_owned(),
        Outcome::NoSuchRecord => "no such record".to_owned(),
        Outcome::Unspecified | Outcome::Failed => format!("failed: {}", query.why),
    }
}

fn took(query: &Query) -> String {
    if query.took_us == 0 { "-".to_owned() } else { units::latency(query.took_us) }
}

fn style(query: &Query) -> Style {
    match query.outcome() {
        Outcome::Answered => GOOD,
        Outcome::NoSuchName | Outcome::NoSuchRecord => WARNING,
        Outcome::Unspecified | Outcome::Failed => BAD,
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn queries() -> [Query; 2] {
        let web = Query {
            name: "web.shop".into(),
            record: "A".into(),
            answered_by: By::Agent.into(),
            server: "web-0".into(),
            outcome: Outcome::Answered.into(),
            took_us: 1_200,
            at: NOW - 2_500,
            ..Query::default()
        };
        let failed = Query {
            name: "moc\u{202e}.evil".into(),
            record: "AAAA".into(),
            answered_by: By::Hawser.into(),
            server: String::new(),
            outcome: Outcome::Failed.into(),
            why: "no server answered in time".into(),
            took_us: 0,
            ..web.clone()
        };
        [web, failed]
    }

    #[test]
    fn a_table_says_who_answered_and_how() {
        let expected = "\
AGE  NAME              TYPE  ANSWERED BY    OUTCOME                               TOOK
2 s  web.shop          A     agent web-0    answered                            1.2 ms
2 s  moc\\u{202e}.evil  AAAA  hawser itself  failed: no server answered in time       -
";
        assert_eq!(strip_str(&describe(&queries(), NOW, None)).to_string(), expected);
        assert_eq!(describe(&[], NOW, None), "No names were asked for.\n");
    }

    #[test]
    fn a_line_says_the_same() {
        let [web, failed] = queries();
        assert_eq!(strip_str(&line(&web)).to_string(), "web.shop A answered by agent web-0 in 1.2 ms");
        let expected = "moc\\u{202e}.evil AAAA failed: no server answered in time by hawser itself at once";
        assert_eq!(strip_str(&line(&failed)).to_string(), expected);
    }
}
