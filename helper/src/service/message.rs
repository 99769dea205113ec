//! The helper's own types as messages.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::connect_request::Target as Asked;
use hawser_ipc::proto::{self, State};
use hawser_tunnel::proto as tunnel;

use super::{intercept, subnets};
use crate::connection::{Phase, Status};
use crate::connections::{View, may_see};
use crate::intercepts::View as Intercepted;
use crate::owners::Owners;
use crate::plane::FlowRecord;
use crate::store::desired::{Id, Kubernetes, Target};

/// Name and version of this build, for people.
const SOFTWARE: &str = concat!("hawser ", env!("CARGO_PKG_VERSION"));

/// Every connection as `caller` may see it.
pub fn snapshot(
    views: &[View],
    intercepts: impl Fn(&Id) -> Vec<Intercepted>,
    login_expires: impl Fn(&Id) -> Option<SystemTime>,
    caller: u32,
) -> proto::Snapshot {
    let whole = |view: &View| {
        let seen = connection(view, caller);
        if !may_see(caller, view.wish.id.owner) {
            return seen;
        }
        proto::Connection {
            intercepts: intercepts(&view.wish.id).iter().map(intercept::state).collect(),
            login_expires: login_expires(&view.wish.id).map_or(0, milliseconds),
            ..seen
        }
    };
    let connections = views.iter().map(whole).collect();
    proto::Snapshot { software: SOFTWARE.to_owned(), connections }
}

/// A connection as `caller` may see it: of somebody else's only that it is there.
pub fn connection(view: &View, caller: u32) -> proto::Connection {
    let id = &view.wish.id;
    let (state, cause) = phase(&view.status.phase);
    let public = proto::Connection {
        name: id.name.clone(),
        owner: id.owner,
        state: state.into(),
        since: milliseconds(view.status.since),
        ..proto::Connection::default()
    };
    if !may_see(caller, id.owner) {
        return public;
    }
    let Status { step, device, cluster, placements, troubles, .. } = view.status.clone();
    let device = device.unwrap_or_default();
    let words = |addresses: &[std::net::IpAddr]| addresses.iter().map(ToString::to_string).collect();
    let private = proto::Connection {
        target: view.wish.target.address().to_owned(),
        step,
        cause: cause.map(Into::into),
        troubles: troubles.into_values().map(Into::into).collect(),
        addresses: words(&device.addresses),
        dns_servers: words(&device.dns_servers),
        device: device.name,
        round_trip_us: view.counters.round_trip_us,
        sent_bytes: view.counters.sent_bytes,
        received_bytes: view.counters.received_bytes,
        open_flows: view.counters.open_flows,
        ..public
    };
    let private = match &view.wish.target {
        Target::Standalone { .. } => private,
        Target::Kubernetes(kubernetes) => proto::Connection {
            context: kubernetes.context.clone(),
            namespace: kubernetes.namespace.clone(),
            manager_namespace: kubernetes.manager_namespace.clone(),
            ..private
        },
    };
    let routing = view.wish.target.routing();
    let private = proto::Connection {
        also_proxy: subnets::texts(&routing.also),
        never_proxy: subnets::texts(&routing.never),
        placements: placements.into_iter().map(subnets::placement).collect(),
        ..private
    };
    let Some(cluster) = cluster else { return private };
    proto::Connection {
        served: Some(subnets::served(&cluster)),
        domains: cluster.names.domains,
        subnets: subnets::texts(&cluster.subnets),
        never_proxy: subnets::texts(&cluster.excluded_subnets),
        left_alone: subnets::texts(&cluster.left_alone),
        way: cluster.way,
        manager: cluster.software,
        search_domain: cluster.names.search_domain,
        ..private
    }
}

/// What somebody may work on, in the words of the user's programs.
pub fn catalogue(said: tunnel::Catalogue) -> proto::Catalogue {
    let port = |port: tunnel::Port| {
        let tunnel::Port { name, number, protocol, target } = port;
        proto::Port { name, number, protocol, target }
    };
    let service = |service: tunnel::Service| proto::Service {
        name: service.name,
        address: service.address,
        ports: service.ports.into_iter().map(port).collect(),
    };
    let holder = |holder: tunnel::Holder| {
        let tunnel::Holder { user, intercept, mode, since } = holder;
        proto::Holder { user, intercept, mode, since }
    };
    let workload = |workload: tunnel::Workload| {
        let tunnel::Workload { kind, name, replicas, ready, services, holders, containers, with_agent } = workload;
        let holders = holders.into_iter().map(holder).collect();
        let containers = containers.map(self::containers);
        proto::Workload { kind, name, replicas, ready, services, holders, containers, with_agent }
    };
    let namespace = |namespace: tunnel::Namespace| proto::Namespace {
        name: namespace.name,
        workloads: namespace.workloads.into_iter().map(workload).collect(),
        services: namespace.services.into_iter().map(service).collect(),
    };
    proto::Catalogue {
        whole: said.whole,
        namespaces: said.namespaces.into_iter().map(namespace).collect(),
        removed: said.removed,
    }
}

fn containers(list: tunnel::ContainerList) -> proto::ContainerList {
    let port = |port: tunnel::ContainerPort| {
        let tunnel::ContainerPort { name, number, protocol } = port;
        proto::ContainerPort { name, number, protocol }
    };
    let container = |container: tunnel::Container| {
        let tunnel::Container { name, ports, has_files } = container;
        proto::Container { name, ports: ports.into_iter().map(port).collect(), has_files }
    };
    proto::ContainerList { containers: list.containers.into_iter().map(container).collect() }
}

/// Where a user asks to be connected to.
///
/// # Errors
/// `bad-argument`.
pub fn target(asked: Option<Asked>) -> Result<Target, Fault> {
    match asked {
        None => Err(Fault::new(Code::BadArgument, "the request names no manager to connect to")),
        Some(Asked::Standalone(asked)) => Ok(Target::Standalone {
            address: asked.address,
            pin: asked.pin,
            also_proxy: subnets::read(&asked.also_proxy)?,
            never_proxy: subnets::read(&asked.never_proxy)?,
        }),
        Some(Asked::Kubernetes(asked)) => Ok(Target::Kubernetes(Kubernetes {
            profile: asked.profile,
            server: asked.server,
            context: asked.context,
            namespace: asked.namespace,
            manager_namespace: asked.manager_namespace,
            also_proxy: subnets::read(&asked.also_proxy)?,
            never_proxy: subnets::read(&asked.never_proxy)?,
        })),
    }
}

/// A flow with the owner of its socket, if that is still there.
pub fn flow(connection: &str, flow: &FlowRecord, owners: &Owners) -> proto::Flow {
    let owner = owners.of(flow.protocol, flow.source, flow.destination);
    proto::Flow {
        connection: connection.to_owned(),
        id: flow.id,
        protocol: flow.protocol.to_owned(),
        source: socket(flow.protocol, flow.source),
        destination: socket(flow.protocol, flow.destination),
        name: flow.name.clone().unwrap_or_default(),
        uid: owner.map(|owner| owner.uid).unwrap_or_default(),
        inode: owner.map(|owner| owner.inode.into()).unwrap_or_default(),
        sent_bytes: flow.sent_bytes,
        received_bytes: flow.received_bytes,
        opened: milliseconds(flow.opened),
        round_trip_us: flow.round_trip_us,
        state: flow.state.to_owned(),
        closed: flow.closed.clone().unwrap_or_default(),
    }
}

/// Echo has no ports.
fn socket(protocol: &str, address: SocketAddr) -> String {
    if protocol == "echo" { address.ip().to_string() } else { address.to_string() }
}

fn phase(phase: &Phase) -> (State, Option<&Fault>) {
    match phase {
        Phase::Disconnected(cause) => (State::Disconnected, cause.as_ref()),
        Phase::Connecting => (State::Connecting, None),
        Phase::Connected => (State::Connected, None),
        Phase::Reconnecting(cause) => (State::Reconnecting, Some(cause)),
        Phase::NeedsLogin(cause) => (State::NeedsLogin, Some(cause)),
        Phase::Failed(cause) => (State::Failed, Some(cause)),
        Phase::Disconnecting => (State::Disconnecting, None),
    }
}

pub fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis().try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::status::Device;
    use crate::placement::{Disposition, Placement, Source};
    use crate::plane::{ClusterInfo, Counters, Served};
    use crate::store::desired::Wish;

    fn view() -> View {
        let target = Target::Standalone {
            address: "192.0.2.1:7300".to_owned(),
            pin: String::new(),
            also_proxy: Vec::new(),
            never_proxy: vec!["10.96.4.0/24".parse().unwrap()],
        };
        let status = Status {
            phase: Phase::Reconnecting(Fault::new(Code::LinkLost, "gone")),
            step: "dialling".to_owned(),
            device: Some(Device {
                name: "hawser0".to_owned(),
                addresses: vec!["198.18.0.1".parse().unwrap()],
                dns_servers: vec!["198.18.0.53".parse().unwrap()],
            }),
            cluster: Some(ClusterInfo {
                software: "hawser 9".to_owned(),
                subnets: vec!["10.96.0.0/16".parse().unwrap()],
                names: hawser_dns::ClusterNames {
                    domains: vec!["demo.local".to_owned()],
                    search_domain: "shop.demo.local".to_owned(),
                    ..Default::default()
                },
                served: Served { also: vec!["10.97.0.0/16".parse().unwrap()], never: Vec::new(), agent_idle_s: 600 },
                ..ClusterInfo::default()
            }),
            placements: vec![Placement {
                subnet: "10.96.0.0/16".parse().unwrap(),
                disposition: Disposition::Conflict,
                source: Source::Cluster,
                route: Some("10.96.4.0/24".parse().unwrap()),
                device: "docker0".to_owned(),
                owner: "Docker".to_owned(),
                why: "it is taken".to_owned(),
            }],
            ..Status::new()
        };
        let counters = Counters { sent_bytes: 7, ..Counters::default() };
        View { wish: Wish { id: Id { owner: 1000, name: "a".to_owned() }, target, index: 0 }, status, counters }
    }

    #[test]
    fn owner_and_root_see_everything() {
        let view = view();
        let seen = connection(&view, 1000);
        assert_eq!((seen.state(), seen.step.as_str(), seen.sent_bytes), (State::Reconnecting, "dialling", 7));
        assert_eq!(seen.cause.as_ref().unwrap().code, "link-lost");
        assert_eq!(
            (seen.device.as_str(), seen.addresses.as_slice()),
            ("hawser0", ["198.18.0.1".to_owned()].as_slice())
        );
        assert_eq!((seen.subnets[0].as_str(), seen.domains[0].as_str()), ("10.96.0.0/16", "demo.local"));
        assert!(seen.since > 0);
        let placement = proto::Placement {
            subnet: "10.96.0.0/16".to_owned(),
            disposition: proto::Disposition::Conflict.into(),
            source: proto::SubnetSource::Cluster.into(),
            route: "10.96.4.0/24".to_owned(),
            device: "docker0".to_owned(),
            owner: "Docker".to_owned(),
            why: "it is taken".to_owned(),
        };
        assert_eq!(seen.placements, [placement]);
        let served = seen.served.as_ref().unwrap();
        assert_eq!((served.also.as_slice(), served.agent_idle_s), (["10.97.0.0/16".to_owned()].as_slice(), 600));
        assert_eq!(connection(&view, 0), seen);
    }

    #[test]
    fn containers_are_told_as_the_manager_tells_them() {
        let port = tunnel::ContainerPort { name: "http".to_owned(), number: 8080, protocol: "TCP".to_owned() };
        let container = tunnel::Container { name: "web".to_owned(), ports: vec![port], has_files: true };
        let list = tunnel::ContainerList { containers: vec![container] };
        let workloads = [Some(list), Some(tunnel::ContainerList::default()), None].map(|containers| tunnel::Workload {
            containers,
            with_agent: true,
            ..tunnel::Workload::default()
        });
        let namespace = tunnel::Namespace { workloads: workloads.into(), ..tunnel::Namespace::default() };
        let said = catalogue(tunnel::Catalogue { namespaces: vec![namespace], ..tunnel::Catalogue::default() });
        let port = proto::ContainerPort { name: "http".to_owned(), number: 8080, protocol: "TCP".to_owned() };
        let container = proto::Container { name: "web".to_owned(), ports: vec![port], has_files: true };
        let told: Vec<_> =
            said.namespaces[0].workloads.iter().map(|one| (one.containers.clone(), one.with_agent)).collect();
        let list = proto::ContainerList { containers: vec![container] };
        assert_eq!(told, [(Some(list), true), (Some(proto::ContainerList::default()), true), (None, true)]);
    }

    #[test]
    fn others_see_that_it_is_there() {
        let seen = connection(&view(), 1001);
        let expected = proto::Connection {
            name: "a".to_owned(),
            owner: 1000,
            state: State::Reconnecting.into(),
            since: seen.since,
            ..proto::Connection::default()
        };
        assert_eq!(seen, expected);
    }
}
