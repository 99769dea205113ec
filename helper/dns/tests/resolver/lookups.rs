//! Who is asked, how often, and what happens when nobody answers.

use std::time::Duration;

use hawser_dns::{LOOKUP_TIMEOUT, Limits, LookupId, Route, Transport};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, RecordType};

use crate::world::{DOMAIN, World, address, alias, name, query, reply_to, soa, with_edns};

const WEB: &str = "web.shop.svc.demo.local.";
const OUTSIDE: &str = "example.org.";

fn code(answer: &Message) -> ResponseCode {
    answer.metadata.response_code
}

#[test]
fn names_go_where_they_belong() {
    for (asked, route, looked_up) in [
        (WEB, Route::Cluster, WEB),
        ("web.", Route::Cluster, WEB),
        ("web.dev.", Route::Cluster, "web.dev."),
        (OUTSIDE, Route::Host, OUTSIDE),
        (".", Route::Host, "."),
        ("localhost.", Route::Host, "localhost."),
    ] {
        let mut world = World::new();
        world.ask(asked, RecordType::AAAA);
        let lookup = world.lookup();
        assert_eq!((lookup.route, lookup.attempt), (route, 0), "{asked}");
        assert_eq!(lookup.query.queries[0].name().to_string(), looked_up);
        assert_eq!(lookup.query.queries[0].query_type(), RecordType::AAAA);
    }
}

#[test]
fn everybody_who_asks_the_same_shares_a_lookup() {
    let mut world = World::new();
    let first = world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    let second = world.ask("WEB.shop.svc.demo.local.", RecordType::A);
    let third = world.ask_message(Transport::Tcp, &with_edns(query(WEB, RecordType::A), 1232, false));
    world.ask(WEB, RecordType::AAAA);
    assert_ne!(world.lookup().id, lookup.id, "another type is another question");
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.add_answer(address(WEB, 30, 1));
    assert!(world.reply(&lookup, &reply));
    let (answers, lookups) = world.events();
    assert!(lookups.is_empty());
    assert_eq!(answers.iter().map(|(asker, _)| *asker).collect::<Vec<_>>(), [first, second, third]);
    assert!(answers.iter().all(|(_, answer)| answer.answers.len() == 1));
    assert_eq!(answers.iter().map(|(_, answer)| answer.edns.is_some()).collect::<Vec<_>>(), [false, false, true]);
    assert!(world.reply(&lookup, &reply), "a second reply is late");
    assert!(world.resolver.poll_event().is_none());
}

#[test]
fn waiters_are_bounded() {
    let mut world = World::with_limits(Limits { waiters: 3, ..Limits::default() });
    for _ in 0..2 {
        world.ask(WEB, RecordType::A);
    }
    world.ask(OUTSIDE, RecordType::A);
    let (answers, lookups) = world.events();
    assert_eq!((answers.len(), lookups.len()), (0, 2));
    for asked in [WEB, "another.example."] {
        world.ask(asked, RecordType::A);
        assert_eq!(code(&world.answer()), ResponseCode::ServFail);
    }
    world.reply(&lookups[0], &reply_to(&lookups[0], ResponseCode::NoError));
    assert_eq!(world.events().0.len(), 2);
    world.ask("another.example.", RecordType::A);
    world.lookup();
}

#[test]
fn silence_of_the_cluster_ends_in_servfail() {
    let mut world = World::new();
    world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    let deadline = world.resolver.next_deadline().unwrap();
    assert_eq!(deadline - world.now, LOOKUP_TIMEOUT);
    world.resolver.handle_timeout(deadline - Duration::from_millis(1));
    assert!(world.resolver.poll_event().is_none());
    world.resolver.handle_timeout(deadline);
    assert_eq!(code(&world.answer()), ResponseCode::ServFail);
    assert_eq!(world.resolver.next_deadline(), None);
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NoError));
    assert!(world.resolver.poll_event().is_none(), "too late");
    assert_eq!(world.resolver.stats().failures, 1);
}

#[test]
fn a_lost_datagram_to_the_host_is_sent_again() {
    let mut world = World::new();
    let start = world.now;
    world.ask(OUTSIDE, RecordType::A);
    let first = world.lookup();
    let mut sent = vec![];
    while let Some(deadline) = world.resolver.next_deadline() {
        world.now = deadline;
        world.resolver.handle_timeout(deadline);
        let (answers, lookups) = world.events();
        if let [lookup] = &lookups[..] {
            assert_eq!((lookup.id, &lookup.query), (first.id, &first.query));
            sent.push(((deadline - start).as_millis(), lookup.attempt));
        }
        if let [(_, answer)] = &answers[..] {
            assert_eq!(code(answer), ResponseCode::ServFail);
        }
    }
    assert_eq!(sent, [(1_000, 1), (2_500, 2)]);
    assert_eq!(world.now - start, LOOKUP_TIMEOUT);
}

#[test]
fn a_name_server_of_the_host_that_cannot_is_passed_over() {
    let mut world = World::new();
    world.ask(OUTSIDE, RecordType::A);
    let lookup = world.lookup();
    world.resolver.handle_reply(lookup.id, Err(()), world.now);
    let lookup = world.lookup();
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::Refused));
    let lookup = world.lookup();
    assert_eq!(lookup.attempt, 2);
    world.resolver.handle_reply(lookup.id, Err(()), world.now);
    assert_eq!(code(&world.answer()), ResponseCode::Refused, "the best that there was");
}

#[test]
fn without_name_servers_of_the_host_the_answer_is_servfail_at_once() {
    let mut world = World::new();
    world.ask(OUTSIDE, RecordType::A);
    for attempt in 0..3 {
        let lookup = world.lookup();
        assert_eq!(lookup.attempt, attempt);
        world.resolver.handle_reply(lookup.id, Err(()), world.now);
    }
    assert_eq!(code(&world.answer()), ResponseCode::ServFail);
}

#[test]
fn forged_replies_are_not_taken() {
    let forgeries: [fn(&mut Message); 5] = [
        |message| message.metadata.id ^= 1,
        |message| message.metadata.message_type = hickory_proto::op::MessageType::Query,
        |message| _ = message.queries[0].set_name(name("evil.example.")),
        |message| _ = message.queries[0].set_query_type(RecordType::TXT),
        |message| message.queries.clear(),
    ];
    for (asked, route) in [(OUTSIDE, Route::Host), (WEB, Route::Cluster)] {
        for forge in forgeries {
            let mut world = World::new();
            world.ask(asked, RecordType::A);
            let lookup = world.lookup();
            let mut reply = reply_to(&lookup, ResponseCode::NoError);
            reply.add_answer(address(asked, 30, 1));
            let honest = reply.clone();
            forge(&mut reply);
            let over = world.reply(&lookup, &reply);
            assert_eq!(over, route == Route::Cluster);
            if route == Route::Cluster {
                assert_eq!(code(&world.answer()), ResponseCode::ServFail, "no other will come through the tunnel");
            } else {
                assert!(world.resolver.poll_event().is_none());
                assert!(world.reply(&lookup, &honest));
                assert_eq!(world.answer().answers.len(), 1, "the true one came after all");
            }
        }
    }
}

#[test]
fn a_truncated_reply_of_the_host_is_asked_for_over_tcp() {
    for works in [true, false] {
        let mut world = World::new();
        world.ask(OUTSIDE, RecordType::A);
        let lookup = world.lookup();
        assert_eq!(lookup.transport, Transport::Udp);
        let mut cut = reply_to(&lookup, ResponseCode::NoError);
        cut.metadata.truncation = true;
        world.reply(&lookup, &cut);
        let again = world.lookup();
        assert_eq!((again.id, again.transport), (lookup.id, Transport::Tcp));
        if works {
            let mut whole = reply_to(&again, ResponseCode::NoError);
            whole.add_answer(address(OUTSIDE, 30, 1));
            world.reply(&again, &whole);
            let answer = world.answer();
            assert_eq!((answer.metadata.truncation, answer.answers.len()), (false, 1));
        } else {
            world.resolver.handle_reply(again.id, Err(()), world.now);
            for _ in 0..2 {
                let again = world.lookup();
                world.resolver.handle_reply(again.id, Err(()), world.now);
            }
            assert!(world.answer().metadata.truncation);
        }
    }
}

#[test]
fn what_the_cluster_does_not_know_under_a_shared_suffix_the_host_may() {
    for asked in ["web.dev.", "printer."] {
        let mut world = World::new();
        world.ask(asked, RecordType::A);
        let lookup = world.lookup();
        let mut unknown = reply_to(&lookup, ResponseCode::NXDomain);
        unknown.add_authority(soa(60, 5));
        world.reply(&lookup, &unknown);
        let second = world.lookup();
        assert_eq!((second.id, second.route), (lookup.id, Route::Host));
        assert_eq!(second.query.queries[0].name().to_string(), asked, "as it was asked");
        let mut reply = reply_to(&second, ResponseCode::NoError);
        reply.add_answer(address(asked, 30, 9));
        world.reply(&second, &reply);
        assert_eq!(world.answer().answers, [address(asked, 30, 9)]);
        world.ask(asked, RecordType::A);
        assert_eq!(world.answer().answers.len(), 1, "remembered");
    }
}

#[test]
fn what_only_the_cluster_can_know_is_settled_there() {
    let mut world = World::new();
    world.ask("nosuch.shop.svc.demo.local.", RecordType::A);
    let lookup = world.lookup();
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NXDomain));
    assert_eq!(code(&world.answer()), ResponseCode::NXDomain);
    world.ask("web.dev.", RecordType::AAAA);
    let lookup = world.lookup();
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NoError));
    assert_eq!(code(&world.answer()), ResponseCode::NoError, "no record isn't no name");
}

#[test]
fn an_unknown_short_name_stays_unknown_when_the_host_has_nobody_to_ask() {
    let mut world = World::new();
    world.ask("nosuch.", RecordType::A);
    let lookup = world.lookup();
    let mut unknown = reply_to(&lookup, ResponseCode::NXDomain);
    unknown.add_authority(soa(60, 5));
    world.reply(&lookup, &unknown);
    for last in [false, false, true] {
        let lookup = world.lookup();
        if last {
            world.reply(&lookup, &reply_to(&lookup, ResponseCode::ServFail));
        } else {
            world.resolver.handle_reply(lookup.id, Err(()), world.now);
        }
    }
    let answer = world.answer();
    assert_eq!((code(&answer), answer.answers.len(), answer.authorities.len()), (ResponseCode::NXDomain, 0, 1));
    assert_eq!(answer.queries[0].name().to_string(), "nosuch.");
    world.ask("nosuch.", RecordType::A);
    assert_eq!(code(&world.answer()), ResponseCode::NXDomain, "remembered");
}

#[test]
fn losing_the_cluster_fails_its_names_at_once_and_no_others() {
    let mut world = World::new();
    for (asked, last) in [(WEB, 1), (OUTSIDE, 2)] {
        world.ask(asked, RecordType::A);
        let lookup = world.lookup();
        let mut reply = reply_to(&lookup, ResponseCode::NoError);
        reply.add_answer(address(asked, 30, last));
        world.reply(&lookup, &reply);
        world.answer();
    }
    let waiting = world.ask(WEB, RecordType::AAAA);
    world.ask(OUTSIDE, RecordType::AAAA);
    world.events();
    world.resolver.set_connected(false, world.now);
    let (answers, _) = world.events();
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].0, code(&answers[0].1)), (waiting, ResponseCode::ServFail));
    for asked in [WEB, "web.", "web.dev."] {
        world.ask(asked, RecordType::A);
        assert_eq!(code(&world.answer()), ResponseCode::ServFail, "{asked}");
    }
    world.ask(OUTSIDE, RecordType::A);
    assert_eq!(world.answer().answers.len(), 1, "the host's are still remembered");
    world.resolver.set_connected(true, world.now);
    world.ask(WEB, RecordType::A);
    assert_eq!(world.lookup().route, Route::Cluster, "what it said before is not served");
}

#[test]
fn a_lookup_begun_under_other_rules_is_answered_but_not_remembered() {
    let mut world = World::new();
    world.ask(OUTSIDE, RecordType::A);
    let lookup = world.lookup();
    world
        .resolver
        .set_cluster(&hawser_dns::ClusterNames {
            domains: vec!["example.org".to_owned()],
            search_domain: "".to_owned(),
            ..Default::default()
        })
        .unwrap();
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.add_answer(address(OUTSIDE, 30, 1));
    world.reply(&lookup, &reply);
    assert_eq!(world.answer().answers.len(), 1);
    world.ask(OUTSIDE, RecordType::A);
    assert_eq!(world.lookup().route, Route::Cluster);
}

/// The cluster's own aliases lead to names that another cluster may have too.
#[test]
fn names_under_the_connections_suffix_are_answered_without_aliases() {
    let mut world = World::new();
    world
        .resolver
        .set_cluster(&hawser_dns::ClusterNames {
            domains: vec!["demo.local".to_owned()],
            search_domain: DOMAIN.to_owned(),
            suffix: "staging".to_owned(),
            probe: Some(("hawser1.hawser-probe".to_owned(), [198, 18, 1, 53].into())),
            ..Default::default()
        })
        .unwrap();
    world.ask("web.shop.staging.", RecordType::A);
    let lookup = world.lookup();
    assert_eq!((lookup.route, lookup.query.queries[0].name()), (Route::Cluster, &name("web.shop.")));
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.add_answer(alias("web.shop.", 30, "web.shop.svc.demo.local."));
    reply.add_answer(address("web.shop.svc.demo.local.", 30, 7));
    world.reply(&lookup, &reply);
    let answer = world.answer();
    assert_eq!(answer.queries[0].name(), &name("web.shop.staging."));
    assert_eq!(answer.answers, [address("web.shop.staging.", 30, 7)]);

    world.ask("none.shop.staging.", RecordType::A);
    let lookup = world.lookup();
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NXDomain));
    let lookup = world.lookup();
    assert_eq!((lookup.route, lookup.query.queries[0].name()), (Route::Host, &name("none.shop.staging.")));
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NXDomain));
    assert_eq!(code(&world.answer()), ResponseCode::NXDomain);

    world.ask("n1.hawser1.hawser-probe.", RecordType::A);
    let answer = world.answer();
    assert_eq!(answer.answers[0].data, RData::A(A::new(198, 18, 1, 53)));
}

#[test]
fn unknown_lookups_are_over() {
    let mut world = World::new();
    assert!(world.resolver.handle_reply(LookupId(99), Err(()), world.now));
}
