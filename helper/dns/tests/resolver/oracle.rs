//! Whatever another library can write is passed on so that it reads the same there.

use std::net::{Ipv4Addr, Ipv6Addr};

use hawser_dns::Transport;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use proptest::prelude::*;

use crate::world::{World, name, query, reply_to, with_edns};

fn any_name() -> impl Strategy<Value = Name> {
    let label = "[a-zA-Z0-9_-]{1,20}";
    (prop::collection::vec(label, 0..4), prop::sample::select(vec!["demo.local.", "example.org.", "."])).prop_map(
        |(labels, suffix)| {
            labels.iter().fold(name(suffix), |name, label| name.prepend_label(label.as_bytes()).unwrap())
        },
    )
}

fn any_record() -> impl Strategy<Value = Record> {
    let data = prop_oneof![
        any::<u32>().prop_map(|bits| RData::A(A(Ipv4Addr::from(bits)))),
        any::<u128>().prop_map(|bits| RData::AAAA(AAAA(Ipv6Addr::from(bits)))),
        any_name().prop_map(|target| RData::CNAME(CNAME(target))),
        any_name().prop_map(|target| RData::NS(NS(target))),
        any_name().prop_map(|target| RData::PTR(PTR(target))),
        (any::<u16>(), any_name()).prop_map(|(preference, target)| RData::MX(MX::new(preference, target))),
        (any::<u16>(), any_name()).prop_map(|(port, target)| RData::SRV(SRV::new(1, 2, port, target))),
        prop::collection::vec("[ -~]{0,200}", 1..5).prop_map(|texts| RData::TXT(TXT::new(texts))),
    ];
    (any_name(), 0_u32..30, data).prop_map(|(owner, ttl, data)| Record::from_rdata(owner, ttl, data))
}

fn any_records(most: usize) -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(any_record(), 0..most)
}

proptest! {
    #[test]
    fn replies_pass_unchanged(
        asked in prop::sample::select(vec!["web.demo.local.", "Example.org.", "short."]),
        answers in any_records(12), authorities in any_records(4), additionals in any_records(4),
        code in prop::sample::select(vec![ResponseCode::NoError, ResponseCode::NXDomain]),
        payload in prop::option::of(prop::sample::select(vec![512_u16, 1232, 4096])),
        tcp in any::<bool>(),
    ) {
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let mut world = World::new();
        let plain = query(asked, RecordType::A);
        let asked_message = payload.map_or(plain.clone(), |payload| with_edns(plain, payload, false));
        world.ask_message(transport, &asked_message);
        let lookup = world.lookup();
        // What the cluster doesn't know by its short name would be asked again elsewhere.
        let code = if asked == "short." { ResponseCode::NoError } else { code };
        let mut reply = reply_to(&lookup, code);
        reply.add_answers(answers.clone()).add_authorities(authorities.clone()).add_additionals(additionals.clone());
        if payload.is_some() {
            reply = with_edns(reply, 4096, false);
        }
        world.reply(&lookup, &reply);
        let answer = world.answer();
        let size = answer.to_vec().unwrap().len();
        prop_assert_eq!(answer.queries[0].name().to_string(), asked);
        prop_assert_eq!(answer.edns.is_some(), payload.is_some());
        prop_assert_eq!(answer.metadata.response_code, code);
        if answer.metadata.truncation {
            prop_assert!(!tcp);
            prop_assert!(answer.answers.is_empty() && answer.authorities.is_empty() && answer.additionals.is_empty());
        } else {
            let alias = usize::from(asked == "short.");
            prop_assert_eq!(&answer.answers[alias..], &answers[..]);
            prop_assert_eq!(answer.authorities, authorities);
            prop_assert_eq!(answer.additionals, additionals);
            prop_assert!(tcp || size <= usize::from(payload.unwrap_or(512)));
        }
        for record in answers.iter().filter(|_| !answer.metadata.truncation) {
            let address = match &record.data {
                RData::A(A(address)) => (*address).into(),
                RData::AAAA(AAAA(address)) => (*address).into(),
                _ => continue,
            };
            let known = world.resolver.name_of(address);
            prop_assert!(known.is_some_and(|known| format!("{known}.").eq_ignore_ascii_case(asked)), "{known:?}");
        }
    }
}
