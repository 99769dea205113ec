//! A laptop, its resolver and name servers that do as they are told, in virtual time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hawser_dns::{By, Event, Limits, LookupId, Resolver, Route, Transport};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

pub const DOMAIN: &str = "shop.svc.demo.local.";

pub struct World {
    pub resolver: Resolver<u32>,
    pub now: Instant,
    asker: u32,
}

/// A lookup that waits for its reply.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub id: LookupId,
    pub route: Route,
    pub transport: Transport,
    pub attempt: u8,
    pub query: Message,
}

impl World {
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        let mut resolver = Resolver::with_limits(1, limits);
        resolver
            .set_cluster(&hawser_dns::ClusterNames {
                domains: vec!["demo.local".to_owned(), "dev".to_owned()],
                search_domain: DOMAIN.to_owned(),
                ..Default::default()
            })
            .unwrap();
        let now = Instant::now();
        resolver.set_connected(true, now);
        Self { resolver, now, asker: 0 }
    }

    pub fn advance(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.resolver.handle_timeout(self.now);
    }

    pub fn ask_message(&mut self, transport: Transport, query: &Message) -> u32 {
        self.ask_bytes(transport, &query.to_vec().unwrap())
    }

    pub fn ask_bytes(&mut self, transport: Transport, query: &[u8]) -> u32 {
        self.asker += 1;
        self.resolver.handle_query(self.asker, transport, query, self.now);
        self.asker
    }

    pub fn ask(&mut self, name: &str, kind: RecordType) -> u32 {
        self.ask_message(Transport::Udp, &query(name, kind))
    }

    pub fn events(&mut self) -> (Vec<(u32, Message)>, Vec<Lookup>) {
        let (mut answers, mut lookups) = (Vec::new(), Vec::new());
        while let Some(event) = self.resolver.poll_event() {
            match event {
                Event::Answer { asker, message } => answers.push((asker, Message::from_vec(&message).unwrap())),
                Event::Lookup { id, route, transport, attempt, query } => {
                    let query = Message::from_vec(&query).unwrap();
                    lookups.push(Lookup { id, route, transport, attempt, query });
                }
            }
        }
        (answers, lookups)
    }

    /// The only thing that happened is this answer.
    #[track_caller]
    pub fn answer(&mut self) -> Message {
        let (mut answers, lookups) = self.events();
        assert_eq!((answers.len(), lookups.len()), (1, 0), "{answers:?} {lookups:?}");
        answers.remove(0).1
    }

    /// The only thing that happened is this lookup.
    #[track_caller]
    pub fn lookup(&mut self) -> Lookup {
        let (answers, mut lookups) = self.events();
        assert_eq!((answers.len(), lookups.len()), (0, 1), "{answers:?} {lookups:?}");
        lookups.remove(0)
    }

    pub fn reply(&mut self, lookup: &Lookup, reply: &Message) -> bool {
        let by = match lookup.route {
            Route::Cluster => By::Cluster(None),
            Route::Host => By::Host(host_server(lookup.attempt)),
        };
        self.resolver.handle_reply(lookup.id, Ok((by, &reply.to_vec().unwrap())), self.now)
    }
}

/// The server of the host that is asked at this attempt.
pub fn host_server(attempt: u8) -> SocketAddr {
    ([192, 0, 2, attempt], 53).into()
}

pub fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

pub fn query(text: &str, kind: RecordType) -> Message {
    let mut message = Message::new(0x4321, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name(text), kind));
    message
}

pub fn with_edns(mut message: Message, payload: u16, dnssec_ok: bool) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload).set_version(0).set_dnssec_ok(dnssec_ok);
    message.set_edns(edns);
    message
}

/// A reply to a lookup, without records yet.
pub fn reply_to(lookup: &Lookup, code: ResponseCode) -> Message {
    let mut message = Message::response(lookup.query.metadata.id, OpCode::Query);
    message.metadata.recursion_available = true;
    message.metadata.response_code = code;
    message.add_query(lookup.query.queries[0].clone());
    message
}

pub fn address(owner: &str, ttl: u32, last: u8) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A::new(10, 96, 0, last)))
}

pub fn alias(owner: &str, ttl: u32, target: &str) -> Record {
    Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
}

pub fn soa(ttl: u32, minimum: u32) -> Record {
    let data = SOA::new(name("ns.demo.local."), name("root.demo.local."), 1, 2, 3, 4, minimum);
    Record::from_rdata(name("demo.local."), ttl, RData::SOA(data))
}
