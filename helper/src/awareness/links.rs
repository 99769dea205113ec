//! Devices, addresses and routes that come and go, as rtnetlink(7) tells.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use rtnetlink::{MulticastGroup, new_multicast_connection};
use tokio::time::timeout;

use super::SWARM;
use crate::address;

/// Hears of changes.
pub struct Watcher {
    messages: BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>,
    known: Known,
}

impl Watcher {
    /// From now on.
    pub fn open() -> std::io::Result<Self> {
        let (connection, _, messages) = new_multicast_connection(&[
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ])?;
        tokio::spawn(connection);
        Ok(Self { messages: messages.map(|(message, _)| message).boxed(), known: Known::default() })
    }

    /// The next change in words, when nothing more has come for a moment: the first one says the most. `None` if there will be none.
    pub async fn next(&mut self) -> Option<String> {
        let what = loop {
            let message = self.messages.next().await?;
            if let Some(what) = self.known.take(&message) {
                break what;
            }
        };
        while let Ok(message) = timeout(SWARM, self.messages.next()).await {
            self.known.take(&message?);
        }
        Some(what)
    }
}

/// What was heard before: much is told again without a change.
#[derive(Default)]
struct Known {
    /// Whether a device can carry anything, by its number.
    carrying: HashMap<u32, bool>,
    /// Its name.
    names: HashMap<u32, String>,
    addresses: HashSet<(u32, IpAddr)>,
}

impl Known {
    fn take(&mut self, message: &NetlinkMessage<RouteNetlinkMessage>) -> Option<String> {
        let NetlinkPayload::InnerMessage(message) = &message.payload else { return None };
        match message {
            RouteNetlinkMessage::NewLink(link) => self.link(link, true),
            RouteNetlinkMessage::DelLink(link) => self.link(link, false),
            RouteNetlinkMessage::NewAddress(address) => self.address(address, true),
            RouteNetlinkMessage::DelAddress(address) => self.address(address, false),
            RouteNetlinkMessage::NewRoute(route) => self.route(route, "came"),
            RouteNetlinkMessage::DelRoute(route) => self.route(route, "went"),
            _ => None,
        }
    }

    fn link(&mut self, link: &LinkMessage, exists: bool) -> Option<String> {
        let index = link.header.index;
        let name = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        })?;
        if address::is_own(&name) {
            return None;
        }
        let carries = exists && link.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp);
        let before = match exists {
            true => self.carrying.insert(index, carries),
            false => self.carrying.remove(&index),
        };
        self.names.insert(index, name.clone());
        let verb = match (carries, before) {
            (true, _) => "came up",
            (false, None) if exists => "has changed",
            (false, _) => "went down",
        };
        (before != Some(carries)).then(|| format!("the network device {name} {verb}"))
    }

    fn address(&mut self, message: &AddressMessage, exists: bool) -> Option<String> {
        let index = message.header.index;
        let address = message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })?;
        let device = self.name(index);
        if address::is_own(&device) || is_of_a_link(&address) {
            return None;
        }
        let changed = match exists {
            true => self.addresses.insert((index, address)),
            false => {
                self.addresses.remove(&(index, address));
                true
            }
        };
        changed.then(|| format!("an address of {device} {}", if exists { "came" } else { "went" }))
    }

    fn route(&mut self, route: &RouteMessage, verb: &str) -> Option<String> {
        let device = route.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })?;
        let device = self.name(device);
        let is_main = route.header.table == RouteHeader::RT_TABLE_MAIN;
        let of_a_link = route.attributes.iter().any(|attribute| match attribute {
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => {
                address.is_unicast_link_local() || address.is_multicast()
            }
            _ => false,
        });
        let counts = is_main && !of_a_link && route.header.kind == RouteType::Unicast && !address::is_own(&device);
        counts.then(|| format!("a route by {device} {verb}"))
    }

    fn name(&mut self, index: u32) -> String {
        let known = self.names.entry(index).or_insert_with(|| {
            let name = nix::net::if_::if_indextoname(index).ok().and_then(|name| name.into_string().ok());
            name.unwrap_or_else(|| format!("device {index}"))
        });
        known.clone()
    }
}

/// Every link has these; they lead nowhere else.
fn is_of_a_link(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
    }
}
