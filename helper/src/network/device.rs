//! Bringing a device up.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use hawser_fault::{Code, Fault};
use rtnetlink::LinkUnspec;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags};
use rtnetlink::packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute};

use super::{Network, change};
use crate::address::host_net;
use crate::limits;
use crate::plane::Addresses;

/// What the manager's side needs in one packet; TUN allows a little more, segmentation of 64 KiB does not.
const MTU: u32 = 65_520;

/// Packets that wait between the kernel and the data plane.
const QUEUE: u32 = 1_000;

impl Network {
    /// Sets up a device with its addresses and the routes to its name server. Returns whether the host has IPv6; where it
    /// has not, the connection does with IPv4.
    ///
    /// # Errors
    /// `network-change`.
    pub async fn bring_up(&self, device: &str, addresses: &Addresses) -> Result<bool, Fault> {
        let index = index_of(device)?;
        self.without_link_local(index).await;
        let up = LinkUnspec::new_with_index(index)
            .mtu(MTU)
            .append_extra_attribute(LinkAttribute::TxQueueLen(QUEUE))
            .up()
            .build();
        change(format!("bring up {device}"), self.handle.link().set(up).execute()).await?;

        self.add_address(device, index, addresses.v4.into()).await?;
        self.add_route(device, host_net(addresses.dns_v4), addresses).await?;
        if !self.has_v6(index).await {
            tracing::info!(device, "IPv6 is off on this host; the connection carries IPv4 only");
            return Ok(false);
        }
        self.add_address(device, index, addresses.v6.into()).await?;
        self.add_route(device, host_net(addresses.dns_v6), addresses).await?;
        Ok(true)
    }

    /// Without a link-local address the kernel sends no router solicitations and no multicast reports into the device.
    /// Where it cannot be had they are only noise.
    async fn without_link_local(&self, index: u32) {
        let mode = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        let message = LinkUnspec::new_with_index(index)
            .append_extra_attribute(LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![mode])]))
            .build();
        if let Err(fault) = change("set IPv6 up".to_owned(), self.handle.link().set(message).execute()).await {
            tracing::debug!(%fault, "the device keeps its link-local address");
        }
    }

    /// Asked over netlink: `/proc/sys` is out of sight in the service's sandbox. Without IPv6 in the kernel a device has no settings of
    /// it, and where it was switched off they say so (Documentation/networking/ip-sysctl.rst, `disable_ipv6`).
    async fn has_v6(&self, index: u32) -> bool {
        let mut devices = self.handle.link().get().match_index(index).execute();
        let Ok(Ok(Some(device))) = tokio::time::timeout(limits::NETLINK, devices.try_next()).await else {
            return false;
        };
        let families = device.attributes.iter().filter_map(|attribute| match attribute {
            LinkAttribute::AfSpecUnspec(families) => Some(families),
            _ => None,
        });
        families.flatten().any(|family| {
            let AfSpecUnspec::Inet6(settings) = family else { return false };
            settings.iter().any(|setting| matches!(setting, AfSpecInet6::DevConf(values) if values.disable_ipv6 == 0))
        })
    }

    async fn add_address(&self, device: &str, index: u32, address: IpAddr) -> Result<(), Fault> {
        let length = host_net(address).prefix_len();
        let mut request = self.handle.address().add(index, address, length).replace();
        // Nobody else is on this link: duplicate detection would only keep the address unusable for a second.
        request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        change(format!("give {address} to {device}"), request.execute()).await
    }
}

/// The kernel's number of a device.
pub(super) fn index_of(device: &str) -> Result<u32, Fault> {
    nix::net::if_::if_nametoindex(device)
        .map_err(|errno| Fault::new(Code::NetworkChange, format!("the device {device} is not there: {}", errno.desc())))
}
