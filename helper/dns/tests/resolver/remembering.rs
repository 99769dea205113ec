//! What is remembered, for how long, and what makes room.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hawser_dns::{Limits, Transport};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use proptest::prelude::*;

use crate::world::{Lookup, World, address, alias, query, reply_to, soa};

const WEB: &str = "web.shop.svc.demo.local.";

/// What a name server says in these tests.
#[derive(Clone, Copy, Debug)]
enum Said {
    Address { ttl: u32 },
    NoName { ttl: u32, minimum: u32 },
    NoRecord { ttl: u32, minimum: u32 },
    NoSoa,
    Failure,
}

impl Said {
    /// For how long that may be remembered.
    fn lifetime(self) -> u64 {
        let seconds = match self {
            Self::Address { ttl } => ttl.min(30),
            Self::NoName { ttl, minimum } | Self::NoRecord { ttl, minimum } => ttl.min(minimum).min(10),
            Self::NoSoa | Self::Failure => 0,
        };
        seconds.into()
    }

    fn code(self) -> ResponseCode {
        match self {
            Self::Address { .. } | Self::NoRecord { .. } => ResponseCode::NoError,
            Self::NoName { .. } | Self::NoSoa => ResponseCode::NXDomain,
            Self::Failure => ResponseCode::ServFail,
        }
    }

    fn say(self, world: &mut World, lookup: &Lookup) {
        let mut reply = reply_to(lookup, self.code());
        match self {
            Self::Address { ttl } => _ = reply.add_answer(address(&lookup.query.queries[0].name().to_string(), ttl, 1)),
            Self::NoName { ttl, minimum } | Self::NoRecord { ttl, minimum } => {
                _ = reply.add_authority(soa(ttl, minimum))
            }
            Self::NoSoa | Self::Failure => {}
        }
        world.reply(lookup, &reply);
    }
}

#[test]
fn lifetimes() {
    for (said, remembered) in [
        (Said::Address { ttl: 5 }, 5),
        (Said::Address { ttl: 3600 }, 30),
        (Said::Address { ttl: 0 }, 0),
        (Said::Address { ttl: 0x8000_0001 }, 0),
        (Said::NoName { ttl: 60, minimum: 4 }, 4),
        (Said::NoName { ttl: 3, minimum: 60 }, 3),
        (Said::NoRecord { ttl: 3600, minimum: 3600 }, 10),
        (Said::NoSoa, 0),
        (Said::Failure, 0),
    ] {
        let mut world = World::new();
        world.ask(WEB, RecordType::A);
        let lookup = world.lookup();
        said.say(&mut world, &lookup);
        world.answer();
        if remembered > 0 {
            world.advance(remembered - 1);
            world.ask(WEB, RecordType::A);
            assert_eq!(world.answer().metadata.response_code, said.code(), "{said:?}");
            world.advance(1);
        }
        world.ask(WEB, RecordType::A);
        world.lookup();
    }
}

#[test]
fn an_alias_lives_as_long_as_its_shortest_part() {
    let mut world = World::new();
    world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.add_answer(alias(WEB, 3, "shop.demo.local.")).add_answer(address("shop.demo.local.", 20, 1));
    world.reply(&lookup, &reply);
    world.answer();
    world.advance(2);
    world.ask(WEB, RecordType::A);
    let ttls: Vec<u32> = world.answer().answers.iter().map(|record| record.ttl).collect();
    assert_eq!(ttls, [1, 18]);
    world.advance(1);
    world.ask(WEB, RecordType::A);
    world.lookup();
}

#[test]
fn the_hosts_ttl_is_passed_on_and_the_clusters_is_lowered() {
    for (asked, ttl) in [(WEB, 30), ("example.org.", 3600)] {
        let mut world = World::new();
        world.ask(asked, RecordType::A);
        let lookup = world.lookup();
        Said::Address { ttl: 3600 }.say(&mut world, &lookup);
        assert_eq!(world.answer().answers[0].ttl, ttl, "{asked}");
    }
}

#[test]
fn names_in_use_survive_a_flood_of_others() {
    let mut world = World::with_limits(Limits { cache_entries: 16, ..Limits::default() });
    for round in 0..200 {
        for asked in [WEB.to_owned(), format!("n{round}.demo.local.")] {
            world.ask(&asked, RecordType::A);
            let (answers, lookups) = world.events();
            assert_eq!(answers.len(), usize::from(round > 0 && asked == WEB), "{asked} in round {round}");
            for lookup in lookups {
                Said::Address { ttl: 30 }.say(&mut world, &lookup);
                world.answer();
            }
        }
    }
}

#[test]
fn the_short_way_serves_what_is_remembered_and_nothing_else() {
    let mut world = World::new();
    let (asked, mut out) = (query(WEB, RecordType::A).to_vec().unwrap(), b"as it was".to_vec());
    for bytes in [&asked[..], b"", b"nonsense of some length"] {
        assert!(!world.resolver.answer_from_cache(Transport::Udp, bytes, world.now, &mut out));
    }
    assert_eq!(out, b"as it was");
    world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    Said::Address { ttl: 30 }.say(&mut world, &lookup);
    let (answers, _) = world.events();
    assert!(world.resolver.answer_from_cache(Transport::Udp, &asked, world.now, &mut out));
    assert_eq!(out, answers[0].1.to_vec().unwrap());
    let stats = world.resolver.stats();
    assert_eq!((stats.queries, stats.hits, stats.misses), (2, 1, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Ask { name: u8, kind: RecordType, said: Said },
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = || prop_oneof![0_u32..8, Just(3600), any::<u32>().prop_map(|ttl| ttl >> 1)];
    let said = prop_oneof![
        4 => ttl().prop_map(|ttl| Said::Address { ttl }),
        2 => (ttl(), ttl()).prop_map(|(ttl, minimum)| Said::NoName { ttl, minimum }),
        2 => (ttl(), ttl()).prop_map(|(ttl, minimum)| Said::NoRecord { ttl, minimum }),
        1 => Just(Said::NoSoa),
        1 => Just(Said::Failure),
    ];
    let kind = prop::sample::select(vec![RecordType::A, RecordType::AAAA]);
    prop_oneof![
        1 => (0_u64..20).prop_map(Step::Wait),
        3 => (0_u8..4, kind, said).prop_map(|(name, kind, said)| {
            // A reply about addresses of the other family is one without a record of the type asked for.
            let said = if kind == RecordType::A { said } else { match said { Said::Address { .. } => Said::NoSoa, other => other } };
            Step::Ask { name, kind, said }
        }),
    ]
}

proptest! {
    /// Against a model: something is looked up exactly if nothing that still holds was said about it, and what is
    /// answered from memory is what was said, with what is left of its TTL.
    #[test]
    fn memory_is_neither_short_nor_long(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut model: HashMap<(u8, RecordType), (Said, Instant)> = HashMap::new();
        for step in steps {
            let (name, kind, said) = match step {
                Step::Wait(seconds) => { world.advance(seconds); continue }
                Step::Ask { name, kind, said } => (name, kind, said),
            };
            let holds = model.get(&(name, kind)).copied()
                .filter(|(said, at)| world.now < *at + Duration::from_secs(said.lifetime()));
            world.ask(&format!("n{name}.demo.local."), kind);
            let (said, at) = match holds {
                Some(remembered) => remembered,
                None => {
                    let lookup = world.lookup();
                    said.say(&mut world, &lookup);
                    model.insert((name, kind), (said, world.now));
                    (said, world.now)
                }
            };
            let answer = world.answer();
            prop_assert_eq!(answer.metadata.response_code, said.code());
            let age = (world.now - at).as_secs() as u32;
            let ttls: Vec<u32> = answer.answers.iter().map(|record| record.ttl).collect();
            match said {
                Said::Address { ttl } => prop_assert_eq!(ttls, [ttl.min(30) - age]),
                _ => prop_assert!(ttls.is_empty()),
            }
        }
    }
}
