//! Some rows of the table of names.

use std::cmp::Ordering;

use super::{count, part};
use crate::SortNamesBy;
use crate::facts::Facts;
use crate::view::{NameRow, Names, Problem};

pub(crate) fn names(facts: &Facts) -> Names {
    let known = &facts.names;
    let query = &known.query;
    let filter = query.filter.to_lowercase();
    let mut rows: Vec<&NameRow> = known.rows.iter().filter(|row| filter.is_empty() || contains(row, &filter)).collect();
    // Equal ones in the order in which they came.
    rows.sort_by(|one, other| compare(one, other, query.sort));
    if query.descending {
        rows.reverse();
    }
    let (shown, first) = part(&rows, query.first, query.count);
    Names {
        query: query.clone(),
        rows: shown,
        first,
        found: count(rows.len()),
        total: count(known.rows.len()),
        missed: known.missed.try_into().unwrap_or(u32::MAX),
        known: known.known,
        problem: known.fault.as_ref().map(Problem::from),
    }
}

fn contains(row: &NameRow, filter: &str) -> bool {
    let texts = [&row.name, &row.record, &row.asker, &row.server, &row.connection, &row.why];
    texts.iter().any(|text| text.to_lowercase().contains(filter))
}

fn compare(one: &NameRow, other: &NameRow, sort: SortNamesBy) -> Ordering {
    match sort {
        SortNamesBy::At => one.at.cmp(&other.at),
        SortNamesBy::Name => (&one.name, &one.record).cmp(&(&other.name, &other.record)),
        SortNamesBy::Asker => one.asker.cmp(&other.asker),
        SortNamesBy::By => (one.by, &one.server).cmp(&(other.by, &other.server)),
        SortNamesBy::Outcome => (one.outcome, &one.why).cmp(&(other.outcome, &other.why)),
        SortNamesBy::Took => one.took.cmp(&other.took),
    }
}
