//! Devices, addresses and routes of laptop and cluster, over netlink. Each function works on the network namespace
//! that the calling thread is in.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsRawFd, BorrowedFd},
};

use futures_util::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::{
    Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
    packet_route::{
        address::{AddressAttribute, AddressFlags},
        link::LinkMessage,
        route::{RouteMessage, RouteType},
    },
};

use crate::{SandboxError, plan};

const LOOPBACK: &str = "lo";
/// A pair of devices with nobody behind them.
const VOID: [&str; 2] = ["void0", "void1"];
/// Packets that may wait for the link's emulator; a storm of connections makes many at once.
const LINK_QUEUE: u32 = 20_000;

/// What the laptop's resolver is told before Hawser comes: its own name server, or in a direct world the cluster's.
pub(crate) fn laptop_resolv_conf(direct: bool) -> String {
    if direct { cluster_resolv_conf() } else { format!("nameserver {}\n", plan::GATEWAY_V4) }
}

/// What programs in the cluster resolve by.
pub(crate) fn cluster_resolv_conf() -> String {
    format!("nameserver {}\nsearch {}\n", plan::NAME_SERVER, plan::SEARCH_DOMAIN)
}

/// Makes the plain link: a veth pair from here to the cluster.
pub(crate) fn join_by_wire(cluster: BorrowedFd<'_>) -> Result<(), SandboxError> {
    let far_end =
        LinkMessageBuilder::<LinkUnspec>::new().name(plan::LINK_DEVICE).setns_by_fd(cluster.as_raw_fd()).build();
    with_netlink(async |net| net.add_pair(plan::LINK_DEVICE, far_end).await)
}

/// Gives the cluster its addresses, an honest "unreachable" for the rest of its subnets, and a part that is silent.
pub(crate) fn furnish_cluster() -> Result<(), SandboxError> {
    with_netlink(async |net| {
        net.raise_link(plan::GATEWAY_V4, plan::GATEWAY_V6).await?;
        net.raise(LinkUnspec::new_with_name(LOOPBACK)).await?;
        for address in plan::cluster_addresses() {
            net.add_address(LOOPBACK, address, if address.is_ipv4() { 32 } else { 128 }).await?;
        }
        for subnet in plan::subnets() {
            net.add_route(subnet, Via::Unreachable).await?;
        }
        net.make_void().await?;
        for subnet in [plan::SILENT_V4.into(), plan::SILENT_V6.into()] {
            net.add_route(subnet, Via::Device(VOID[0])).await?;
        }
        Ok(())
    })
}

/// Gives the laptop its addresses. It has no default route: what Hawser doesn't carry must not get through by another
/// way. A `direct` laptop has plain routes to the cluster's subnets.
pub(crate) fn furnish_laptop(direct: bool) -> Result<(), SandboxError> {
    with_netlink(async |net| {
        net.raise(LinkUnspec::new_with_name(LOOPBACK)).await?;
        net.raise_link(plan::LAPTOP_V4, plan::LAPTOP_V6).await?;
        if direct {
            for subnet in plan::subnets() {
                net.add_route(subnet, Via::Cluster).await?;
            }
        }
        Ok(())
    })
}

enum Via {
    Device(&'static str),
    Cluster,
    Unreachable,
}

struct Netlink(Handle);

impl Netlink {
    async fn add_pair(&self, name: &str, far_end: LinkMessage) -> Result<(), SandboxError> {
        use rtnetlink::packet_route::link::{InfoData, InfoVeth};
        let pair = LinkVeth::new(name, name).set_info_data(InfoData::Veth(InfoVeth::Peer(far_end))).build();
        self.0.link().add(pair).execute().await.map_err(failed(|| format!("the pair of {name} cannot be made")))
    }

    async fn raise_link(&self, v4: Ipv4Addr, v6: Ipv6Addr) -> Result<(), SandboxError> {
        let link = LinkUnspec::new_with_name(plan::LINK_DEVICE).mtu(plan::LINK_MTU).txqueuelen(LINK_QUEUE);
        self.raise(link).await?;
        self.add_address(plan::LINK_DEVICE, v4.into(), plan::LINK_PREFIXES.0).await?;
        self.add_address(plan::LINK_DEVICE, v6.into(), plan::LINK_PREFIXES.1).await
    }

    async fn raise(&self, link: LinkMessageBuilder<LinkUnspec>) -> Result<(), SandboxError> {
        let link = link.up().build();
        self.0.link().set(link).execute().await.map_err(failed(|| "a device cannot be set up".to_owned()))
    }

    /// Without ARP a packet leaves with the device's own hardware address, so that the far end takes it for somebody
    /// else's and drops it.
    async fn make_void(&self) -> Result<(), SandboxError> {
        let [near, far] = VOID;
        self.add_pair(near, LinkMessageBuilder::<LinkUnspec>::new().name(far).arp(false).build()).await?;
        for name in VOID {
            self.raise(LinkUnspec::new_with_name(name).arp(false)).await?;
        }
        Ok(())
    }

    async fn add_address(&self, device: &str, address: IpAddr, prefix: u8) -> Result<(), SandboxError> {
        let mut request = self.0.address().add(self.index(device).await?, address, prefix);
        // Nobody else is on the link, and an address that is still being probed refuses to be used.
        request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        request.execute().await.map_err(failed(|| format!("{device} cannot have the address {address}")))
    }

    async fn add_route(&self, subnet: IpNet, via: Via) -> Result<(), SandboxError> {
        let device = match via {
            Via::Device(name) => Some(self.index(name).await?),
            Via::Cluster | Via::Unreachable => None,
        };
        let route = match subnet {
            IpNet::V4(net) => {
                let route = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(net.addr(), net.prefix_len());
                match via {
                    Via::Device(_) => route.output_interface(device.unwrap_or_default()).build(),
                    Via::Cluster => route.gateway(plan::GATEWAY_V4).build(),
                    Via::Unreachable => route.kind(RouteType::Unreachable).build(),
                }
            }
            IpNet::V6(net) => {
                let route = RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(net.addr(), net.prefix_len());
                match via {
                    Via::Device(_) => route.output_interface(device.unwrap_or_default()).build(),
                    Via::Cluster => route.gateway(plan::GATEWAY_V6).build(),
                    Via::Unreachable => route.kind(RouteType::Unreachable).build(),
                }
            }
        };
        self.request_route(route).await.map_err(failed(|| format!("no route to {subnet} can be made")))
    }

    async fn request_route(&self, route: RouteMessage) -> Result<(), rtnetlink::Error> {
        self.0.route().add(route).execute().await
    }

    async fn index(&self, device: &str) -> Result<u32, SandboxError> {
        let found = self.0.link().get().match_name(device).execute().try_next().await;
        let found = found.map_err(failed(|| format!("the device {device} cannot be found")))?;
        found
            .map(|link| link.header.index)
            .ok_or_else(|| failed(|| format!("the device {device} is missing"))(rtnetlink::Error::RequestFailed))
    }
}

fn failed(what: impl FnOnce() -> String) -> impl FnOnce(rtnetlink::Error) -> SandboxError {
    move |source| SandboxError::Network { what: what(), source }
}

/// Runs netlink requests in the current network namespace on this thread alone.
fn with_netlink(requests: impl AsyncFnOnce(Netlink) -> Result<(), SandboxError>) -> Result<(), SandboxError> {
    let refused = "netlink cannot be used";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(SandboxError::unsupported(refused))?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(SandboxError::unsupported(refused))?;
        tokio::spawn(connection);
        requests(Netlink(handle)).await
    })
}
