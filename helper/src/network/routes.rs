//! Reading the host's routes, and setting our own.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use hawser_fault::{Code, Fault};
use ipnet::IpNet;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteScope, RouteType};

use super::device::index_of;
use super::{Network, change, is_errno, reason};
use crate::address;
use crate::plane::Addresses;

/// A unicast route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its destination.
    pub net: IpNet,
    /// The device that it leads to.
    pub device: String,
    /// Of several to the same destination the kernel takes the one with the lowest.
    pub metric: u32,
}

impl Network {
    /// Every unicast route of the main table but the default routes, which conflict with nothing; IPv4 and IPv6.
    ///
    /// # Errors
    /// `network-change`.
    pub async fn routes(&self) -> Result<Vec<Route>, Fault> {
        let mut routes = self.all_routes().await?;
        routes.retain(|route| route.net.prefix_len() > 0);
        Ok(routes)
    }

    /// The device by which an address is reached without our own ones; `None` if there is no such way.
    ///
    /// # Errors
    /// `network-change`.
    pub async fn device_towards(&self, address: IpAddr) -> Result<Option<String>, Fault> {
        Ok(towards(address, self.all_routes().await?))
    }

    /// Every unicast route of the main table; IPv4 and IPv6.
    ///
    /// # Errors
    /// `network-change`.
    pub async fn all_routes(&self) -> Result<Vec<Route>, Fault> {
        let v4 = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let v6 = RouteMessageBuilder::<Ipv6Addr>::new().build();
        let mut routes = Vec::new();
        for filter in [v4, v6] {
            let mut dump = self.handle.route().get(filter).execute();
            let unreadable = |error| {
                Fault::new(Code::NetworkChange, format!("the host's routes cannot be read: {}", reason(&error)))
            };
            while let Some(message) = dump.try_next().await.map_err(unreadable)? {
                routes.extend(parse(&message));
            }
        }
        Ok(routes)
    }

    /// Routes `net` to our device; one that is there already is fine.
    ///
    /// # Errors
    /// `network-change`.
    pub async fn add_route(&self, device: &str, net: IpNet, source: &Addresses) -> Result<(), Fault> {
        let route = message(index_of(device)?, net, Some(source));
        change(format!("route {net} to {device}"), self.handle.route().add(route).replace().execute()).await
    }

    /// Takes a route of ours away; one that is gone already is fine.
    ///
    /// # Errors
    /// `network-change`.
    pub async fn remove_route(&self, device: &str, net: IpNet) -> Result<(), Fault> {
        let route = message(index_of(device)?, net, None);
        let work = async {
            match self.handle.route().del(route).execute().await {
                Err(error) if is_errno(&error, libc::ESRCH) => Ok(()),
                other => other,
            }
        };
        change(format!("take the route to {net} from {device}"), work).await
    }
}

fn message(index: u32, net: IpNet, source: Option<&Addresses>) -> RouteMessage {
    match net {
        IpNet::V4(net) => {
            let route = RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(net.network(), net.prefix_len())
                .output_interface(index)
                .scope(RouteScope::Link);
            source.map_or(route.clone(), |source| route.pref_source(source.v4)).build()
        }
        IpNet::V6(net) => {
            let route = RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(net.network(), net.prefix_len())
                .output_interface(index);
            source.map_or(route.clone(), |source| route.pref_source(source.v6)).build()
        }
    }
}

fn parse(message: &RouteMessage) -> Option<Route> {
    if message.header.kind != RouteType::Unicast || table(message) != u32::from(RouteHeader::RT_TABLE_MAIN) {
        return None;
    }
    let mut destination = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    let mut device = None;
    let mut metric = 0;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = IpAddr::V4(*address),
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => destination = IpAddr::V6(*address),
            RouteAttribute::Priority(priority) => metric = *priority,
            RouteAttribute::Oif(index) => device = Some(*index),
            RouteAttribute::MultiPath(hops) => device = hops.first().map(|hop| hop.interface_index),
            _ => {}
        }
    }
    let length = message.header.destination_prefix_length;
    let net = IpNet::new(destination, length).ok()?;
    // Each link has its own; they lead to no cluster.
    if matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local() || net.addr().is_multicast()) {
        return None;
    }
    Some(Route { net, device: name_of(device?), metric })
}

fn towards(address: IpAddr, routes: Vec<Route>) -> Option<String> {
    let others = routes.into_iter().filter(|route| route.net.contains(&address) && !address::is_own(&route.device));
    others.max_by_key(|route| (route.net.prefix_len(), Reverse(route.metric))).map(|route| route.device)
}

fn table(message: &RouteMessage) -> u32 {
    let long = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    long.unwrap_or(message.header.table.into())
}

/// A device that went away meanwhile is named by its number.
fn name_of(index: u32) -> String {
    let name = nix::net::if_::if_indextoname(index).ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| format!("device {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_past_our_own_devices() {
        let route =
            |net: &str, device: &str, metric| Route { net: net.parse().unwrap(), device: device.to_owned(), metric };
        let routes = [
            route("0.0.0.0/0", "wlan0", 600),
            route("0.0.0.0/0", "eth0", 100),
            route("::/0", "wlan0", 600),
            route("10.244.0.0/16", "hawser0", 0),
            route("192.168.0.0/16", "vpn0", 50),
        ];
        let device = |address: &str| towards(address.parse().unwrap(), routes.to_vec());
        assert_eq!(device("10.244.0.5").as_deref(), Some("eth0"));
        assert_eq!(device("192.168.1.1").as_deref(), Some("vpn0"));
        assert_eq!(device("fd00::1").as_deref(), Some("wlan0"));
        assert_eq!(towards("10.244.0.5".parse().unwrap(), routes[3..].to_vec()), None);
    }
}
