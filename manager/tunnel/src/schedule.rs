//! Whose turn it is to send: flows that send little come before flows that always have more (the idea of fq_codel,
//! RFC 8290, section 4, without its dropping).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::frame::FlowId;

/// Bytes that a flow may send in one turn: two turns with their headers fill a batch.
const QUANTUM: usize = 32_680;
/// Neither the rest of a batch nor the rest of a turn is worth a frame of its own if it is smaller than this.
pub(crate) const SCRAP: usize = 256;
/// A flow that sends more than this in one period is bulk.
const SPARSE_BYTES: usize = 16 * 1024;
const PERIOD: Duration = Duration::from_millis(10);

/// Flows with something to send, in order. Holds references to flows and no payload.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    sparse: VecDeque<FlowId>,
    bulk: VecDeque<FlowId>,
}

/// What the schedule keeps in each flow.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    queued: bool,
    backlogged: bool,
    deficit: usize,
    period: Option<Instant>,
    recent: usize,
}

impl Schedule {
    pub fn is_empty(&self) -> bool {
        self.sparse.is_empty() && self.bulk.is_empty()
    }

    /// The flow has something to send.
    pub fn ready(&mut self, flow: FlowId, turn: &mut Turn) {
        if !std::mem::replace(&mut turn.queued, true) {
            if turn.is_sparse() { self.sparse.push_back(flow) } else { self.bulk.push_back(flow) }
        }
    }

    pub fn next(&mut self) -> Option<FlowId> {
        self.sparse.pop_front().or_else(|| self.bulk.pop_front())
    }

    /// Puts a flow back whose turn ended with more to send.
    pub fn again(&mut self, flow: FlowId, turn: &mut Turn) {
        turn.queued = true;
        turn.backlogged = true;
        if turn.deficit >= SCRAP { self.bulk.push_front(flow) } else { self.bulk.push_back(flow) }
    }
}

impl Turn {
    /// Begins or resumes a turn and says how many bytes it has left.
    pub fn begin(&mut self) -> usize {
        self.queued = false;
        if self.deficit < SCRAP {
            self.deficit += QUANTUM;
        }
        self.deficit
    }

    pub fn sent(&mut self, bytes: usize, now: Instant) {
        self.deficit = self.deficit.saturating_sub(bytes);
        if self.period.is_none_or(|begun| now.saturating_duration_since(begun) > PERIOD) {
            self.period = Some(now);
            self.recent = 0;
        }
        self.recent += bytes;
    }

    /// The turn ended because there was nothing more to send.
    pub fn emptied(&mut self) {
        self.backlogged = false;
        self.deficit = 0;
    }

    fn is_sparse(&self) -> bool {
        !self.backlogged && self.recent < SPARSE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_flow_overtakes_bulk() {
        let now = Instant::now();
        let (mut schedule, mut bulk, mut small) = (Schedule::default(), Turn::default(), Turn::default());
        schedule.ready(FlowId(1), &mut bulk);
        assert_eq!(schedule.next(), Some(FlowId(1)));
        bulk.begin();
        bulk.sent(QUANTUM, now);
        schedule.again(FlowId(1), &mut bulk);
        schedule.ready(FlowId(3), &mut small);
        assert_eq!(schedule.next(), Some(FlowId(3)));
        assert_eq!(schedule.next(), Some(FlowId(1)));
    }

    #[test]
    fn a_turn_cut_short_goes_on_first() {
        let now = Instant::now();
        let (mut schedule, mut one, mut two) = (Schedule::default(), Turn::default(), Turn::default());
        one.begin();
        one.sent(QUANTUM, now);
        schedule.again(FlowId(1), &mut one);
        two.begin();
        two.sent(10, now);
        schedule.again(FlowId(3), &mut two);
        assert_eq!(schedule.next(), Some(FlowId(3)));
    }

    #[test]
    fn the_scrap_of_a_turn_is_kept_for_the_next() {
        let now = Instant::now();
        let (mut schedule, mut one, mut two) = (Schedule::default(), Turn::default(), Turn::default());
        two.begin();
        two.sent(QUANTUM, now);
        schedule.again(FlowId(3), &mut two);
        one.begin();
        one.sent(QUANTUM - 10, now);
        schedule.again(FlowId(1), &mut one);
        assert_eq!(schedule.next(), Some(FlowId(3)));
        assert_eq!(one.begin(), QUANTUM + 10);
    }

    #[test]
    fn a_flow_that_drains_each_time_but_sends_much_is_bulk() {
        let now = Instant::now();
        let (mut schedule, mut much, mut little) = (Schedule::default(), Turn::default(), Turn::default());
        much.begin();
        much.sent(SPARSE_BYTES, now);
        much.emptied();
        schedule.ready(FlowId(1), &mut much);
        schedule.ready(FlowId(3), &mut little);
        assert_eq!(schedule.next(), Some(FlowId(3)));
    }
}
