//! The resolver: from query to answer, by way of cache, rules and lookups.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;

use crate::alias;
use crate::answers::{Answered, Answers, By, Outcome, Question, Why};
use crate::cache::Cache;
use crate::flight::{Flight, Flights, Waiter};
use crate::limits::{CLUSTER_TTL, HOST_PAYLOAD, HOST_TTL, Limits};
use crate::names::Names;
use crate::query::{Asked, Key, Reject};
use crate::reply::{self, ClientBits, Reply};
use crate::rules::{ClusterNames, DomainError, Rules, Verdict};
use crate::wire::{self, CLASS_IN, kind, rcode};

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A stream, where each message is preceded by its length in two bytes. The length is no part of what is passed
    /// here.
    Tcp,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The cluster, through the tunnel.
    Cluster,
    /// The name servers that the host uses for everything else.
    Host,
}

/// A lookup in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupId(pub u32);

/// Something to do for whoever drives the resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<A> {
    /// Send this answer to the client.
    Answer {
        /// As passed to [`Resolver::handle_query`].
        asker: A,
        /// The whole message.
        message: Vec<u8>,
    },
    /// Ask a name server and report to [`Resolver::handle_reply`]. The same lookup may come again, with a higher attempt
    /// or another route or transport, and then supersedes what was sent before; replies to either are welcome.
    Lookup {
        /// To be given back with the reply.
        id: LookupId,
        /// Whom to ask.
        route: Route,
        /// How to ask the host's name servers.
        transport: Transport,
        /// Counts from 0; with several servers, the one to ask is this one modulo their number.
        attempt: u8,
        /// The whole message.
        query: Vec<u8>,
    },
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages taken for queries.
    pub queries: u64,
    /// Queries answered from memory.
    pub hits: u64,
    /// Queries that waited for a lookup, alone or with others.
    pub misses: u64,
    /// Queries answered with SERVFAIL because a lookup failed or couldn't be made.
    pub failures: u64,
}

/// Answers the queries of one laptop. `A` is whatever the driver knows a client by.
///
/// It does no I/O and has no clock. After every call the driver takes what [`Resolver::poll_event`] has, and calls
/// [`Resolver::handle_timeout`] when [`Resolver::next_deadline`] has come. A client that is gone needs no call: its
/// answer comes and can be thrown away.
pub struct Resolver<A> {
    rules: Rules,
    /// Counts changes of the rules, so that a lookup begun under others isn't remembered.
    rules_version: u64,
    connected: bool,
    cache: Cache,
    flights: Flights<A>,
    names: Names,
    answers: Answers<A>,
    events: VecDeque<Event<A>>,
    hasher: RandomState,
    lookups: u64,
    stats: Stats,
}

impl<A: Copy> Resolver<A> {
    /// A resolver that knows no cluster: everything is the host's. `seed` has to be unpredictable, since message ids and
    /// hashes depend on it.
    pub fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    /// As [`Resolver::new`], with other bounds.
    pub fn with_limits(seed: u64, limits: Limits) -> Self {
        let hasher = RandomState::with_seeds(seed, !seed, seed.rotate_left(32), seed.reverse_bits());
        Self {
            rules: Rules::default(),
            rules_version: 0,
            connected: false,
            cache: Cache::new(limits.cache_entries, limits.cache_bytes, hasher.clone()),
            flights: Flights::new(limits.waiters, hasher.clone()),
            names: Names::new(limits.names, hasher.clone()),
            answers: Answers::new(limits.answered),
            events: VecDeque::new(),
            hasher,
            lookups: 0,
            stats: Stats::default(),
        }
    }

    /// Takes over what the cluster announced. If that changes anything, everything remembered is forgotten.
    ///
    /// # Errors
    /// Names the first text that is no name; then nothing has changed.
    pub fn set_cluster(&mut self, names: &ClusterNames) -> Result<(), DomainError> {
        let rules = Rules::new(names)?;
        if rules != self.rules {
            self.rules = rules;
            self.rules_version += 1;
            self.cache.forget(true);
        }
        Ok(())
    }

    /// Says whether the cluster can be asked. If not, its names are answered with SERVFAIL at once, those that somebody
    /// waits for included, and what it said is forgotten.
    pub fn set_connected(&mut self, connected: bool, now: Instant) {
        self.connected = connected;
        if !connected {
            self.cache.forget(false);
            for number in self.flights.of_cluster() {
                self.fail(number, Why::NotConnected, now);
            }
        }
    }

    /// Asks the cluster once more what it has not answered: the way that the questions took is gone, and there is another.
    pub fn repeat_lookups(&mut self) {
        for number in self.flights.of_cluster() {
            self.send(number);
        }
    }

    /// Takes a client's query.
    pub fn handle_query(&mut self, asker: A, transport: Transport, query: &[u8], now: Instant) {
        self.stats.queries += 1;
        let mut message = Vec::new();
        match Asked::parse(query, transport) {
            Ok(asked) => {
                let key = asked.key();
                let Some((name, outcome)) = self.hit(&asked, &key, now, &mut message) else {
                    return self.look_up(asker, &asked, &key, now);
                };
                let question = Question { asker, name, record: asked.kind(), asked: now };
                self.answers.add(question, By::Memory, outcome, now);
            }
            Err(Reject::Header(code)) => reply::write_header(query, code, &mut message),
            Err(Reject::Drop) => return,
        }
        self.events.push_back(Event::Answer { asker, message });
    }

    /// The short way for what is remembered: writes the answer over `out` and says so, or does nothing at all, in which
    /// case the query is one for [`Resolver::handle_query`].
    pub fn answer_from_cache(&mut self, transport: Transport, query: &[u8], now: Instant, out: &mut Vec<u8>) -> bool {
        let Ok(asked) = Asked::parse(query, transport) else { return false };
        let hit = self.hit(&asked, &asked.key(), now, out).is_some();
        self.stats.queries += u64::from(hit);
        hit
    }

    /// Takes a name server's reply to a lookup and who gave it, or the news that there won't be one. Says whether the driver can forget
    /// what it sent: after a datagram that doesn't answer the question it can't, the true reply may follow.
    pub fn handle_reply(&mut self, lookup: LookupId, reply: Result<(By, &[u8]), ()>, now: Instant) -> bool {
        let Some(flight) = self.flights.get_mut(lookup.0) else { return true };
        let clamp = match flight.route {
            Route::Cluster => CLUSTER_TTL.as_secs() as u32,
            Route::Host => u32::MAX,
        };
        let reply = reply.map(|(by, message)| Reply::parse(message, by, flight.id, flight.question(), clamp));
        match reply {
            Ok(Some(reply)) => self.weigh(lookup.0, reply, clamp, now),
            Ok(None) if (flight.route, flight.transport) == (Route::Host, Transport::Udp) => return false,
            Ok(None) | Err(()) => self.go_on(lookup.0, now),
        }
        true
    }

    /// The next thing to do, until there is none.
    pub fn poll_event(&mut self) -> Option<Event<A>> {
        self.events.pop_front()
    }

    /// When [`Resolver::handle_timeout`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.flights.next_wake()
    }

    /// Gives up on lookups that took too long and repeats those that may have been lost.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(number) = self.flights.due(now) {
            match self.flights.get_mut(number) {
                Some(flight) if !flight.is_overdue(now) => {
                    flight.attempt += 1;
                    self.send(number);
                }
                _ => self.fail(number, Why::Silence, now),
            }
        }
    }

    /// Questions that were answered after the one of this number, as far as they are remembered.
    pub fn answered_since(&self, number: u64) -> impl Iterator<Item = &Answered<A>> {
        self.answers.since(number)
    }

    /// The name last asked for that was answered with this address.
    pub fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.names.get(&address)
    }

    /// What happened since the start.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn hit(&mut self, asked: &Asked, key: &Key, now: Instant, out: &mut Vec<u8>) -> Option<(Arc<str>, Outcome)> {
        if asked.edns.is_some_and(|edns| edns.version != 0) {
            return None;
        }
        let entry = self.cache.get(key.bytes(), now)?;
        entry.reply.write(asked, entry.age(now), out);
        self.names.learn(&entry.reply.addresses, &entry.name);
        self.stats.hits += 1;
        Some((Arc::clone(&entry.name), entry.reply.outcome))
    }

    /// Answers what needs no lookup, and has the others wait for one.
    fn look_up(&mut self, asker: A, asked: &Asked, key: &Key, now: Instant) {
        let mut message = Vec::new();
        if asked.edns.is_some_and(|edns| edns.version != 0) {
            reply::write_bad_version(asked, &mut message);
            return self.events.push_back(Event::Answer { asker, message });
        }
        let verdict = match (asked.class(), asked.kind()) {
            (CLASS_IN, kind::TKEY..=kind::AXFR) => Err(rcode::NOT_IMP),
            (CLASS_IN, _) => Ok(self.rules.judge(key.name())),
            _ => Err(rcode::REFUSED),
        };
        if let Ok(Verdict::Address(address)) = verdict {
            reply::write_address(asked, address, &mut message);
            let found = asked.kind() == if address.is_ipv4() { kind::A } else { kind::AAAA };
            self.remember(asker, asked, key, if found { Outcome::Found } else { Outcome::NoSuchRecord }, now);
            return self.events.push_back(Event::Answer { asker, message });
        }
        let refusal = match &verdict {
            Err(code) => Some((*code, Outcome::Failed(Why::NotAsked))),
            Ok(Verdict::Refuse) => Some((rcode::NX_DOMAIN, Outcome::NoSuchName)),
            Ok(Verdict::Cluster { .. }) if !self.connected => {
                Some((rcode::SERV_FAIL, Outcome::Failed(Why::NotConnected)))
            }
            Ok(_) if self.flights.is_full() => Some((rcode::SERV_FAIL, Outcome::Failed(Why::TooMany))),
            Ok(_) => None,
        };
        if let Some((code, outcome)) = refusal {
            self.stats.failures += u64::from(code == rcode::SERV_FAIL);
            reply::write_error(asked, code, &mut message);
            self.remember(asker, asked, key, outcome, now);
            return self.events.push_back(Event::Answer { asker, message });
        }
        self.stats.misses += 1;
        let Err(waiter) = self.flights.join(key.bytes(), Waiter::new(asker, asked, now)) else { return };
        let mut flight = Flight::new(key.bytes(), wire::display(key.name()), ClientBits::of(asked), waiter, now);
        if let Ok(Verdict::Cluster { name, shared, flat }) = verdict {
            let tail = &key.question()[key.name().len()..];
            flight.full_question = name.map(|name| [&name, tail].concat().into());
            (flight.route, flight.from_cluster, flight.shared, flight.flat) = (Route::Cluster, true, shared, flat);
        }
        flight.rules = self.rules_version;
        self.lookups += 1;
        flight.id = self.hasher.hash_one(self.lookups) as u16;
        let number = self.flights.open(flight);
        self.send(number);
    }

    fn send(&mut self, number: u32) {
        self.flights.reschedule(number);
        let Some(flight) = self.flights.get_mut(number) else { return };
        let payload = match flight.route {
            Route::Cluster => u16::MAX,
            Route::Host => HOST_PAYLOAD,
        };
        let query = reply::write_lookup(flight.id, flight.question(), flight.client, payload);
        let (id, route, transport, attempt) = (LookupId(number), flight.route, flight.transport, flight.attempt);
        self.events.push_back(Event::Lookup { id, route, transport, attempt, query });
    }

    /// Decides whether a reply is the answer, or somebody else can give a better one.
    fn weigh(&mut self, number: u32, mut reply: Reply, clamp: u32, now: Instant) {
        let Some(flight) = self.flights.get_mut(number) else { return };
        if flight.route == Route::Cluster && flight.full_question.is_some() {
            let asked = flight.asked_question();
            let name = &asked[..asked.len() - 4];
            let rewrite = || match flight.flat {
                true => alias::flatten(&reply.bytes, name),
                false => alias::shorten(&reply.bytes, name, reply.lifetime),
            };
            let short = reply.is_decided().then(rewrite).flatten();
            match short.and_then(|message| Reply::parse(&message, reply.by.clone(), flight.id, asked, clamp)) {
                Some(short) => reply = short,
                None => return self.fail(number, why(&reply), now),
            }
        }
        match flight.route {
            Route::Cluster if flight.shared && reply.is_unknown_name() => {
                flight.fallback = Some(reply);
                flight.turn_to_host(now);
                self.send(number);
            }
            Route::Host if reply.truncated && flight.transport == Transport::Udp => {
                flight.fallback = Some(reply);
                flight.transport = Transport::Tcp;
                self.send(number);
            }
            Route::Host if !reply.is_decided() => {
                // Many name servers refuse single labels; that says nothing against what the cluster said.
                if flight.full_question.is_none() || flight.fallback.is_none() {
                    flight.fallback = Some(reply);
                }
                self.go_on(number, now);
            }
            _ => self.settle(number, reply, now),
        }
    }

    /// Asks the next server, or makes do with what there is.
    fn go_on(&mut self, number: u32, now: Instant) {
        let Some(flight) = self.flights.get_mut(number) else { return };
        if flight.has_attempts() {
            flight.attempt += 1;
            return self.send(number);
        }
        match flight.fallback.take() {
            Some(reply) => self.settle(number, reply, now),
            None => self.fail(number, Why::Silence, now),
        }
    }

    fn settle(&mut self, number: u32, reply: Reply, now: Instant) {
        let Some(flight) = self.flights.close(number) else { return };
        for waiter in flight.waiters {
            let mut message = Vec::new();
            reply.write(&waiter.asked(), 0, &mut message);
            let question = waiter.question(&flight.name);
            self.answers.add(question, reply.by.clone(), reply.outcome, now);
            self.events.push_back(Event::Answer { asker: waiter.asker, message });
        }
        self.names.learn(&reply.addresses, &flight.name);
        if flight.rules == self.rules_version {
            let longest: Duration = if flight.from_cluster { CLUSTER_TTL } else { HOST_TTL };
            self.cache.insert(flight.key, flight.name, reply, flight.from_cluster, longest, now);
        }
    }

    fn fail(&mut self, number: u32, why: Why, now: Instant) {
        let Some(flight) = self.flights.close(number) else { return };
        for waiter in flight.waiters {
            self.stats.failures += 1;
            let mut message = Vec::new();
            reply::write_error(&waiter.asked(), rcode::SERV_FAIL, &mut message);
            self.answers.add(waiter.question(&flight.name), By::Nobody, Outcome::Failed(why), now);
            self.events.push_back(Event::Answer { asker: waiter.asker, message });
        }
    }

    /// What was decided here and now.
    fn remember(&mut self, asker: A, asked: &Asked, key: &Key, outcome: Outcome, now: Instant) {
        let name = wire::display(key.name()).into();
        let question = Question { asker, name, record: asked.kind(), asked: now };
        self.answers.add(question, By::Nobody, outcome, now);
    }
}

/// Of a reply that can't be passed on.
fn why(reply: &Reply) -> Why {
    match reply.outcome {
        Outcome::Failed(why) => why,
        _ => Why::Code(rcode::SERV_FAIL),
    }
}
