//! What happens to a machine while it is connected.

use std::time::Duration;

use hawser_cluster::within;
use hawser_laptop::{Laptop, plug};

/// One machine for all of it: each takes a few seconds, and a boot takes twenty.
#[test]
fn what_happens_to_the_machine_is_noticed() {
    let laptop = Laptop::connected("resolved");
    a_network_that_comes_back(&laptop);
    sleep(&laptop);
    a_vpn_that_comes_later(&laptop);
    a_resolved_that_restarts(&laptop);
}

fn a_network_that_comes_back(laptop: &Laptop) {
    plug(false);
    within(30, "the connection is lost", || laptop.status()["state"] == "reconnecting");
    plug(true);
    laptop.stands(3);
    assert!(laptop.get("http://web.default/").is_some());
}

fn sleep(laptop: &Laptop) {
    laptop.sleep(Duration::from_secs(10));
    let page = "curl --silent --fail --output /dev/null --max-time 1 http://web.default/";
    let took = within(3, "the cluster is reached again", || laptop.as_user(page).code == 0);
    assert!(took < Duration::from_secs(3), "{took:?}");
    laptop.stands(1);
}

/// It takes a part of a subnet that is routed already.
fn a_vpn_that_comes_later(laptop: &Laptop) {
    laptop.root("ip link add wg0 type veth peer name peer0 && ip link set peer0 up && ip link set wg0 up && ip address add 10.96.255.253/30 dev wg0");
    within(3, "the connection has a trouble", || laptop.status()["troubles"][0]["code"] == "subnet-conflict");
    for command in ["hawser status", "hawser doctor"] {
        let said = laptop.as_user(command);
        assert!(said.out.contains("10.96.255.252/30") && said.out.contains("wg0"), "{command}: {said:?}");
    }
    assert_eq!(laptop.status()["state"], "connected");
    assert!(laptop.get("http://web.default/").is_some(), "the rest goes on");
    laptop.root("ip link del wg0");
    within(3, "the trouble is over", || laptop.status()["troubles"].as_array().is_some_and(Vec::is_empty));
    for command in ["hawser status", "hawser doctor"] {
        let said = laptop.as_user(command);
        let fails = said.out.lines().any(|line| line.starts_with("fail"));
        assert!(!fails && !said.out.contains("wg0"), "{command}: {said:?}");
    }
    assert!(laptop.get("http://web.default/").is_some());
}

fn a_resolved_that_restarts(laptop: &Laptop) {
    laptop.root("systemctl restart systemd-resolved");
    within(5, "names are found again", || laptop.get("http://web.default/").is_some());
}
