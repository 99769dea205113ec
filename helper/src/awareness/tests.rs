//! Against a real kernel, in a network namespace of the test's own, and on a message bus of its own.

use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::namespace::{in_network, ip, make_device};
use crate::resolver::{Bus, Places, PrivateBus};

const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn networks_that_come_and_go_are_told_and_nothing_else() {
    in_network(module_path!(), "networks_that_come_and_go_are_told_and_nothing_else", async || {
        ip("link add peer0 type veth peer name wlan0");
        ip("link set peer0 up");
        let mut watcher = links::Watcher::open().unwrap();
        let steps = [
            ("link set wlan0 up", "came up"),
            ("addr add 192.0.2.2/24 dev wlan0", "an address of wlan0 came"),
            ("route add 10.0.0.0/8 via 192.0.2.1", "a route by wlan0 came"),
            ("link set peer0 down", "went down"),
            ("link set peer0 up", "came up"),
        ];
        for (change, expected) in steps {
            ip(change);
            let what = timeout(DEADLINE, watcher.next()).await.unwrap().unwrap();
            assert!(what.contains(expected), "{change}: {what}");
        }
        // Our own devices are no news, and neither is what was known.
        let _own = make_device("hawser0");
        ip("link set hawser0 up");
        ip("addr add 198.18.0.1/32 dev hawser0");
        ip("route add 10.96.0.0/16 dev hawser0");
        ip("link set wlan0 mtu 1400");
        let nothing = timeout(4 * SWARM, watcher.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    });
}

#[tokio::test]
async fn logind_and_systemd_resolved_are_heard() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = PrivateBus::start(dir.path());
    let bus = Bus::at(&daemon.address);
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let follower = bus.clone();
    let following = tokio::spawn(async move { bus::follow(&follower, |event| sender.send(event).unwrap()).await });
    let other = bus.connect().await.unwrap();
    let sleep = async |start: bool| {
        let path = "/org/freedesktop/login1";
        other
            .emit_signal(None::<&str>, path, "org.freedesktop.login1.Manager", "PrepareForSleep", &start)
            .await
            .unwrap();
    };
    // Until it listens.
    let first = loop {
        sleep(false).await;
        if let Ok(event) = timeout(Duration::from_millis(50), events.recv()).await {
            break event;
        }
    };
    assert_eq!(first, Some(bus::Event::Woke));
    while let Ok(event) = timeout(Duration::from_millis(200), events.recv()).await {
        assert_eq!(event, Some(bus::Event::Woke));
    }
    sleep(true).await;
    other.request_name("org.freedesktop.resolve1").await.unwrap();
    assert_eq!(
        timeout(DEADLINE, events.recv()).await.unwrap(),
        Some(bus::Event::ResolvedCame),
        "going to sleep is no news"
    );
    // It starts anew.
    other.release_name("org.freedesktop.resolve1").await.unwrap();
    other.request_name("org.freedesktop.resolve1").await.unwrap();
    assert_eq!(timeout(DEADLINE, events.recv()).await.unwrap(), Some(bus::Event::ResolvedCame));
    other.release_name("org.freedesktop.resolve1").await.unwrap();
    assert_eq!(timeout(DEADLINE, events.recv()).await.unwrap(), Some(bus::Event::ResolvedWent), "it stays away");
    sleep(false).await;
    assert_eq!(timeout(DEADLINE, events.recv()).await.unwrap(), Some(bus::Event::Woke));
    drop(daemon);
    timeout(DEADLINE, following).await.unwrap().unwrap().ok();
}

#[tokio::test]
async fn whatever_is_done_to_the_file_is_seen() {
    use std::fs;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("etc")).unwrap();
    fs::write(at("mounted"), "nameserver 192.0.2.1").unwrap();
    let mut watch = files::Watch::new(at("etc/resolv.conf"));
    let steps: [(&str, &dyn Fn() -> std::io::Result<()>); 6] = [
        ("linked", &|| std::os::unix::fs::symlink("../mounted", at("etc/resolv.conf"))),
        ("written where the link leads", &|| fs::write(at("mounted"), "nameserver 192.0.2.2")),
        ("removed", &|| fs::remove_file(at("etc/resolv.conf"))),
        // As a mounted file: another name for the same, elsewhere.
        ("one of two names", &|| fs::hard_link(at("mounted"), at("etc/resolv.conf"))),
        ("written by its other name", &|| fs::write(at("mounted"), "nameserver 192.0.2.3")),
        ("replaced", &|| fs::write(at("new"), "").and_then(|()| fs::rename(at("new"), at("etc/resolv.conf")))),
    ];
    for (what, change) in steps {
        change().unwrap();
        let seen = timeout(DEADLINE, watch.next()).await;
        assert!(seen.is_ok(), "{what}");
    }
    let nothing = timeout(4 * SWARM, watch.next()).await;
    assert!(nothing.is_err());
}

/// inotify instances may have run out, and folders be missing.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_watched_is_watched_later() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("etc/resolv.conf");
    let mut watch = files::Watch::new(file.clone());
    let began = tokio::time::Instant::now();
    watch.next().await;
    assert_eq!(began.elapsed(), limits::RESOLVER_AGAIN, "it is looked at all the same");
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    watch.next().await;
    tokio::time::resume();
    std::fs::write(&file, "nameserver 192.0.2.1").unwrap();
    timeout(DEADLINE, watch.next()).await.expect("seen at once");
}

#[tokio::test(start_paused = true)]
async fn sleep_is_told_of_by_the_clock_alone() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static APART: AtomicU64 = AtomicU64::new(0);
    let awareness = Awareness { news: watch::Sender::default() };
    let mut news = awareness.news();
    let clock = Clock::with(|| Duration::from_secs(APART.load(Ordering::Relaxed)));
    let look = Arc::new(Notify::new());
    let noticed = Arc::clone(&look);
    let following = tokio::spawn(async move { awareness.follow_clock(clock, &noticed).await });
    assert!(timeout(10 * limits::CLOCK_LOOK, news.changed()).await.is_err(), "it is awake");
    APART.store(3_600, Ordering::Relaxed);
    timeout(limits::CLOCK_LOOK, news.changed()).await.unwrap().unwrap();
    assert_eq!(*news.borrow(), "this computer slept for 3600 s");
    look.notified().await;
    following.abort();
}

#[tokio::test]
async fn waking_and_other_name_servers_are_told_to_connections() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = PrivateBus::start(dir.path());
    let file = dir.path().join("resolv.conf");
    std::fs::write(&file, "nameserver 192.0.2.1\n").unwrap();
    let places = Places { bus: Bus::at(&daemon.address), ..Places::with(file.clone()) };
    let store = crate::store::Store::open(&dir.path().join("state")).unwrap();
    let resolver = HostResolver::new(crate::cli::Dns::Off, places, store.journal().unwrap());
    let awareness = Awareness::start(&resolver);
    let mut news = awareness.news();
    std::fs::write(&file, "nameserver 192.0.2.2\n").unwrap();
    let servers = news.wait_for(|news| news == "this computer asks other name servers");
    timeout(DEADLINE, servers).await.unwrap().unwrap();
    let other = Bus::at(&daemon.address).connect().await.unwrap();
    let woken = async {
        let path = "/org/freedesktop/login1";
        // Until it listens.
        loop {
            let signal =
                other.emit_signal(None::<&str>, path, "org.freedesktop.login1.Manager", "PrepareForSleep", &false);
            signal.await.unwrap();
            let woken = news.wait_for(|news| news == "this computer has woken up");
            if timeout(Duration::from_millis(100), woken).await.is_ok() {
                break;
            }
        }
    };
    timeout(DEADLINE, woken).await.unwrap();
}
