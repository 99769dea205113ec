//! The last questions and what became of them, for people who look at names.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::rules::PROBE;

/// A question that was answered.
#[derive(Clone, Debug)]
pub struct Answered<A> {
    /// Rises by one with each.
    pub number: u64,
    /// As passed to [`Resolver::handle_query`](crate::Resolver::handle_query).
    pub asker: A,
    /// The name, as people read it.
    pub name: Arc<str>,
    /// The type of record (RFC 1035, section 3.2.2).
    pub record: u16,
    /// Who knew.
    pub by: By,
    /// What.
    pub outcome: Outcome,
    /// When it was answered.
    pub at: Instant,
    /// How long that took; nothing if it was answered at once.
    pub took: Duration,
}

/// Who knew the answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// It was remembered.
    Memory,
    /// The cluster; if it says so, what in the cluster.
    Cluster(Option<Arc<str>>),
    /// The name server of the host at this address.
    Host(SocketAddr),
    /// The rules: nobody was asked, or nobody answered.
    Nobody,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are such records.
    Found,
    /// There is no such name.
    NoSuchName,
    /// The name has no record of this type.
    NoSuchRecord,
    /// Why nobody knows.
    Failed(Why),
}

/// Why a question was answered with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A server answered with this code (RFC 6895, section 2.3).
    Code(u8),
    /// No server answered in time.
    Silence,
    /// The cluster can't be asked now.
    NotConnected,
    /// Too many questions wait.
    TooMany,
    /// Nothing of this kind is asked for anybody: zone transfers, classes other than IN.
    NotAsked,
}

/// The last few, in their order.
pub(crate) struct Answers<A> {
    kept: VecDeque<Answered<A>>,
    bound: usize,
    next: u64,
}

impl<A: Copy> Answers<A> {
    pub(crate) fn new(bound: usize) -> Self {
        Self { kept: VecDeque::new(), bound, next: 1 }
    }

    /// Every cached answer passes here. What Hawser asks itself is not people's.
    pub(crate) fn add(&mut self, question: Question<A>, by: By, outcome: Outcome, now: Instant) {
        let Question { asker, name, record, asked } = question;
        if name.rsplit('.').next() == Some(PROBE) {
            return;
        }
        if self.kept.len() >= self.bound {
            self.kept.pop_front();
        }
        let took = now.saturating_duration_since(asked);
        self.kept.push_back(Answered { number: self.next, asker, name, record, by, outcome, at: now, took });
        self.next += 1;
    }

    pub(crate) fn since(&self, number: u64) -> impl Iterator<Item = &Answered<A>> {
        self.kept.iter().skip_while(move |answered| answered.number <= number)
    }
}

/// A question, for when it is answered.
pub(crate) struct Question<A> {
    pub(crate) asker: A,
    pub(crate) name: Arc<str>,
    pub(crate) record: u16,
    pub(crate) asked: Instant,
}
