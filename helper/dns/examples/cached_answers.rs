//! Prints how fast remembered answers are given, on one core: `cargo run --release -p hawser-dns --example cached_answers`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hawser_dns::{By, Event, Resolver, Transport};

const NAMES: usize = 1_000;
const ROUNDS: usize = 2_000;

fn main() {
    let mut resolver = Resolver::<u32>::new(1);
    resolver
        .set_cluster(&hawser_dns::ClusterNames {
            domains: vec!["demo.local".to_owned()],
            search_domain: "shop.svc.demo.local".to_owned(),
            ..Default::default()
        })
        .expect("these are names");
    let now = Instant::now();
    resolver.set_connected(true, now);
    let queries: Vec<Vec<u8>> = (0..NAMES).map(query).collect();
    for query in &queries {
        resolver.handle_query(0, Transport::Udp, query, now);
        while let Some(event) = resolver.poll_event() {
            if let Event::Lookup { id, query, .. } = event {
                resolver.handle_reply(id, Ok((By::Cluster(None), &reply(query))), now);
            }
        }
    }
    let mut out = Vec::new();
    report("in place", || {
        for query in &queries {
            assert!(resolver.answer_from_cache(Transport::Udp, query, now, &mut out));
            black_box(&out);
        }
    });
    report("by events", || {
        for query in &queries {
            resolver.handle_query(0, Transport::Udp, query, now);
            black_box(resolver.poll_event());
        }
    });
}

fn report(what: &str, mut round: impl FnMut()) {
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| round());
    let each: Duration = start.elapsed() / (NAMES * ROUNDS) as u32;
    println!("{what:10} {:4} ns an answer, {:.1} million a second", each.as_nanos(), 1e3 / each.as_nanos() as f64);
}

fn query(number: usize) -> Vec<u8> {
    let label = format!("service-{number:03}");
    let mut message = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
    message.push(label.len() as u8);
    message.extend(label.bytes());
    message.extend(b"\x04shop\x03svc\x04demo\x05local\0\0\x01\0\x01");
    message
}

fn reply(mut query: Vec<u8>) -> Vec<u8> {
    query[2..4].copy_from_slice(&[0x81, 0x80]);
    query[7] = 2;
    query.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\x60\0\x0b");
    query.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\x60\0\x0c");
    query
}
