//! What is told of answered questions.

use std::time::Duration;

use hawser_dns::{Answered, By, Limits, Outcome, Transport, Why};
use hickory_proto::op::{Edns, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, RecordType};

use crate::world::{World, address, host_server, query, reply_to, soa, with_edns};

const WEB: &str = "web.shop.svc.demo.local.";

fn last(world: &World) -> Answered<u32> {
    world.resolver.answered_since(0).last().unwrap().clone()
}

fn told(world: &World) -> (By, Outcome) {
    let last = last(world);
    (last.by, last.outcome)
}

#[test]
fn a_question_tells_who_asked_who_knew_and_how_fast() {
    let mut world = World::new();
    let asker = world.ask("WEB.shop.svc.demo.local.", RecordType::A);
    let lookup = world.lookup();
    world.advance(1);
    let second = world.ask(WEB, RecordType::A);
    world.advance(1);
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.add_answer(address(WEB, 30, 1));
    world.reply(&lookup, &reply);
    world.events();
    let answered: Vec<_> = world.resolver.answered_since(0).cloned().collect();
    let of = |index: usize| (answered[index].asker, answered[index].took, answered[index].by.clone());
    assert_eq!(of(0), (asker, Duration::from_secs(2), By::Cluster(None)));
    assert_eq!(of(1), (second, Duration::from_secs(1), By::Cluster(None)));
    assert_eq!((&*answered[0].name, answered[0].record, answered[0].at), ("web.shop.svc.demo.local", 1, world.now));

    world.ask(WEB, RecordType::A);
    let again = last(&world);
    assert_eq!((again.by, again.outcome, again.took), (By::Memory, Outcome::Found, Duration::ZERO));
    assert_eq!(again.number, 3);
    assert_eq!(world.resolver.answered_since(2).count(), 1);
}

#[test]
fn what_is_not_there_is_told_apart_at_first_and_from_memory() {
    for (code, outcome) in
        [(ResponseCode::NXDomain, Outcome::NoSuchName), (ResponseCode::NoError, Outcome::NoSuchRecord)]
    {
        let mut world = World::new();
        world.ask(WEB, RecordType::AAAA);
        let lookup = world.lookup();
        let mut reply = reply_to(&lookup, code);
        reply.add_authority(soa(30, 30));
        world.reply(&lookup, &reply);
        assert_eq!(told(&world), (By::Cluster(None), outcome));
        world.ask(WEB, RecordType::AAAA);
        assert_eq!(told(&world), (By::Memory, outcome));
    }
}

#[test]
fn what_hawser_decides_by_itself_is_nobody_s_answer() {
    let mut world = World::with_limits(Limits { waiters: 1, ..Limits::default() });
    world.ask("wpad.", RecordType::A);
    assert_eq!(told(&world), (By::Nobody, Outcome::NoSuchName));
    world.ask("example.org.", RecordType::AXFR);
    assert_eq!(told(&world), (By::Nobody, Outcome::Failed(Why::NotAsked)));
    let mut chaos = query("version.bind.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    world.ask_message(Transport::Udp, &chaos);
    assert_eq!(told(&world), (By::Nobody, Outcome::Failed(Why::NotAsked)));
    world.ask("example.org.", RecordType::A);
    world.ask("example.net.", RecordType::A);
    assert_eq!(told(&world), (By::Nobody, Outcome::Failed(Why::TooMany)));
}

#[test]
fn what_hawser_asks_itself_is_not_told() {
    let mut world = World::new();
    let names = hawser_dns::ClusterNames {
        probe: Some(("hawser0.hawser-probe".to_owned(), [198, 18, 0, 53].into())),
        ..Default::default()
    };
    world.resolver.set_cluster(&names).unwrap();
    world.ask("n1.hawser0.hawser-probe.", RecordType::A);
    assert_eq!(world.answer().answers.len(), 1);
    // Another connection's, which is asked.
    world.ask("n1.hawser1.hawser-probe.", RecordType::A);
    let lookup = world.lookup();
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NXDomain));
    assert_eq!(world.resolver.answered_since(0).count(), 0);
}

#[test]
fn a_failure_tells_why() {
    let mut world = World::new();
    world.ask(WEB, RecordType::A);
    world.resolver.set_connected(false, world.now);
    assert_eq!(told(&world), (By::Nobody, Outcome::Failed(Why::NotConnected)));
    world.ask(WEB, RecordType::A);
    assert_eq!(last(&world).number, 2);
    assert_eq!(told(&world), (By::Nobody, Outcome::Failed(Why::NotConnected)));

    let mut world = World::new();
    world.ask(WEB, RecordType::A);
    (0..5).for_each(|_| world.advance(1));
    assert_eq!(told(&world), (By::Nobody, Outcome::Failed(Why::Silence)));

    let mut world = World::new();
    world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::Refused));
    assert_eq!(told(&world), (By::Cluster(None), Outcome::Failed(Why::Code(5))));
}

#[test]
fn the_host_s_server_that_answered_is_named() {
    let mut world = World::new();
    world.ask("example.org.", RecordType::A);
    let first = world.lookup();
    world.reply(&first, &reply_to(&first, ResponseCode::ServFail));
    let second = world.lookup();
    assert_eq!(second.attempt, 1);
    let mut reply = reply_to(&second, ResponseCode::NoError);
    reply.add_answer(address("example.org.", 30, 1));
    world.reply(&second, &reply);
    assert_eq!(told(&world), (By::Host(host_server(1)), Outcome::Found));
}

#[test]
fn an_agent_s_answer_is_told_from_its_manager_s_and_its_name_reaches_nobody_else() {
    for (option, agent) in
        [((65_001, "web-0"), Some("web-0")), ((65_001, ""), None), ((65_001, "a b"), None), ((65_002, "web-0"), None)]
    {
        let mut world = World::new();
        world.ask_message(Transport::Udp, &with_edns(query(WEB, RecordType::A), 1232, false));
        let lookup = world.lookup();
        let mut reply = reply_to(&lookup, ResponseCode::NoError);
        reply.add_answer(address(WEB, 30, 1));
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(10, b"cookie".to_vec()));
        edns.options_mut().insert(EdnsOption::Unknown(option.0, option.1.as_bytes().to_vec()));
        reply.set_edns(edns);
        world.reply(&lookup, &reply);
        assert_eq!(told(&world), (By::Cluster(agent.map(Into::into)), Outcome::Found), "{option:?}");
        assert!(world.answer().edns.unwrap().options().as_ref().is_empty());
    }
}

#[test]
fn only_the_last_ones_are_remembered() {
    let mut world = World::with_limits(Limits { answered: 3, ..Limits::default() });
    for _ in 0..10 {
        world.ask("wpad.", RecordType::A);
    }
    let numbers = |after| world.resolver.answered_since(after).map(|answered| answered.number).collect::<Vec<_>>();
    assert_eq!(numbers(0), [8, 9, 10]);
    assert_eq!(numbers(9), [10]);
    assert!(numbers(10).is_empty());
}
