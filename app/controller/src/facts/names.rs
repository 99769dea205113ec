//! Names that programs of this computer asked for.

use std::collections::VecDeque;

use hawser_fault::Fault;

use crate::view::NameRow;
use crate::{NamesQuery, SortNamesBy, limits};

pub(crate) struct Names {
    pub(crate) rows: VecDeque<NameRow>,
    pub(crate) missed: u64,
    pub(crate) known: bool,
    pub(crate) fault: Option<Fault>,
    pub(crate) query: NamesQuery,
    /// Looked at instead of flows.
    pub(crate) open: bool,
}

/// Some of them.
#[derive(Default)]
pub(crate) struct NamesNews {
    /// What was known before is forgotten.
    pub(crate) whole: bool,
    pub(crate) rows: Vec<NameRow>,
    pub(crate) missed: u64,
}

impl Default for Names {
    fn default() -> Self {
        let query = NamesQuery {
            filter: String::new(),
            sort: SortNamesBy::At,
            descending: true,
            first: 0,
            count: 80,
            paused: false,
        };
        Self { rows: VecDeque::new(), missed: 0, known: false, fault: None, query, open: false }
    }
}

impl Names {
    pub(crate) fn take_in(&mut self, news: Result<NamesNews, Fault>) {
        match news {
            // What is on its way while somebody pauses is too late.
            Ok(_) if self.query.paused => {}
            Ok(NamesNews { whole, rows, missed }) => {
                if whole {
                    self.rows.clear();
                    self.missed = 0;
                }
                (self.known, self.fault) = (true, None);
                self.missed += missed;
                self.rows.extend(rows);
                let spare = self.rows.len().saturating_sub(limits::NAMES);
                self.rows.drain(..spare);
            }
            Err(fault) => self.fault = Some(fault),
        }
    }
}
