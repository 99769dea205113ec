//! Some rows of the table of flows.

use std::cmp::Ordering;

use super::{count, part};
use crate::SortBy;
use crate::facts::Facts;
use crate::view::{FlowRow, Problem, Traffic};

pub(crate) fn traffic(facts: &Facts) -> Traffic {
    let flows = &facts.flows;
    let query = &flows.query;
    let filter = query.filter.to_lowercase();
    let mut rows: Vec<&FlowRow> = flows.rows.iter().filter(|row| filter.is_empty() || contains(row, &filter)).collect();
    // The last word has the id, so that equal rows keep their places.
    rows.sort_by(|one, other| {
        let order = compare(one, other, query.sort);
        if query.descending { order.reverse() } else { order }.then_with(|| one.id.cmp(&other.id))
    });
    let (shown, first) = part(&rows, query.first, query.count);
    Traffic {
        query: query.clone(),
        rows: shown,
        first,
        found: count(rows.len()),
        total: count(flows.rows.len()),
        at: flows.at,
        problem: flows.fault.as_ref().map(Problem::from),
    }
}

fn contains(row: &FlowRow, filter: &str) -> bool {
    let texts = [&row.process, &row.name, &row.destination, &row.connection, &row.protocol, &row.state, &row.closed];
    texts.iter().any(|text| text.to_lowercase().contains(filter))
}

fn compare(one: &FlowRow, other: &FlowRow, sort: SortBy) -> Ordering {
    match sort {
        SortBy::Opened => one.opened.cmp(&other.opened),
        SortBy::Process => one.process.cmp(&other.process),
        SortBy::Destination => (&one.name, &one.destination).cmp(&(&other.name, &other.destination)),
        SortBy::Sent => one.sent.cmp(&other.sent),
        SortBy::Received => one.received.cmp(&other.received),
        SortBy::RoundTrip => one.round_trip.cmp(&other.round_trip),
        SortBy::State => one.state.cmp(&other.state),
    }
}
