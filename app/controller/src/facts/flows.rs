//! Flows of the whole laptop.

use hawser_fault::Fault;

use crate::view::{FlowRow, Ms};
use crate::{SortBy, TrafficQuery};

pub(crate) struct Flows {
    pub(crate) rows: Vec<FlowRow>,
    pub(crate) at: Option<Ms>,
    pub(crate) fault: Option<Fault>,
    pub(crate) query: TrafficQuery,
}

impl Default for Flows {
    fn default() -> Self {
        let query = TrafficQuery {
            filter: String::new(),
            sort: SortBy::Opened,
            descending: true,
            first: 0,
            count: 80,
            paused: false,
        };
        Self { rows: Vec::new(), at: None, fault: None, query }
    }
}

impl Flows {
    pub(crate) fn take_in(&mut self, news: Result<Vec<FlowRow>, Fault>, now: Ms) {
        match news {
            // What is on its way while somebody pauses is too late.
            Ok(_) if self.query.paused => {}
            Ok(rows) => *self = Self { rows, at: Some(now), fault: None, query: self.query.clone() },
            Err(fault) => self.fault = Some(fault),
        }
    }
}
