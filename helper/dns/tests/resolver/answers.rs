//! What answers look like: header, EDNS, truncation, refusals.

use hawser_dns::{Route, Transport};
use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use crate::world::{World, address, query, reply_to, with_edns};

const WEB: &str = "web.shop.svc.demo.local.";

/// A world that remembers a TXT answer of about 3,000 bytes.
fn world_with_a_large_answer() -> World {
    let mut world = World::new();
    world.ask(WEB, RecordType::TXT);
    let lookup = world.lookup();
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    for part in 0..15_u8 {
        let text = TXT::new(vec![char::from(b'a' + part).to_string().repeat(190)]);
        reply.add_answer(Record::from_rdata(lookup.query.queries[0].name().clone(), 30, RData::TXT(text)));
    }
    world.reply(&lookup, &reply);
    world.events();
    world
}

#[test]
fn the_header_is_the_clients() {
    let mut world = World::new();
    let mut asked = query("WeB.shop.svc.demo.LOCAL.", RecordType::A);
    asked.metadata.id = 77;
    asked.metadata.checking_disabled = true;
    for from_memory in [false, true] {
        world.ask_message(Transport::Udp, &asked);
        if !from_memory {
            let lookup = world.lookup();
            assert!(lookup.query.metadata.checking_disabled && lookup.query.metadata.recursion_desired);
            assert_ne!(lookup.query.metadata.id, 77, "the lookup has an id of its own");
            let mut reply = reply_to(&lookup, ResponseCode::NoError);
            reply.metadata.authoritative = true;
            reply.add_answer(address(WEB, 30, 1));
            world.reply(&lookup, &reply);
        }
        let answer = world.answer();
        let header = answer.metadata;
        assert_eq!((header.id, header.response_code), (77, ResponseCode::NoError));
        assert!(header.checking_disabled && header.recursion_desired && header.recursion_available);
        assert!(!header.authoritative && !header.truncation && !header.authentic_data);
        assert_eq!(answer.queries[0].name().to_string(), "WeB.shop.svc.demo.LOCAL.", "in the client's spelling");
        assert_eq!(answer.answers, [address(WEB, 30, 1)]);
        assert!(answer.edns.is_none());
    }
}

#[test]
fn authentic_data_is_for_those_who_ask() {
    let mut world = World::new();
    world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.metadata.authentic_data = true;
    reply.add_answer(address(WEB, 30, 1));
    world.reply(&lookup, &reply);
    assert!(!world.answer().metadata.authentic_data);
    let mut asked = query(WEB, RecordType::A);
    asked.metadata.authentic_data = true;
    world.ask_message(Transport::Udp, &asked);
    assert!(world.answer().metadata.authentic_data);
}

#[test]
fn opt_is_answered_with_opt() {
    let mut world = World::new();
    world.ask_message(Transport::Udp, &with_edns(query(WEB, RecordType::A), 1232, true));
    let lookup = world.lookup();
    assert!(lookup.query.edns.as_ref().unwrap().flags().dnssec_ok);
    let mut reply = with_edns(reply_to(&lookup, ResponseCode::NoError), 512, false);
    reply.add_answer(address(WEB, 30, 1));
    world.reply(&lookup, &reply);
    let edns = world.answer().edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version(), edns.flags().dnssec_ok), (4096, 0, true));

    world.ask(WEB, RecordType::A);
    let lookup = world.lookup();
    assert!(lookup.query.edns.is_none(), "DO makes another question, and a plain one is passed on as such");
    world.reply(&lookup, &reply_to(&lookup, ResponseCode::NoError));
    assert!(world.answer().edns.is_none());
}

#[test]
fn an_unknown_edns_version_is_told_so() {
    let mut world = World::new();
    let mut asked = with_edns(query(WEB, RecordType::A), 1232, false);
    asked.edns.as_mut().unwrap().set_version(1);
    world.ask_message(Transport::Udp, &asked);
    let answer = world.answer();
    assert_eq!(u16::from(answer.metadata.response_code), 16, "BADVERS, which shares its number with BADSIG");
    assert_eq!(answer.edns.unwrap().version(), 0);
}

#[test]
fn udp_answers_fit_the_client() {
    for (payload, fits) in
        [(None, false), (Some(100), false), (Some(1232), false), (Some(4096), true), (Some(65_535), true)]
    {
        let mut world = world_with_a_large_answer();
        let plain = query(WEB, RecordType::TXT);
        let asked = payload.map_or(plain.clone(), |payload| with_edns(plain, payload, false));
        world.ask_message(Transport::Udp, &asked);
        let answer = world.answer();
        assert_eq!(answer.metadata.truncation, !fits, "{payload:?}");
        assert_eq!(answer.answers.len(), if fits { 15 } else { 0 }, "{payload:?}");
        assert_eq!(answer.edns.is_some(), payload.is_some());
        world.ask_message(Transport::Tcp, &asked);
        let whole = world.answer();
        assert_eq!((whole.metadata.truncation, whole.answers.len()), (false, 15), "over TCP");
    }
}

#[test]
fn what_is_no_question_gets_no_lookup() {
    let mut update = query(WEB, RecordType::A);
    update.metadata.op_code = OpCode::Update;
    let mut two = query(WEB, RecordType::A);
    two.add_query(two.queries[0].clone());
    let mut none = query(WEB, RecordType::A);
    none.queries.clear();
    let mut chaos = query("version.bind.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    for (asked, code) in [
        (update, ResponseCode::NotImp),
        (two, ResponseCode::FormErr),
        (none, ResponseCode::FormErr),
        (chaos, ResponseCode::Refused),
        (query(WEB, RecordType::AXFR), ResponseCode::NotImp),
        (query("wpad.", RecordType::A), ResponseCode::NXDomain),
        (query("WPAD.shop.svc.demo.local.", RecordType::A), ResponseCode::NXDomain),
        (query("isatap.", RecordType::AAAA), ResponseCode::NXDomain),
    ] {
        let mut world = World::new();
        world.ask_message(Transport::Udp, &asked);
        let answer = world.answer();
        assert_eq!(answer.metadata.response_code, code, "{asked:?}");
        assert_eq!((answer.metadata.id, answer.metadata.op_code), (asked.metadata.id, asked.metadata.op_code));
    }
}

#[test]
fn what_is_no_query_gets_no_answer() {
    let mut world = World::new();
    for bytes in [&b""[..], b"\x12", &[0; 11], &Message::response(1, OpCode::Query).to_vec().unwrap()] {
        world.ask_bytes(Transport::Udp, bytes);
        let (answers, lookups) = world.events();
        assert_eq!((answers.len(), lookups.len()), (0, 0), "{bytes:?}");
    }
}

#[test]
fn a_short_name_is_answered_as_an_alias() {
    let mut world = World::new();
    world.ask("web.", RecordType::A);
    let lookup = world.lookup();
    assert_eq!((lookup.route, lookup.query.queries[0].name().to_string()), (Route::Cluster, WEB.to_owned()));
    let mut reply = reply_to(&lookup, ResponseCode::NoError);
    reply.add_answer(address(WEB, 20, 1)).add_answer(address(WEB, 10, 2));
    world.reply(&lookup, &reply);
    for age in [0, 3] {
        world.advance(age);
        if age > 0 {
            world.ask("web.", RecordType::A);
        }
        let age = age as u32;
        let answer = world.answer();
        assert_eq!(answer.queries[0].name().to_string(), "web.");
        let texts: Vec<String> = answer.answers.iter().map(ToString::to_string).collect();
        let expected = [
            format!("web. {} IN CNAME {WEB}", 10 - age),
            format!("{WEB} {} IN A 10.96.0.1", 20 - age),
            format!("{WEB} {} IN A 10.96.0.2", 10 - age),
        ];
        assert_eq!(texts, expected);
    }
    assert_eq!(world.resolver.name_of("10.96.0.2".parse().unwrap()), Some("web"));
}
