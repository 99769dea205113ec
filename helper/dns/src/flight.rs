//! Lookups under way, and who waits for each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;

use crate::answers::Question;
use crate::limits::{HOST_RESEND, LOOKUP_TIMEOUT};
use crate::query::{Asked, Edns};
use crate::reply::{ClientBits, Reply};
use crate::resolver::{Route, Transport};

/// One lookup, shared by everybody who asks the same meanwhile.
pub(crate) struct Flight<A> {
    /// What the answer is remembered under; it begins with the question that was asked, in lower case.
    pub(crate) key: Arc<[u8]>,
    /// The name asked for, as people read it.
    pub(crate) name: Arc<str>,
    /// The question that the cluster is asked instead.
    pub(crate) full_question: Option<Box<[u8]>>,
    /// The cluster has a say in this.
    pub(crate) from_cluster: bool,
    /// What the cluster doesn't know, the host's name servers may.
    pub(crate) shared: bool,
    /// The cluster's answer is given as that to the name asked for, without aliases.
    pub(crate) flat: bool,
    pub(crate) client: ClientBits,
    /// The version of the rules that this was started under.
    pub(crate) rules: u64,
    /// The message id that the reply has to have.
    pub(crate) id: u16,
    pub(crate) route: Route,
    pub(crate) transport: Transport,
    pub(crate) attempt: u8,
    /// The best reply so far, for when there won't be a better one.
    pub(crate) fallback: Option<Reply>,
    pub(crate) waiters: Vec<Waiter<A>>,
    started: Instant,
    sent_to_host: Instant,
    wake: Instant,
}

/// A client's question, kept until there is an answer.
pub(crate) struct Waiter<A> {
    pub(crate) asker: A,
    /// When it came.
    pub(crate) since: Instant,
    id: u16,
    flags: u16,
    question: Box<[u8]>,
    edns: Option<Edns>,
    limit: usize,
}

impl<A: Copy> Waiter<A> {
    pub(crate) fn question(&self, name: &Arc<str>) -> Question<A> {
        let asked = self.asked();
        Question { asker: self.asker, name: Arc::clone(name), record: asked.kind(), asked: self.since }
    }
}

impl<A> Waiter<A> {
    pub(crate) fn new(asker: A, asked: &Asked, since: Instant) -> Self {
        let Asked { id, flags, question, edns, limit } = *asked;
        Self { asker, since, id, flags, question: question.into(), edns, limit }
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { id: self.id, flags: self.flags, question: &self.question, edns: self.edns, limit: self.limit }
    }
}

impl<A> Flight<A> {
    pub(crate) fn new(key: &[u8], name: String, client: ClientBits, waiter: Waiter<A>, now: Instant) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            full_question: None,
            from_cluster: false,
            shared: false,
            flat: false,
            client,
            rules: 0,
            id: 0,
            route: Route::Host,
            transport: Transport::Udp,
            attempt: 0,
            fallback: None,
            waiters: vec![waiter],
            started: now,
            sent_to_host: now,
            wake: now,
        }
    }

    /// The question as it was asked, in lower case.
    pub(crate) fn asked_question(&self) -> &[u8] {
        &self.key[..self.key.len() - 1]
    }

    /// The question as it stands at the present stage.
    pub(crate) fn question(&self) -> &[u8] {
        let full = self.full_question.as_deref().filter(|_| self.route == Route::Cluster);
        full.unwrap_or(self.asked_question())
    }

    pub(crate) fn turn_to_host(&mut self, now: Instant) {
        (self.route, self.attempt, self.sent_to_host) = (Route::Host, 0, now);
    }

    /// May be sent once more, perhaps to another server.
    pub(crate) fn has_attempts(&self) -> bool {
        self.route == Route::Host && usize::from(self.attempt) < HOST_RESEND.len()
    }

    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started) >= LOOKUP_TIMEOUT
    }

    fn next_wake(&self) -> Instant {
        let deadline = self.started + LOOKUP_TIMEOUT;
        let resend: Option<&Duration> = HOST_RESEND.get(usize::from(self.attempt));
        match (self.route, self.transport, resend) {
            (Route::Host, Transport::Udp, Some(&resend)) => deadline.min(self.sent_to_host + resend),
            _ => deadline,
        }
    }
}

/// Every flight, by key, by number and by the time when something has to be done about it.
pub(crate) struct Flights<A> {
    flights: HashMap<u32, Flight<A>>,
    keys: HashMap<Arc<[u8]>, u32, RandomState>,
    wakes: BTreeSet<(Instant, u32)>,
    waiters: usize,
    max_waiters: usize,
    next: u32,
}

impl<A> Flights<A> {
    pub(crate) fn new(max_waiters: usize, hasher: RandomState) -> Self {
        let keys = HashMap::with_hasher(hasher);
        Self { flights: HashMap::new(), keys, wakes: BTreeSet::new(), waiters: 0, max_waiters, next: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiters >= self.max_waiters
    }

    /// Lets `waiter` wait for the flight of this key; gives it back if there is none.
    pub(crate) fn join(&mut self, key: &[u8], waiter: Waiter<A>) -> Result<(), Waiter<A>> {
        match self.keys.get(key).and_then(|number| self.flights.get_mut(number)) {
            Some(flight) => flight.waiters.push(waiter),
            None => return Err(waiter),
        }
        self.waiters += 1;
        Ok(())
    }

    pub(crate) fn open(&mut self, mut flight: Flight<A>) -> u32 {
        let number = self.next;
        // Four thousand million lookups later the first one is long over.
        self.next = self.next.wrapping_add(1);
        self.waiters += flight.waiters.len();
        flight.wake = flight.next_wake();
        self.wakes.insert((flight.wake, number));
        self.keys.insert(Arc::clone(&flight.key), number);
        self.flights.insert(number, flight);
        number
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Flight<A>> {
        self.flights.get_mut(&number)
    }

    pub(crate) fn close(&mut self, number: u32) -> Option<Flight<A>> {
        let flight = self.flights.remove(&number)?;
        self.wakes.remove(&(flight.wake, number));
        self.keys.remove(&flight.key);
        self.waiters -= flight.waiters.len();
        Some(flight)
    }

    /// Sets the alarm anew after a flight has changed.
    pub(crate) fn reschedule(&mut self, number: u32) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        self.wakes.remove(&(flight.wake, number));
        flight.wake = flight.next_wake();
        self.wakes.insert((flight.wake, number));
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.wakes.first().map(|(wake, _)| *wake)
    }

    pub(crate) fn due(&self, now: Instant) -> Option<u32> {
        self.wakes.first().filter(|(wake, _)| *wake <= now).map(|(_, number)| *number)
    }

    pub(crate) fn of_cluster(&self) -> Vec<u32> {
        let cluster = self.flights.iter().filter(|(_, flight)| flight.from_cluster);
        cluster.map(|(number, _)| *number).collect()
    }
}
