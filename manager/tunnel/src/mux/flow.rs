//! The books of one flow: how much each side has sent, and may send.

use std::time::{Duration, Instant};

use super::datagrams::Datagrams;
use crate::frame::{FlowId, WireError};
use crate::limits::{INITIAL_CREDIT, MAX_CREDIT};
use crate::schedule::Turn;

#[derive(Debug)]
pub(super) struct MuxFlow {
    pub turn: Turn,
    pub datagrams: Datagrams,
    /// Bytes sent, and how far the peer allows to go.
    pub sent: u64,
    pub send_limit: u64,
    pub finished_sending: bool,
    pub finished_receiving: bool,
    received: u64,
    consumed: u64,
    /// How far the peer may go, as it was told.
    limit: u64,
    window: u64,
    granted: Option<Instant>,
}

pub(super) struct Grant {
    pub consumed: u64,
    pub limit: u64,
    pub grown: u64,
}

impl MuxFlow {
    pub fn new() -> Self {
        Self {
            turn: Turn::default(),
            datagrams: Datagrams::default(),
            sent: 0,
            send_limit: INITIAL_CREDIT,
            finished_sending: false,
            finished_receiving: false,
            received: 0,
            consumed: 0,
            limit: INITIAL_CREDIT,
            window: INITIAL_CREDIT,
            granted: None,
        }
    }

    pub fn credit(&self) -> usize {
        usize::try_from(self.send_limit - self.sent).unwrap_or(usize::MAX)
    }

    pub fn grown(&self) -> u64 {
        self.window - INITIAL_CREDIT
    }

    pub fn received(&mut self, flow: FlowId, bytes: u64) -> Result<(), WireError> {
        if self.finished_receiving {
            return Err(WireError::AfterEnd(flow.0));
        }
        self.received += bytes;
        match self.received <= self.limit {
            true => Ok(()),
            false => Err(WireError::BeyondCredit(flow.0)),
        }
    }

    /// A new grant once a quarter of the window is free. The window doubles if the last grant was used up within
    /// two round trips: then the sender waited for credit and not for its own data.
    pub fn consumed(
        &mut self,
        bytes: u64,
        now: Instant,
        round_trip: Option<Duration>,
        may_grow: bool,
    ) -> Option<Grant> {
        self.consumed += bytes;
        let free = self.consumed + self.window - self.limit;
        if free < self.window / 4 || self.finished_receiving {
            return None;
        }
        let mut grown = 0;
        if let (Some(last), Some(round_trip)) = (self.granted, round_trip)
            && may_grow
            && self.window < MAX_CREDIT
            && now.saturating_duration_since(last) < round_trip * 2
        {
            grown = self.window;
            self.window *= 2;
        }
        self.granted = Some(now);
        self.limit = self.consumed + self.window;
        Some(Grant { consumed: self.consumed, limit: self.limit, grown })
    }
}
