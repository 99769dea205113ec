//! systemd-resolved over the system's message bus (org.freedesktop.resolve1(5)).

use std::net::{SocketAddr, SocketAddrV6};
use std::time::Duration;

use hawser_dns::backend::resolved::{self, Domain};
use tokio::time::{Instant, sleep, timeout};
use zbus::zvariant::OwnedValue;
use zbus::{Connection, connection};

use super::share::Share;
use crate::limits;

const SERVICE: &str = "org.freedesktop.resolve1";
const PATH: &str = "/org/freedesktop/resolve1";
const MANAGER: &str = "org.freedesktop.resolve1.Manager";

/// What systemd-resolved says of a device that it has not heard of yet.
const NO_SUCH_LINK: &str = "org.freedesktop.resolve1.NoSuchLink";
const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const PORT: u16 = 53;

/// Where the bus is.
#[derive(Clone, Debug)]
pub struct Bus {
    address: Option<String>,
}

impl Bus {
    /// The system's.
    pub fn system() -> Self {
        Self { address: None }
    }

    /// Another one.
    #[cfg(test)]
    pub fn at(address: &str) -> Self {
        Self { address: Some(address.to_owned()) }
    }

    /// A connection of its own, where no call goes unanswered for longer than [`limits::BUS`].
    pub async fn connect(&self) -> zbus::Result<Connection> {
        let connecting = async {
            let bus = match &self.address {
                None => connection::Builder::system()?,
                Some(address) => connection::Builder::address(address.as_str())?,
            };
            bus.method_timeout(limits::BUS).build().await
        };
        in_time(connecting).await
    }

    /// Whether systemd-resolved is there. It is not started by the question.
    pub async fn has_resolved(&self) -> bool {
        let asked = async {
            let bus = self.connect().await?;
            let name = zbus::names::BusName::try_from(SERVICE)?;
            Ok(zbus::fdo::DBusProxy::new(&bus).await?.name_has_owner(name).await?)
        };
        in_time(asked).await.unwrap_or_else(|error: zbus::Error| {
            tracing::debug!(%error, "systemd-resolved is not asked for");
            false
        })
    }

    /// Whether systemd-resolved still has of each link what it was told.
    pub async fn has(&self, shares: &[Share]) -> zbus::Result<bool> {
        let bus = self.connect().await?;
        let servers: Vec<(i32, i32, Vec<u8>)> = property(&bus, "DNS").await?;
        let domains: Vec<(i32, String, bool)> = property(&bus, "Domains").await?;
        Ok(shares.iter().all(|share| {
            let link = index_of(&share.device);
            let is_server = |bytes: &[u8]| resolved::parse_address(bytes) == Some(share.server);
            servers.iter().any(|(of, _, bytes)| Some(*of) == link && is_server(bytes))
                && domains.iter().any(|(of, name, _)| Some(*of) == link && *name == share.probe)
        }))
    }

    /// Has each connection's link lead to its name server. Says how many domains had no room.
    pub async fn set(&self, shares: &[Share]) -> zbus::Result<usize> {
        let bus = self.connect().await?;
        let mut left_out = 0;
        for share in shares {
            left_out += in_time(set_link(&bus, share)).await?;
        }
        call(&bus, "FlushCaches", &()).await?;
        Ok(left_out)
    }

    /// Takes everything from these devices; those that are gone have nothing any more, nor does anything where systemd-resolved is
    /// gone.
    pub async fn revert(&self, devices: &[String]) -> zbus::Result<()> {
        if !self.has_resolved().await {
            return Ok(());
        }
        let bus = self.connect().await?;
        for index in devices.iter().filter_map(|device| index_of(device)) {
            match call(&bus, "RevertLink", &(index,)).await {
                Err(error) if is_called(&error, NO_SUCH_LINK) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// The name servers of the other links, or those for want of any.
    pub async fn upstreams(&self) -> zbus::Result<Vec<SocketAddr>> {
        let bus = self.connect().await?;
        let servers: Vec<(i32, i32, Vec<u8>)> = property(&bus, "DNS").await?;
        let mut found: Vec<SocketAddr> = servers.iter().filter_map(|(link, _, bytes)| server(*link, bytes)).collect();
        if found.is_empty() {
            let servers: Vec<(i32, i32, Vec<u8>)> = property(&bus, "FallbackDNS").await?;
            found = servers.iter().filter_map(|(link, _, bytes)| server(*link, bytes)).collect();
        }
        Ok(found)
    }
}

/// With more domains than it takes systemd-resolved refuses them all: older ones take fewer.
async fn set_link(bus: &Connection, share: &Share) -> zbus::Result<usize> {
    let link = index_of(&share.device).unwrap_or_default();
    set_server(bus, link, share).await?;
    let mut left_out = 0;
    for room in resolved::ROOM {
        let (domains, beyond): (Vec<Domain>, usize) = resolved::domains(&share.search, &share.domains, room);
        left_out = beyond;
        match call(bus, "SetLinkDomains", &(link, domains)).await {
            Err(error) if is_called(&error, resolved::TOO_MANY) && Some(&room) != resolved::ROOM.last() => {}
            outcome => {
                outcome?;
                break;
            }
        }
    }
    call_if_known(bus, "SetLinkDefaultRoute", &(link, false)).await?;
    for method in ["SetLinkLLMNR", "SetLinkMulticastDNS", "SetLinkDNSOverTLS", "SetLinkDNSSEC"] {
        call_if_known(bus, method, &(link, "no")).await?;
    }
    Ok(left_out)
}

/// A device that is a moment old may not be known yet.
async fn set_server(bus: &Connection, link: i32, share: &Share) -> zbus::Result<()> {
    let until = Instant::now() + limits::LINK_KNOWN;
    loop {
        let servers = vec![resolved::address(share.server)];
        match call(bus, "SetLinkDNS", &(link, servers)).await {
            Err(error) if is_called(&error, NO_SUCH_LINK) && Instant::now() < until => {
                sleep(Duration::from_millis(20)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<()>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    bus.call_method(Some(SERVICE), PATH, Some(MANAGER), method, body).await.map(drop)
}

/// Older ones lack some; what those set is off there.
async fn call_if_known<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<()>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    match call(bus, method, body).await {
        Err(error) if is_called(&error, UNKNOWN_METHOD) => Ok(()),
        outcome => outcome,
    }
}

async fn property<T: TryFrom<OwnedValue>>(bus: &Connection, name: &str) -> zbus::Result<T> {
    let properties = Some("org.freedesktop.DBus.Properties");
    let which = (MANAGER, name);
    let value: OwnedValue =
        bus.call_method(Some(SERVICE), PATH, properties, "Get", &which).await?.body().deserialize()?;
    value.try_into().map_err(|_| zbus::Error::InvalidReply)
}

/// A link-local address counts with its link.
fn server(link: i32, bytes: &[u8]) -> Option<SocketAddr> {
    match resolved::parse_address(bytes)? {
        std::net::IpAddr::V6(address) if address.is_unicast_link_local() => {
            Some(SocketAddrV6::new(address, PORT, 0, u32::try_from(link).ok()?).into())
        }
        address => Some((address, PORT).into()),
    }
}

fn index_of(device: &str) -> Option<i32> {
    nix::net::if_::if_nametoindex(device).ok().and_then(|index| index.try_into().ok())
}

fn is_called(error: &zbus::Error, name: &str) -> bool {
    matches!(error, zbus::Error::MethodError(found, _, _) if found.as_str() == name)
}

async fn in_time<T>(work: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    match timeout(limits::BUS, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(zbus::Error::InputOutput(std::sync::Arc::new(std::io::ErrorKind::TimedOut.into()))),
    }
}
