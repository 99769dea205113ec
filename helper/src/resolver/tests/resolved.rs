//! systemd-resolved over a message bus of the test's own.

use super::fake::{FakeResolved, Link};
use super::*;

const STUB: &str = "nameserver 127.0.0.53\n";

/// A host whose programs ask systemd-resolved, and its bus, on which that is not yet.
fn host() -> (Host, PrivateBus) {
    let mut host = Host::new();
    let bus = PrivateBus::start(host.dir.path());
    host.bus = Bus::at(&bus.address);
    std::fs::write(host.file(), STUB).unwrap();
    (host, bus)
}

#[tokio::test]
async fn links_of_systemd_resolved() {
    let (host, bus) = host();
    let fake = FakeResolved::start(&bus.address, 256).await;

    let resolver = host.resolver();
    let mut wanted = names("198.18.0.53");
    wanted.domains.extend((0..2_000).map(|number| format!("team-{number}")));
    resolver.point(&id("a"), wanted, &[]).await.unwrap();
    assert_eq!(host.text(), STUB, "the file is not touched");
    let link = fake.link(1);
    assert_eq!(link.servers, [vec![198, 18, 0, 53]]);
    assert_eq!(link.domains[0], ("shop.demo.local".to_owned(), false));
    assert_eq!(link.domains[1], ("lo.hawser-probe".to_owned(), true), "there is always room to ask");
    assert_eq!(link.domains[2], ("demo.local".to_owned(), true));
    assert_eq!(link.domains.len(), 256, "an old one refuses more");
    assert!(link.domains.iter().all(|(name, _)| !name.is_empty() && name != "."));
    assert_eq!(link.default_route, Some(false));
    assert_eq!(plain(&resolver), ["192.0.2.1:53"], "the other links' servers, and neither ours nor the stub");
    assert!(host.journal().pending::<Change>().unwrap().is_empty(), "it dies with the device");

    // It starts anew and has forgotten everything.
    fake.stop().await;
    let fake = FakeResolved::start(&bus.address, 1_024).await;
    assert_eq!(resolver.check(&id("a")).await.err().unwrap().code, Code::DnsBypassed);
    let mut looks = resolver.looks();
    resolver.refresh().await;
    assert!(looks.has_changed().unwrap(), "who waits for names hears of it");
    assert_eq!(fake.link(1).domains.len(), 1_024);
    resolver.check(&id("a")).await.unwrap();
    looks.mark_unchanged();

    // Somebody takes it away while systemd-resolved runs.
    fake.revert(1);
    resolver.refresh().await;
    assert_eq!(fake.link(1).domains.len(), 1_024);

    resolver.withdraw(&id("a")).await.unwrap();
    assert_eq!(fake.link(1), Link::default());
}

#[tokio::test]
async fn names_go_another_way_while_systemd_resolved_is_gone() {
    let (host, bus) = host();
    let fake = FakeResolved::start(&bus.address, 1_024).await;
    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    assert_eq!(host.text(), STUB);

    fake.stop().await;
    resolver.refresh().await;
    assert_eq!(first_server(&host.text()), "198.18.0.53");
    resolver.check(&id("a")).await.unwrap();

    let fake = FakeResolved::start(&bus.address, 1_024).await;
    resolver.refresh().await;
    assert_eq!(host.text(), STUB, "our file is gone as soon as it can be");
    assert_eq!(fake.link(1).servers.len(), 1);
    resolver.check(&id("a")).await.unwrap();
    assert!(host.journal().pending::<Change>().unwrap().is_empty());
    resolver.withdraw(&id("a")).await.unwrap();
    assert_eq!((host.text().as_str(), fake.link(1)), (STUB, Link::default()));
}

/// What could not be told is the trouble that is shown, until it can.
#[tokio::test]
async fn what_fails_later_is_told_and_mends_by_itself() {
    let (host, bus) = host();
    let fake = FakeResolved::start(&bus.address, 1_024).await;
    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();

    fake.stop().await;
    let refusing = FakeResolved::start(&bus.address, 0).await;
    resolver.refresh().await;
    let fault = resolver.check(&id("a")).await.err().unwrap();
    assert!(fault.code == Code::DnsUnavailable && fault.detail.contains("too many"), "{fault}");

    refusing.stop().await;
    let _fake = FakeResolved::start(&bus.address, 1_024).await;
    resolver.refresh().await;
    resolver.check(&id("a")).await.unwrap();
}

#[tokio::test]
async fn a_bus_that_falls_silent_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = PrivateBus::start(dir.path());
    let bus = Bus::at(&daemon.address);
    let connection = bus.connect().await.unwrap();
    daemon.fall_silent();
    let asked = async {
        let rule = zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal).build();
        let streams = zbus::MessageStream::for_match_rule(rule, &connection, None).await;
        (streams.is_err(), bus.has_resolved().await)
    };
    let silence = tokio::time::timeout(4 * limits::BUS, asked).await;
    assert_eq!(silence.expect("no call waits for ever"), (true, false));
}

#[tokio::test]
async fn systemd_resolved_that_refuses_is_a_fault() {
    let (host, bus) = host();
    let _fake = FakeResolved::start(&bus.address, 0).await;
    let fault = host.resolver().point(&id("a"), names("198.18.0.53"), &[]).await.err().unwrap();
    assert_eq!(fault.code, Code::DnsUnavailable);
    assert!(fault.detail.contains("systemd-resolved") && fault.detail.contains("too many"), "{fault}");
}
