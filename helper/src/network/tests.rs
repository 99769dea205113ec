//! Against a real kernel, in a network namespace of the test's own.

use ipnet::IpNet;

use super::*;
use crate::address;
use crate::namespace::{in_network, ip, make_device};

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

#[test]
fn device_comes_up_with_addresses_and_routes() {
    in_network(module_path!(), "device_comes_up_with_addresses_and_routes", async || {
        let device = make_device("hawser3");
        let addresses = address::plan(3);
        let network = Network::open().unwrap();
        assert_eq!(network.bring_up("hawser3", &addresses).await, Ok(true));
        // A second time is harmless.
        assert_eq!(network.bring_up("hawser3", &addresses).await, Ok(true));

        let link = ip("-o link show hawser3");
        assert!(link.contains("UP") && link.contains("mtu 65520") && link.contains("qlen 1000"), "{link}");
        let found = ip("-o addr show dev hawser3");
        assert!(found.contains("inet 198.18.3.1/32") && found.contains("inet6 fd68:6177:7365:3::1/128"), "{found}");
        assert!(!found.contains("fe80:") && !found.contains("tentative"), "{found}");

        for net in nets(&["10.96.0.0/16", "fd00:96::/64"]) {
            network.add_route("hawser3", net, &addresses).await.unwrap();
            network.add_route("hawser3", net, &addresses).await.unwrap();
        }
        assert!(ip("route get 10.96.1.2").contains("dev hawser3 src 198.18.3.1"));
        assert!(ip("-6 route get fd00:96::9").contains("dev hawser3"));
        let routes = network.routes().await.unwrap();
        let mut ours: Vec<IpNet> =
            routes.into_iter().filter(|route| route.device == "hawser3").map(|route| route.net).collect();
        ours.sort();
        ours.dedup();
        let mut expected = nets(&[
            "198.18.3.53/32",
            "10.96.0.0/16",
            "fd00:96::/64",
            "fd68:6177:7365:3::1/128",
            "fd68:6177:7365:3::53/128",
        ]);
        expected.sort();
        assert_eq!(ours, expected);

        for net in nets(&["10.96.0.0/16", "fd00:96::/64"]) {
            network.remove_route("hawser3", net).await.unwrap();
            network.remove_route("hawser3", net).await.unwrap();
        }
        assert!(!ip("route show").contains("10.96."));

        drop(device);
        assert!(network.routes().await.unwrap().is_empty(), "everything dies with the device");
    });
}

#[test]
fn other_routes_are_seen_with_their_devices() {
    in_network(module_path!(), "other_routes_are_seen_with_their_devices", async || {
        let _device = make_device("other0");
        ip("link set other0 up");
        ip("addr add 192.0.2.2/24 dev other0");
        ip("route add default via 192.0.2.1");
        ip("route add 10.0.0.0/8 via 192.0.2.1");
        ip("route add blackhole 10.9.0.0/16");
        ip("route add 172.20.0.0/16 dev other0 table 77");
        let network = Network::open().unwrap();
        let mut found: Vec<String> = network
            .routes()
            .await
            .unwrap()
            .into_iter()
            .filter(|route| matches!(route.net, IpNet::V4(_)))
            .map(|route| format!("{} {}", route.net, route.device))
            .collect();
        found.sort();
        assert_eq!(found, ["10.0.0.0/8 other0", "192.0.2.0/24 other0"]);
    });
}

#[test]
fn host_without_ipv6_does_with_ipv4() {
    in_network(module_path!(), "host_without_ipv6_does_with_ipv4", async || {
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap();
        let _device = make_device("hawser0");
        let network = Network::open().unwrap();
        assert_eq!(network.bring_up("hawser0", &address::plan(0)).await, Ok(false));
        assert!(ip("-o addr show dev hawser0").contains("198.18.0.1/32"));
    });
}

#[test]
fn missing_device_is_a_fault() {
    in_network(module_path!(), "missing_device_is_a_fault", async || {
        let network = Network::open().unwrap();
        let fault = network.bring_up("hawser0", &address::plan(0)).await.err().unwrap();
        assert_eq!(fault.code, Code::NetworkChange);
        let net = "10.96.0.0/16".parse().unwrap();
        assert_eq!(network.add_route("hawser0", net, &address::plan(0)).await.err().unwrap().code, Code::NetworkChange);
    });
}
