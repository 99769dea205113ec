//! Names of the cluster as dig, getent and curl see them.

use crate::support::{SHOP, addresses, hawser, probe, read, world};
use serde_json::Value;

#[test]
fn dig_gets_the_zone_s_answers_over_udp_and_tcp() {
    let world = world();
    for transport in ["+notcp", "+tcp"] {
        let ask = |name: &str, kind: &str| read(&world, &format!("dig +short {transport} {name}.{SHOP} {kind}"));
        assert_eq!(addresses(&ask("web", "A")), ["10.96.0.11".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(addresses(&ask("web", "AAAA")), ["fd00:96::11".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(addresses(&ask("pair", "A")).len(), 2);
        assert_eq!(addresses(&ask("six", "A")).len(), 0);
    }
}

#[test]
fn no_such_name_and_no_such_record_are_told_apart() {
    let world = world();
    let header = |question: &str| read(&world, &format!("dig +noall +comments {question}"));
    let missing = header(&format!("nobody.{SHOP} A"));
    assert!(missing.contains("status: NXDOMAIN"), "{missing}");
    let empty = header(&format!("six.{SHOP} A"));
    assert!(empty.contains("status: NOERROR") && empty.contains("ANSWER: 0"), "{empty}");
    // Both again, from the cache.
    assert!(header(&format!("nobody.{SHOP} A")).contains("status: NXDOMAIN"));
    assert!(header(&format!("six.{SHOP} A")).contains("status: NOERROR"));
}

#[test]
fn edns_is_answered_and_old_clients_are_too() {
    let world = world();
    let with = read(&world, &format!("dig +edns=0 +bufsize=4096 web.{SHOP}"));
    assert!(with.contains("EDNS: version: 0") && with.contains("status: NOERROR"), "{with}");
    let without = read(&world, &format!("dig +noedns web.{SHOP}"));
    assert!(!without.contains("EDNS:") && without.contains("status: NOERROR"), "{without}");
    let future = read(&world, &format!("dig +edns=7 +noednsneg web.{SHOP}"));
    assert!(future.contains("status: BADVERS"), "{future}");
}

#[test]
fn the_operating_system_resolves_full_and_short_names() {
    let world = world();
    for name in [format!("web.{SHOP}"), "web".to_owned(), "web.shop.svc.demo.local.".to_owned()] {
        let line = read(&world, &format!("getent ahostsv4 {name}"));
        assert!(line.starts_with("10.96.0.11 "), "{name}: {line}");
        let line = read(&world, &format!("getent ahostsv6 {name}"));
        assert!(line.starts_with("fd00:96::11 "), "{name}: {line}");
    }
    assert_eq!(world.run("getent hosts nobody").unwrap().code, 2);
}

#[test]
fn other_names_are_answered_by_the_laptop_s_own_server() {
    let world = world();
    let line = read(&world, "getent ahostsv4 intranet.example.net");
    assert!(line.starts_with("192.0.2.80 "), "{line}");
    let outside = world.run("dig +time=2 +tries=1 +noall +comments www.example.org").unwrap();
    assert!(!outside.stdout.contains("status: NOERROR"), "{}", outside.stdout);
}

#[test]
fn questions_are_told_with_who_asked_and_who_answered() {
    let world = world();
    let queries = || -> Vec<Value> {
        let told: Value = serde_json::from_str(&read(&world, &format!("{} queries --json", hawser()))).unwrap();
        told["queries"].as_array().unwrap().clone()
    };
    let uid: u64 = read(&world, "id -u").trim().parse().unwrap();
    // Who asks is found out for as long as somebody looks.
    queries();
    for (question, name, answered_by, outcome) in [
        (format!("web.{SHOP} A"), format!("web.{SHOP}"), "manager", "answered"),
        (format!("web.{SHOP} A"), format!("web.{SHOP}"), "memory", "answered"),
        (format!("+tcp pair.{SHOP} A"), format!("pair.{SHOP}"), "manager", "answered"),
        (format!("six.{SHOP} A"), format!("six.{SHOP}"), "manager", "no-such-record"),
        (format!("nobody.{SHOP} A"), format!("nobody.{SHOP}"), "manager", "no-such-name"),
        ("wpad A".to_owned(), "wpad".to_owned(), "hawser", "no-such-name"),
        ("intranet.example.net A".to_owned(), "intranet.example.net".to_owned(), "host", "answered"),
    ] {
        read(&world, &format!("dig +short {question}"));
        let told = queries();
        let last =
            told.iter().rfind(|query| query["name"] == name.as_str()).unwrap_or_else(|| panic!("{name}: {told:?}"));
        assert_eq!(
            (last["answered_by"].as_str(), last["outcome"].as_str()),
            (Some(answered_by), Some(outcome)),
            "{last}"
        );
        assert_eq!((last["record"].as_str(), last["uid"].as_u64()), (Some("A"), Some(uid)), "{last}");
        assert_eq!(last["server"].is_string(), answered_by == "host", "{last}");
        let at_once = matches!(answered_by, "memory" | "hawser");
        assert_eq!(last["took_us"] == 0, at_once, "{last}");
    }
}

#[test]
fn a_hundred_askers_at_once_all_get_answers() {
    let world = world();
    let report = probe(&world, &format!("dns web.{SHOP} --askers 100 --seconds 1"));
    assert_eq!(report["lost"], 0, "{report}");
}

#[test]
fn malformed_questions_do_no_harm() {
    let world = world();
    let server = read(&world, "awk '/^nameserver/ { print $2; exit }' /etc/resolv.conf");
    for size in [1, 5, 12, 13, 100, 2000] {
        world.run(&format!("head -c {size} /dev/urandom | timeout 1 socat -t 0 - UDP:{server}:53")).unwrap();
        world.run(&format!("head -c {size} /dev/urandom | timeout 1 socat -t 0 - TCP:{server}:53")).unwrap();
    }
    assert!(read(&world, &format!("dig +short web.{SHOP}")).contains("10.96.0.11"));
}
