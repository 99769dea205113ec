//! Intercepts as messages.

use std::net::{IpAddr, Ipv4Addr};

use hawser_api::{
    Filters, HeaderMatch, HeaderMatchType, HttpFilter, HttpMethod, IntOrString, InterceptPort, Mode, PathMatch,
    PathMatchType, Protocol, Workload, WorkloadKind, limits,
};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto;
use hawser_ipc::proto::InterceptPhase;
use hawser_tunnel::proto as tunnel;
use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::message::milliseconds;
use crate::connection;
use crate::connections;
use crate::intercepts::{Environment, Mounted, Phase, View};
use crate::store::desired::{Target, Wish};
use crate::store::intercepts::{Intercept, Mount};

/// Whether intercepts can begin over this connection now.
fn is_up(view: &connections::View) -> Result<(), Fault> {
    let name = &view.wish.id.name;
    match &view.status.phase {
        connection::Phase::Connected => Ok(()),
        connection::Phase::Reconnecting(cause)
        | connection::Phase::NeedsLogin(cause)
        | connection::Phase::Failed(cause)
        | connection::Phase::Disconnected(Some(cause)) => {
            let detail = format!("the connection {name} is not up now: {}", cause.detail);
            Err(Fault { detail, ..cause.clone() })
        }
        _ => Err(Fault::new(Code::NotConnected, format!("the connection {name} is not up now"))
            .with_fix("Wait until it is: hawser status --watch")),
    }
}

/// Whether a handler's address is outside of what connections route: what the cluster sends would go to it and come back.
///
/// # Errors
/// `bad-argument`.
fn is_elsewhere(view: &connections::View, address: IpAddr) -> Result<(), Fault> {
    let nowhere = address.is_unspecified() || address.is_multicast();
    let routed = view.status.cluster.iter().flat_map(|cluster| &cluster.subnets).any(|net| net.contains(&address));
    if !nowhere && !routed {
        return Ok(());
    }
    let why = if routed { "is the cluster's own" } else { "is no host's" };
    Err(bad(format!("the address {address} {why}")).with_fix("Name the address at which your program listens."))
}

/// Whether the handlers of these intercepts stay outside of what is to be routed too.
///
/// # Errors
/// `bad-argument`.
pub fn stay_outside(intercepts: &[View], also: &[IpNet]) -> Result<(), Fault> {
    for View { intercept, .. } in intercepts {
        if let Some(net) = also.iter().find(|net| net.contains(&intercept.address)) {
            let detail =
                format!("the intercept {} delivers to {}, which is in {net}", intercept.name, intercept.address);
            let fix = format!("Leave it first with: hawser leave {}; or choose a smaller subnet.", intercept.name);
            return Err(bad(detail).with_fix(fix));
        }
    }
    Ok(())
}

/// What a user asks for, where it can be had now.
///
/// # Errors
/// `bad-argument`, and why the connection is not up.
pub fn obtainable(view: &connections::View, asked: proto::InterceptRequest) -> Result<Intercept, Fault> {
    is_up(view)?;
    let wanted = wanted(&view.wish, asked)?;
    is_elsewhere(view, wanted.address)?;
    Ok(wanted)
}

fn wanted(wish: &Wish, asked: proto::InterceptRequest) -> Result<Intercept, Fault> {
    let Target::Kubernetes(cluster) = &wish.target else {
        let detail = format!("the connection {} goes to a manager without Kubernetes", wish.id.name);
        return Err(bad(detail).with_fix("Intercepts need a connection to a cluster."));
    };
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    Ok(Intercept {
        connection: wish.id.clone(),
        name: or(asked.name, &asked.workload),
        namespace: or(asked.namespace, &cluster.namespace),
        workload: Workload { kind: word::<WorkloadKind>("kind of workload", &asked.kind)?, name: asked.workload },
        container: Some(asked.container).filter(|container| !container.is_empty()),
        mode: word::<Mode>("mode", &asked.mode)?,
        ports: asked.ports.into_iter().map(port).collect::<Result<_, _>>()?,
        filters: asked.http.map(filters).transpose()?.flatten(),
        until: time(asked.until)?,
        address: match asked.address.as_str() {
            "" => Ipv4Addr::LOCALHOST.into(),
            address => address.parse::<IpAddr>().map_err(|_| bad(format!("{address:?} is no IP address")))?,
        },
        mount: asked.mount.map(mount).transpose()?,
        object: String::new(),
        uid: None,
        leaving: false,
    })
}

/// A time in Unix milliseconds, up to the next whole second; 0 stands for never.
///
/// # Errors
/// `bad-argument`.
pub fn time(milliseconds: i64) -> Result<Option<Timestamp>, Fault> {
    // Kubernetes' times have whole seconds, and nothing ends before it was to.
    let seconds = milliseconds.div_euclid(1000) + i64::from(milliseconds.rem_euclid(1000) != 0);
    let time = (milliseconds != 0).then(|| Timestamp::from_second(seconds));
    time.transpose().map_err(|error| bad(format!("{milliseconds} ms after 1970 is no time: {error}")))
}

/// What an intercept would change.
///
/// # Errors
/// Why the cluster would refuse it.
pub fn preview(said: tunnel::PreviewReply) -> Result<proto::PreviewReply, Fault> {
    let tunnel::PreviewReply { code, detail, fix, will_restart, notes } = said;
    if !code.is_empty() {
        return Err(Fault::new(Code::parse(&code).unwrap_or(Code::PodRefused), detail).with_fix(fix));
    }
    Ok(proto::PreviewReply { will_restart, notes })
}

/// A way that was tried.
pub fn trial(trial: tunnel::Trial) -> proto::Trial {
    let tunnel::Trial { service, pod, address, port, udp, code, detail, fix } = trial;
    // A newer manager may have codes that this build does not know.
    let cause = (!code.is_empty())
        .then(|| Fault::new(Code::parse(&code).unwrap_or(Code::ReplicaUnreached), detail).with_fix(fix).into());
    proto::Trial { service, pod, address, port, udp, cause }
}

/// An intercept as its user sees it.
pub fn state(view: &View) -> proto::InterceptState {
    let View { intercept, standing, pods, mounted, delivered, requests } = view;
    proto::InterceptState {
        connection: intercept.connection.name.clone(),
        name: intercept.name.clone(),
        namespace: intercept.namespace.clone(),
        kind: text(&intercept.workload.kind),
        workload: intercept.workload.name.clone(),
        container: intercept.container.clone().unwrap_or_default(),
        mode: text(&intercept.mode),
        ports: intercept.ports.iter().map(said_port).collect(),
        http: intercept.filters.as_ref().and_then(|filters| filters.http.as_ref()).map(said_filter),
        address: intercept.address.to_string(),
        until: standing.until.map_or(0, Timestamp::as_millisecond),
        phase: phase(standing.phase).into(),
        step: standing.step.clone(),
        since: milliseconds(standing.since),
        cause: standing.cause.as_ref().map(Into::into),
        pods: pods
            .iter()
            .map(|pod| proto::InterceptedPod {
                name: pod.name.clone(),
                address: pod.address.clone(),
                applied: pod.applied,
            })
            .collect(),
        object: intercept.object.clone(),
        mount: intercept.mount.as_ref().map(|mount| mount_state(mount, mounted.clone().unwrap_or_default())),
        delivered: Some(proto::Delivered {
            connections: delivered.connections,
            refused: delivered.refused,
            last: delivered.last.map_or(0, milliseconds),
        }),
        requests: requests.map(|counts| proto::Requests {
            matched: counts.matched,
            passed: counts.passed,
            dropped: counts.dropped,
        }),
    }
}

fn mount_state(wanted: &Mount, Mounted { mounted, cause, unreadable }: Mounted) -> proto::MountState {
    let mount = proto::Mount { path: wanted.path.clone(), read_only: wanted.read_only };
    proto::MountState { mount: Some(mount), mounted, cause: cause.as_ref().map(Into::into), unreadable }
}

/// What a companion says of a mount: of which intercept, and how it is.
pub fn mounted(report: proto::MountReport) -> (String, String, Mounted) {
    let proto::MountReport { connection, name, mounted, cause, mut unreadable } = report;
    unreadable.truncate(crate::limits::UNREADABLE);
    (connection, name, Mounted { mounted, cause: cause.map(Into::into), unreadable })
}

fn mount(asked: proto::Mount) -> Result<Mount, Fault> {
    let proto::Mount { path, read_only } = asked;
    if !path.starts_with('/') || path.len() > crate::limits::MOUNT_PATH || path.contains(char::is_control) {
        return Err(bad("a mount point is an absolute path of printable characters".to_owned()));
    }
    Ok(Mount { path, read_only })
}

/// What an intercepted container has.
pub fn environment(known: Environment) -> proto::EnvironmentReply {
    let Environment { pod, container } = known;
    proto::EnvironmentReply {
        pod,
        container: container.name,
        environment: container.environment,
        mounts: container.mounts,
    }
}

fn port(asked: proto::InterceptPort) -> Result<InterceptPort, Fault> {
    let local_port = u16::try_from(asked.local_port).map_err(|_| bad(format!("{} is no port", asked.local_port)))?;
    let port = match asked.port.parse::<u16>() {
        Ok(0) => return Err(bad("0 is no port".to_owned())),
        Ok(number) => IntOrString::Int(number.into()),
        Err(_) if asked.port.is_empty() || asked.port.len() > limits::PORT_NAME as usize => {
            return Err(bad(format!("{:?} is no port", asked.port)));
        }
        Err(_) => IntOrString::String(asked.port),
    };
    Ok(InterceptPort { port, protocol: Some(if asked.udp { Protocol::Udp } else { Protocol::Tcp }), local_port })
}

fn said_port(port: &InterceptPort) -> proto::InterceptPort {
    let name = match &port.port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    let udp = port.protocol.unwrap_or_default() == Protocol::Udp;
    proto::InterceptPort { port: name, udp, local_port: port.local_port.into() }
}

fn filters(asked: proto::HttpFilter) -> Result<Option<Filters>, Fault> {
    let too_long = |text: &str, longest: u32| text.chars().count() > longest as usize;
    if asked.headers.len() > limits::HEADERS as usize {
        return Err(bad(format!("a filter looks at {} headers at most", limits::HEADERS)));
    }
    let header = |asked: proto::HeaderMatch| {
        if asked.name.is_empty() || asked.value.is_empty() {
            return Err(bad("a header of a filter has no name or no value".to_owned()));
        }
        if too_long(&asked.name, limits::HEADER_NAME) || too_long(&asked.value, limits::MATCH) {
            return Err(bad("a header of a filter is too long".to_owned()));
        }
        let type_ = if asked.regex { HeaderMatchType::RegularExpression } else { HeaderMatchType::Exact };
        Ok(HeaderMatch { type_, name: asked.name, value: asked.value })
    };
    let path = |asked: proto::PathMatch| {
        if asked.value.is_empty() || too_long(&asked.value, limits::MATCH) {
            return Err(bad("the path of a filter is empty or too long".to_owned()));
        }
        Ok(PathMatch { type_: word::<PathMatchType>("match of a path", &asked.kind)?, value: asked.value })
    };
    let method = Some(asked.method).filter(|method| !method.is_empty());
    let http = HttpFilter {
        headers: asked.headers.into_iter().map(header).collect::<Result<_, _>>()?,
        path: asked.path.map(path).transpose()?,
        method: method.map(|method| word::<HttpMethod>("method", &method)).transpose()?,
    };
    let says_nothing = http.headers.is_empty() && http.path.is_none() && http.method.is_none();
    Ok((!says_nothing).then_some(Filters { http: Some(http) }))
}

fn said_filter(filter: &HttpFilter) -> proto::HttpFilter {
    let header = |header: &HeaderMatch| proto::HeaderMatch {
        name: header.name.clone(),
        value: header.value.clone(),
        regex: header.type_ == HeaderMatchType::RegularExpression,
    };
    proto::HttpFilter {
        headers: filter.headers.iter().map(header).collect(),
        path: filter.path.as_ref().map(|path| proto::PathMatch { value: path.value.clone(), kind: text(&path.type_) }),
        method: filter.method.as_ref().map(text).unwrap_or_default(),
    }
}

fn phase(phase: Phase) -> InterceptPhase {
    match phase {
        Phase::Pending => InterceptPhase::Pending,
        Phase::Preparing => InterceptPhase::Preparing,
        Phase::Active => InterceptPhase::Active,
        Phase::Waiting => InterceptPhase::Waiting,
        Phase::Ending => InterceptPhase::Ending,
        Phase::Ended => InterceptPhase::Ended,
    }
}

/// One of the words of the cluster's resources, which are those of the contract.
fn word<T: DeserializeOwned>(what: &str, word: &str) -> Result<T, Fault> {
    serde_json::from_value(Value::from(word)).map_err(|_| bad(format!("{word:?} is no {what}")))
}

fn text(word: &impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn bad(detail: String) -> Fault {
    Fault::new(Code::BadArgument, detail)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::intercepts::Standing;
    use crate::plane::Delivered;
    use crate::store::desired::{Id, Kubernetes};

    fn wish() -> Wish {
        let kubernetes = Kubernetes {
            profile: String::new(),
            server: "api:6443".to_owned(),
            context: "rig".to_owned(),
            namespace: "shop".to_owned(),
            manager_namespace: "hawser".to_owned(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        };
        Wish { id: Id { owner: 1000, name: "rig".to_owned() }, target: Target::Kubernetes(kubernetes), index: 0 }
    }

    fn asked() -> proto::InterceptRequest {
        proto::InterceptRequest {
            kind: "Deployment".to_owned(),
            workload: "web".to_owned(),
            mode: "intercept".to_owned(),
            ports: vec![proto::InterceptPort { port: "http".to_owned(), udp: false, local_port: 8080 }],
            ..Default::default()
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let wanted = wanted(&wish(), asked()).unwrap();
        assert_eq!((wanted.name.as_str(), wanted.namespace.as_str()), ("web", "shop"));
        assert_eq!((wanted.address, wanted.until, wanted.filters), (Ipv4Addr::LOCALHOST.into(), None, None));
    }

    #[test]
    fn what_was_asked_for_comes_back() {
        let header = proto::HeaderMatch { name: "x-user".to_owned(), value: "ann|bob".to_owned(), regex: true };
        let path = proto::PathMatch { value: "/api".to_owned(), kind: "PathPrefix".to_owned() };
        let http = proto::HttpFilter { headers: vec![header], path: Some(path), method: "GET".to_owned() };
        let ports = vec![
            proto::InterceptPort { port: "80".to_owned(), udp: false, local_port: 8080 },
            proto::InterceptPort { port: "dns".to_owned(), udp: true, local_port: 5353 },
        ];
        let asked = proto::InterceptRequest {
            name: "mine".to_owned(),
            namespace: "team".to_owned(),
            container: "app".to_owned(),
            mode: "wiretap".to_owned(),
            kind: "StatefulSet".to_owned(),
            address: "::1".to_owned(),
            until: 1_700_000_000_000,
            mount: Some(proto::Mount { path: "/home/ann/web".to_owned(), read_only: true }),
            ports,
            http: Some(http),
            ..asked()
        };
        let wanted = wanted(&wish(), asked.clone()).unwrap();
        let view = View {
            standing: Standing::of(&wanted),
            intercept: wanted,
            pods: Vec::new(),
            mounted: None,
            delivered: Delivered { connections: 12, refused: 1, last: Some(UNIX_EPOCH + Duration::from_millis(5)) },
            requests: Some(tunnel::RequestCounts { matched: 30, passed: 340, dropped: 2 }),
        };
        let state = state(&view);
        assert_eq!(state.delivered, Some(proto::Delivered { connections: 12, refused: 1, last: 5 }));
        assert_eq!(state.requests, Some(proto::Requests { matched: 30, passed: 340, dropped: 2 }));
        let back = proto::InterceptRequest {
            connection: asked.connection.clone(),
            name: state.name,
            namespace: state.namespace,
            kind: state.kind,
            workload: state.workload,
            container: state.container,
            mode: state.mode,
            ports: state.ports,
            http: state.http,
            address: state.address,
            until: state.until,
            mount: state.mount.and_then(|state| state.mount),
        };
        assert_eq!(back, asked);
    }

    #[test]
    fn nothing_ends_before_it_was_to() {
        let second = |milliseconds| time(milliseconds).unwrap().map(Timestamp::as_second);
        assert_eq!([0, 999, 1_000, 1_001, 1_999].map(second), [None, Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn what_cannot_be_asked_for() {
        let header = |name: &str, value: &str| proto::HeaderMatch {
            name: name.to_owned(),
            value: value.to_owned(),
            regex: false,
        };
        let http = |headers| Some(proto::HttpFilter { headers, ..Default::default() });
        let port =
            |port: &str, local_port| vec![proto::InterceptPort { port: port.to_owned(), udp: false, local_port }];
        for (bad, word) in [
            (proto::InterceptRequest { kind: "DaemonSet".to_owned(), ..asked() }, "DaemonSet"),
            (proto::InterceptRequest { mode: "grab".to_owned(), ..asked() }, "grab"),
            (proto::InterceptRequest { address: "here".to_owned(), ..asked() }, "here"),
            (proto::InterceptRequest { ports: port("http", 65_536), ..asked() }, "65536"),
            (proto::InterceptRequest { ports: port("0", 80), ..asked() }, "0 is no port"),
            (proto::InterceptRequest { ports: port("", 80), ..asked() }, "is no port"),
            (proto::InterceptRequest { http: http(vec![header("", "a")]), ..asked() }, "no name"),
            (proto::InterceptRequest { http: http(vec![header("a", "b"); 17]), ..asked() }, "16 headers"),
            (proto::InterceptRequest { until: i64::MAX, ..asked() }, "is no time"),
            (proto::InterceptRequest { mount: Some(proto::Mount::default()), ..asked() }, "absolute path"),
        ] {
            let fault = wanted(&wish(), bad).unwrap_err();
            assert_eq!(fault.code, Code::BadArgument);
            assert!(fault.detail.contains(word), "{fault}");
        }
        let standalone = Target::Standalone {
            address: "a:1".to_owned(),
            pin: String::new(),
            also_proxy: Vec::new(),
            never_proxy: Vec::new(),
        };
        assert!(wanted(&Wish { target: standalone, ..wish() }, asked()).is_err());
        assert_eq!(
            wanted(&wish(), proto::InterceptRequest { http: http(Vec::new()), ..asked() }).unwrap().filters,
            None
        );
    }
}
