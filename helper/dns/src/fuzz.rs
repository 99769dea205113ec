//! One entry point for fuzzing and for replaying what fuzzing found.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::query::{Asked, Reject};
use crate::reply::Reply;
use crate::wire::{HEADER, flag, u16_at};
use crate::{By, Event, LOOKUP_TIMEOUT, Limits, Resolver, Transport};

/// More replies than this to one query would mean that it is never settled.
const LOOKUPS: usize = 16;
const HOST: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 53), 53));

/// Asks a query and answers its lookups, both made of `data`, and panics if the resolver breaks a promise: one answer to
/// each query, within the client's size, that can be read again and belongs to its question.
///
/// The first byte holds switches (1: TCP, 2: the cluster can be asked, 4: replies come as they are, without the lookup's
/// id and question put in), the next two the length of the query; the query and the reply follow.
pub fn fuzz(data: &[u8]) {
    let Some((&[switches, high, low], rest)) = data.split_first_chunk() else { return };
    let (query, reply) = rest.split_at(rest.len().min(u16::from_be_bytes([high, low]).into()));
    let limits = Limits { waiters: 2, cache_entries: 2, cache_bytes: 4096, names: 4, answered: 4 };
    let mut world = World {
        resolver: Resolver::with_limits(1, limits),
        transport: if switches & 1 == 0 { Transport::Udp } else { Transport::Tcp },
        raw_replies: switches & 4 != 0,
        reply,
        now: Instant::now(),
    };
    let domains = ["demo.local", "dev"].map(str::to_owned);
    world
        .resolver
        .set_cluster(&crate::rules::ClusterNames {
            domains: domains.into(),
            search_domain: "shop.svc.demo.local".to_owned(),
            ..Default::default()
        })
        .expect("these are names");
    world.resolver.set_connected(switches & 2 != 0, world.now);
    for pause in [0, 0, 1, 3600] {
        world.now += Duration::from_secs(pause);
        world.ask(query);
    }
    world.resolver.handle_query(0, world.transport, query, world.now);
    world.resolver.set_connected(false, world.now);
    world.settle(query);
}

struct World<'a> {
    resolver: Resolver<u32>,
    transport: Transport,
    raw_replies: bool,
    reply: &'a [u8],
    now: Instant,
}

impl World<'_> {
    fn ask(&mut self, query: &[u8]) {
        let mut quick = Vec::new();
        if self.resolver.answer_from_cache(self.transport, query, self.now, &mut quick) {
            check(query, self.transport, &quick);
        }
        self.resolver.handle_query(7, self.transport, query, self.now);
        let answers = self.settle(query);
        let expected = usize::from(Asked::parse(query, self.transport).err() != Some(Reject::Drop));
        assert_eq!(answers, expected, "one answer to each query");
    }

    /// Answers lookups until nothing is under way, and gives the number of answers.
    fn settle(&mut self, query: &[u8]) -> usize {
        let (mut answers, mut lookups) = (0, 0);
        let started = self.now;
        loop {
            while let Some(event) = self.resolver.poll_event() {
                match event {
                    Event::Answer { message, .. } => {
                        check(query, self.transport, &message);
                        answers += 1;
                    }
                    Event::Lookup { id, query, .. } => {
                        lookups += 1;
                        assert!(lookups <= LOOKUPS, "lookups without end");
                        let reply = self.reply_to(&query);
                        let reply = reply.as_deref().map(|reply| (By::Host(HOST), reply)).ok_or(());
                        self.resolver.handle_reply(id, reply, self.now);
                    }
                }
            }
            let Some(deadline) = self.resolver.next_deadline() else { return answers };
            assert!(deadline > self.now, "what is due was done");
            assert!(deadline <= started + LOOKUP_TIMEOUT, "nobody waits for longer");
            self.now = deadline;
            self.resolver.handle_timeout(deadline);
        }
    }

    /// Flags, counts and records of the data with the id and the question of the lookup.
    fn reply_to(&self, lookup: &[u8]) -> Option<Vec<u8>> {
        let asked = Asked::parse(lookup, Transport::Tcp).expect("our own queries can be read");
        if self.raw_replies {
            return Some(self.reply.to_vec());
        }
        let (head, records) = self.reply.split_first_chunk::<10>()?;
        let mut reply = [&asked.id.to_be_bytes(), &head[..], asked.question, records].concat();
        reply[2] |= 0x80;
        Some(reply)
    }
}

fn check(query: &[u8], transport: Transport, answer: &[u8]) {
    let flags = u16_at(answer, 2).expect("an answer has a header");
    assert!(answer.len() >= HEADER && flags & flag::RESPONSE != 0);
    assert_eq!(answer[..2], query[..2], "the id is the client's");
    let Ok(asked) = Asked::parse(query, transport) else {
        assert_eq!(answer.len(), HEADER, "what couldn't be read isn't repeated");
        return;
    };
    assert!(answer.len() <= asked.limit, "larger than the client can take");
    let end = HEADER + asked.question.len();
    assert_eq!(&answer[HEADER..end], asked.question, "the question is the client's, in its spelling");
    assert!(
        Reply::parse(answer, By::Nobody, asked.id, asked.question, u32::MAX).is_some(),
        "an answer can be read again"
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUESTIONS: [&[u8]; 5] = [
        b"\x03web\0\0\x01\0\x01",
        b"\x03web\x04shop\x03svc\x04demo\x05local\0\0\x1c\0\x01",
        b"\x01a\x03dev\0\0\x01\0\x01",
        b"\x07example\x03org\0\0\xff\0\x01",
        b"\0\0\x02\0\x01",
    ];
    const OPT: &[u8] = b"\0\0\x29\x02\x58\0\0\x80\0\0\0";

    /// Records that a name server might send, some of them broken.
    fn record() -> impl Strategy<Value = Vec<u8>> {
        let owner = prop_oneof![
            4 => Just(b"\xc0\x0c".to_vec()),
            1 => Just(b"\x03www\xc0\x0c".to_vec()),
            1 => Just(b"\0".to_vec()),
            1 => any::<[u8; 2]>().prop_map(Vec::from),
        ];
        let kind = prop_oneof![Just(1_u16), Just(28), Just(5), Just(6), Just(41), Just(33), any::<u16>()];
        let ttl = prop_oneof![Just(0_u32), Just(5), Just(3600), any::<u32>()];
        (owner, kind, ttl, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(owner, kind, ttl, data)| {
            let length = (data.len() as u16).to_be_bytes();
            [&owner[..], &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &length, &data].concat()
        })
    }

    fn input(switches: u8, query: &[u8], reply: &[u8]) -> Vec<u8> {
        [&[switches], &(query.len() as u16).to_be_bytes()[..], query, reply].concat()
    }

    proptest! {
        #[test]
        fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..600)) {
            fuzz(&data);
        }

        #[test]
        fn likely_messages(
            switches in 0_u8..4,
            question in prop::sample::select(&QUESTIONS[..]),
            edns in any::<bool>(),
            flags in prop_oneof![Just([0x81_u8, 0x80]), Just([0x81, 0x83]), any::<[u8; 2]>()],
            records in prop::array::uniform3(prop::collection::vec(record(), 0..20)),
            cut in prop_oneof![4 => Just(0_usize), 1 => 0_usize..200],
        ) {
            let opt = if edns { OPT } else { b"" };
            let query = [b"\x12\x34\x01\0\0\x01\0\0\0\0\0", &[u8::from(edns)][..], question, opt].concat();
            let mut reply = [&flags[..], &[0, 1]].concat();
            records.iter().for_each(|section| reply.extend((section.len() as u16).to_be_bytes()));
            records.iter().flatten().for_each(|record| reply.extend(record));
            reply.truncate(reply.len().saturating_sub(cut).max(10));
            fuzz(&input(switches, &query, &reply));
        }
    }
}
