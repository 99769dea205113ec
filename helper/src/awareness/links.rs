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
use crate::{address, limits};

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

    /// The next change in words, when nothing more has come for a moment or more comes for long: the first one says the most. `None` if
    /// there will be none.
    pub async fn next(&mut self) -> Option<String> {
        let what = loop {
            let message = self.messages.next().await?;
            if let Some(what) = self.known.take(&message) {
                break what;
            }
        };
        let swarm = async {
            while let Ok(message) = timeout(SWARM, self.messages.next()).await {
                self.known.take(&message?);
            }
            Some(())
        };
        // One that does not end is told of all the same.
        if let Ok(None) = timeout(limits::SWARM_LONGEST, swarm).await {
            return None;
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
        let message = match &message.payload {
            NetlinkPayload::InnerMessage(message) => message,
            NetlinkPayload::Overrun(_) => {
                *self = Self::default();
                return Some("more of this host's network has changed than could be heard".to_owned());
            }
            _ => return None,
        };
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream::{iter, pending, unfold};
    use rtnetlink::packet_core::NetlinkHeader;
    use tokio::time::{Instant, sleep};

    use super::*;

    fn watcher(messages: BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>) -> Watcher {
        Watcher { messages, known: Known::default() }
    }

    fn came_up(index: u32) -> NetlinkMessage<RouteNetlinkMessage> {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
        link.attributes = vec![LinkAttribute::IfName(format!("veth{index}"))];
        NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_heard_is_news_and_nothing_before_it_is_known_any_more() {
        let overrun = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::Overrun(Vec::new()));
        let messages = iter([came_up(1), came_up(1), overrun, came_up(1)]).then(async |message| {
            sleep(2 * SWARM).await;
            message
        });
        let mut watcher = watcher(messages.chain(pending()).boxed());
        let up = "the network device veth1 came up";
        let missed = "more of this host's network has changed than could be heard";
        for expected in [up, missed, up] {
            assert_eq!(watcher.next().await.as_deref(), Some(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_swarm_without_an_end_is_told_of() {
        let messages = unfold(1, |index| async move {
            sleep(Duration::from_millis(50)).await;
            Some((came_up(index), index + 1))
        });
        let mut watcher = watcher(messages.boxed());
        for _ in 0..3 {
            let began = Instant::now();
            assert!(watcher.next().await.is_some());
            assert!(began.elapsed() <= limits::SWARM_LONGEST + Duration::from_millis(50), "{:?}", began.elapsed());
        }
    }
}
