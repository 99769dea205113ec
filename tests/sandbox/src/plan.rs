//! Every address and name of the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The device that joins laptop and cluster, by this name on both sides.
pub const LINK_DEVICE: &str = "link0";
/// The MTU of the link, that of Ethernet.
pub const LINK_MTU: u32 = 1500;

/// The laptop's address on the link (documentation range, RFC 5737).
pub const LAPTOP_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The laptop's IPv6 address on the link (documentation range, RFC 3849).
pub const LAPTOP_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
/// The cluster's address on the link: where the manager is reached.
pub const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The cluster's IPv6 address on the link.
pub const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// Prefix lengths of the link's networks.
pub const LINK_PREFIXES: (u8, u8) = (24, 64);

/// The service subnet.
pub const SERVICES_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);
/// The IPv6 service subnet.
pub const SERVICES_V6: Ipv6Net = Ipv6Net::new_assert(service_v6(0), 64);

/// A part of the service subnet where packets vanish: nothing answers, not even an error.
pub const SILENT_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 255, 0), 24);
/// The same for IPv6.
pub const SILENT_V6: Ipv6Net = Ipv6Net::new_assert(service_v6(0xff00), 120);

/// An address of the cluster for whatever a script starts there.
pub const CLUSTER_V4: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// Its IPv6 counterpart.
pub const CLUSTER_V6: Ipv6Addr = service_v6(1);
/// The cluster's own name server.
pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);

/// The zone that the cluster's names live in.
pub const ZONE: &str = "demo.local";
/// What short names are completed with, below which the services stand.
pub const SEARCH_DOMAIN: &str = "shop.svc.demo.local";

/// A name that the laptop's own name server knows and the cluster's doesn't.
pub const INTRANET_NAME: &str = "intranet.example.net";
/// Its address.
pub const INTRANET_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

/// TCP and UDP echo (RFC 862).
pub const ECHO_PORT: u16 = 7;
/// Counts what it gets until the end and answers with the count (after RFC 863).
pub const DISCARD_PORT: u16 = 9;
/// Sends as many bytes as it is asked for (after RFC 864).
pub const SOURCE_PORT: u16 = 19;
/// Name service.
pub const DNS_PORT: u16 = 53;
/// HTTP.
pub const HTTP_PORT: u16 = 80;
/// Answers the first byte with a reset.
pub const RESET_PORT: u16 = 1007;
/// Nothing listens here.
pub const REFUSED_PORT: u16 = 1;

/// One name of the shop.
pub struct Service {
    /// The name below [`SEARCH_DOMAIN`].
    pub name: &'static str,
    /// Its IPv4 addresses.
    pub v4: &'static [Ipv4Addr],
    /// Its IPv6 addresses.
    pub v6: &'static [Ipv6Addr],
    /// Whether the addresses exist in the cluster.
    pub alive: bool,
}

/// HTTP/1.1 with keep-alive.
pub const WEB: Service = Service::new("web", &[service_v4(11)], &[service_v6(0x11)]);
/// HTTP/1.1 that closes after each response.
pub const PLAIN: Service = Service::new("plain", &[service_v4(12)], &[service_v6(0x12)]);
/// TCP and UDP echo, and resets.
pub const ECHO: Service = Service::new("echo", &[service_v4(13)], &[service_v6(0x13)]);
/// Bytes in bulk, both ways.
pub const BULK: Service = Service::new("bulk", &[service_v4(14)], &[service_v6(0x14)]);
/// HTTP on two addresses a family.
pub const PAIR: Service =
    Service::new("pair", &[service_v4(15), service_v4(16)], &[service_v6(0x15), service_v6(0x16)]);
/// HTTP on IPv6 alone.
pub const SIX: Service = Service::new("six", &[], &[service_v6(0x17)]);
/// A name whose address is used by nobody: unreachable.
pub const GONE: Service =
    Service { alive: false, ..Service::new("gone", &[Ipv4Addr::new(10, 96, 99, 99)], &[service_v6(0x9999)]) };
/// A name whose address never answers.
pub const SILENT: Service =
    Service { alive: false, ..Service::new("silent", &[Ipv4Addr::new(10, 96, 255, 1)], &[service_v6(0xff01)]) };

/// Every name of the shop.
pub const SHOP: &[Service] = &[WEB, PLAIN, ECHO, BULK, PAIR, SIX, GONE, SILENT];

impl Service {
    const fn new(name: &'static str, v4: &'static [Ipv4Addr], v6: &'static [Ipv6Addr]) -> Self {
        Self { name, v4, v6, alive: true }
    }

    /// The full name.
    pub fn full_name(&self) -> String {
        format!("{}.{SEARCH_DOMAIN}", self.name)
    }

    /// All addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.v4.iter().copied().map(IpAddr::V4).chain(self.v6.iter().copied().map(IpAddr::V6))
    }
}

/// The subnets that a manager of this cluster serves.
pub fn subnets() -> [IpNet; 2] {
    [SERVICES_V4.into(), SERVICES_V6.into()]
}

/// Every address that the cluster answers on.
pub fn cluster_addresses() -> impl Iterator<Item = IpAddr> {
    let own = [CLUSTER_V4.into(), NAME_SERVER.into(), CLUSTER_V6.into()];
    own.into_iter().chain(SHOP.iter().filter(|service| service.alive).flat_map(Service::addresses))
}

const fn service_v4(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 96, 0, host)
}

const fn service_v6(host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0x96, 0, 0, 0, 0, 0, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_lies_in_a_served_subnet_and_stands_once() {
        let mut seen = Vec::new();
        for address in cluster_addresses().chain(SHOP.iter().filter(|s| !s.alive).flat_map(Service::addresses)) {
            assert!(subnets().iter().any(|subnet| subnet.contains(&address)), "{address}");
            assert!(!seen.contains(&address), "{address} stands twice");
            seen.push(address);
        }
    }

    #[test]
    fn silence_begins_where_nobody_lives() {
        for address in cluster_addresses().chain(GONE.addresses()) {
            assert!(!IpNet::from(SILENT_V4).contains(&address) && !IpNet::from(SILENT_V6).contains(&address));
        }
        assert!(SILENT.v4.iter().all(|a| SILENT_V4.contains(a)) && SILENT.v6.iter().all(|a| SILENT_V6.contains(a)));
    }
}
