//! DNS queries with their replies: switches, the query's length in two bytes, query, reply.

use crate::Seed;

const CLUSTER: u8 = 2;
const TCP: u8 = 1;
const RAW: u8 = 4;

const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const ANY: u16 = 255;

const WEB: &str = "web.shop.svc.demo.local";

pub fn all() -> Vec<Seed> {
    let question = |name: &str, kind| query(name, kind, &[]);
    let edns = query(WEB, A, &option(1232, 0));
    let one = |name: &str, kind, data: &[u8]| reply(name, kind, 0, &[record(kind, 30, data)], &[]);
    let web = one(WEB, A, &[10, 96, 0, 11]);
    let many: Vec<Vec<u8>> = (0..100).map(|host| record(A, 30, &[10, 96, 1, host])).collect();
    let authority = [record(SOA, 60, &authority())];
    vec![
        ("address-v4", seed(CLUSTER, &question(WEB, A), &web)),
        ("address-v6", seed(CLUSTER, &question(WEB, AAAA), &one(WEB, AAAA, &[0xfd; 16]))),
        ("short-name", seed(CLUSTER, &question("web", A), &web)),
        ("mixed-case", seed(CLUSTER, &question("wEb.ShOp.SvC.demo.LOCAL", A), &web)),
        ("over-tcp", seed(CLUSTER | TCP, &question(WEB, A), &web)),
        ("edns", seed(CLUSTER, &edns, &web)),
        ("edns-version", seed(CLUSTER, &query(WEB, A, &option(4096, 7)), &web)),
        ("truncated", seed(CLUSTER, &question(WEB, A), &reply(WEB, A, 0, &many, &[]))),
        ("no-such-name", seed(CLUSTER, &question("nobody.shop.svc.demo.local", A), &reply(WEB, A, 3, &[], &authority))),
        ("no-such-record", seed(CLUSTER, &question(WEB, AAAA), &reply(WEB, AAAA, 0, &[], &authority))),
        ("server-failed", seed(CLUSTER, &question(WEB, A), &reply(WEB, A, 2, &[], &[]))),
        ("not-connected", seed(0, &question(WEB, A), &web)),
        ("other-domain", seed(CLUSTER, &question("www.example.org", A), &reply("www.example.org", A, 0, &[], &[]))),
        ("passed-on", seed(CLUSTER, &question("printer.dev", ANY), &reply("printer.dev", ANY, 3, &[], &authority))),
        ("wpad", seed(CLUSTER, &question("wpad", A), &web)),
        ("raw-reply", seed(CLUSTER | RAW, &question(WEB, A), &web)),
        ("loop", seed(CLUSTER | RAW, &[&header(0x0100, [1, 0, 0, 0])[..], &[0xc0, 0x0c, 0, 1, 0, 1]].concat(), &web)),
    ]
}

fn seed(switches: u8, query: &[u8], reply: &[u8]) -> Vec<u8> {
    let length = (query.len() as u16).to_be_bytes();
    [&[switches][..], &length, query, reply].concat()
}

fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut header = vec![0x12, 0x34];
    header.extend(flags.to_be_bytes());
    counts.into_iter().for_each(|count| header.extend(count.to_be_bytes()));
    header
}

fn query(name: &str, kind: u16, additional: &[u8]) -> Vec<u8> {
    let counts = [1, 0, 0, u16::from(!additional.is_empty())];
    [&header(0x0100, counts)[..], &question(name, kind), additional].concat()
}

fn reply(name: &str, kind: u16, code: u16, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
    let counts = [1, answers.len() as u16, authority.len() as u16, 0];
    [&header(0x8580 | code, counts)[..], &question(name, kind), &answers.concat(), &authority.concat()].concat()
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut question = encoded(name);
    question.extend(kind.to_be_bytes());
    question.extend([0, 1]);
    question
}

/// A record whose name points at the question's.
fn record(kind: u16, seconds: u32, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, 0x0c];
    record.extend(kind.to_be_bytes());
    record.extend([0, 1]);
    record.extend(seconds.to_be_bytes());
    record.extend((data.len() as u16).to_be_bytes());
    record.extend(data);
    record
}

fn authority() -> Vec<u8> {
    let mut data = [encoded("ns.demo.local"), encoded("root.demo.local")].concat();
    [1u32, 3600, 600, 86_400, 30].into_iter().for_each(|number| data.extend(number.to_be_bytes()));
    data
}

/// The option record of EDNS (RFC 6891).
fn option(size: u16, version: u8) -> Vec<u8> {
    let mut option = vec![0, 0, 41];
    option.extend(size.to_be_bytes());
    option.extend([0, version, 0, 0, 0, 0]);
    option
}

fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
    labels.chain([0]).collect()
}
