//! Some rows of the table of names.

use std::cmp::Ordering;

use crate::SortNamesBy;
use crate::facts::Facts;
use crate::view::{NameRow, Names, Problem};

pub(crate) fn names(facts: &Facts) -> Names {
    let known = &facts.names;
    let query = &known.query;
    let filter = query.filter.to_lowercase();
    let mut rows: Vec<(usize, &NameRow)> =
        known.rows.iter().enumerate().filter(|(_, row)| filter.is_empty() || contains(row, &filter)).collect();
    // Equal ones in the order in which they came.
    rows.sort_by(|(at, one), (then, other)| {
        let order = compare(one, other, query.sort).then_with(|| at.cmp(then));
        if query.descending { order.reverse() } else { order }
    });
    let found = rows.len();
    let first = (query.first as usize).min(found.saturating_sub(query.count as usize));
    let shown = rows.into_iter().skip(first).take(query.count as usize).map(|(_, row)| row.clone()).collect();
    Names {
        query: query.clone(),
        rows: shown,
        first: first.try_into().unwrap_or(u32::MAX),
        found: found.try_into().unwrap_or(u32::MAX),
        total: known.rows.len().try_into().unwrap_or(u32::MAX),
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
