//! What such helpers tell of.

use hawser_ipc::proto::{
    Connection, Holder, InterceptPhase, InterceptPort, InterceptState, InterceptedPod, Namespace, Port, Service,
    Snapshot, State, Workload,
};

/// The key of the user.
pub const PIN: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// These connections.
pub fn snapshot(connections: Vec<Connection>) -> Snapshot {
    Snapshot { software: format!("hawser-helper {}", env!("CARGO_PKG_VERSION")), connections }
}

/// A connection to a manager without Kubernetes.
pub fn standalone() -> Connection {
    Connection {
        name: "shop".into(),
        state: State::Connected.into(),
        target: "203.0.113.7:7300".into(),
        subnets: vec!["10.96.0.0/16".into()],
        domains: vec!["demo.local".into()],
        ..Connection::default()
    }
}

/// This user's connection to a cluster.
pub fn cluster(name: &str) -> Connection {
    Connection {
        name: name.into(),
        owner: nix::unistd::geteuid().as_raw(),
        context: name.into(),
        namespace: "shop".into(),
        ..standalone()
    }
}

/// An intercept in force.
pub fn intercepted() -> InterceptState {
    let pod = InterceptedPod { name: "web-0".into(), address: "10.1.0.4".into(), applied: true };
    InterceptState {
        name: "web".into(),
        namespace: "shop".into(),
        kind: "Deployment".into(),
        workload: "web".into(),
        mode: "intercept".into(),
        address: "127.0.0.1".into(),
        phase: InterceptPhase::Active.into(),
        pods: vec![pod],
        ports: Vec::<InterceptPort>::new(),
        ..InterceptState::default()
    }
}

/// A namespace `shop` with a workload `web`, which Ann wiretaps.
pub fn catalogue() -> Vec<Namespace> {
    let port = Port { name: "http".into(), number: 80, protocol: "TCP".into(), target: "8080".into() };
    let service = Service { name: "web".into(), address: "10.96.0.11".into(), ports: vec![port] };
    let workload = Workload {
        kind: "Deployment".into(),
        name: "web".into(),
        replicas: 1,
        ready: 1,
        services: vec!["web".into()],
        holders: vec![Holder {
            user: "ann".into(),
            intercept: "web-1a2b3".into(),
            mode: "wiretap".into(),
            since: 1_700_000_000_000,
        }],
    };
    vec![Namespace { name: "shop".to_owned(), workloads: vec![workload], services: vec![service] }]
}
