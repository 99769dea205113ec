//! What such helpers tell of.

use hawser_ipc::proto::{
    Check, Connection, Container, ContainerList, ContainerPort, DoctorReply, EnvironmentReply, Holder, InterceptPhase,
    InterceptPort, InterceptRequest, InterceptState, InterceptedPod, LevelReply, Namespace, Outcome, Port, Query,
    Service, Snapshot, State, Workload, query,
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

/// What was asked for, in force.
pub fn granted(asked: InterceptRequest) -> InterceptState {
    InterceptState {
        connection: asked.connection,
        name: asked.name,
        namespace: asked.namespace,
        kind: asked.kind,
        workload: asked.workload,
        mode: asked.mode,
        ports: asked.ports,
        http: asked.http,
        address: asked.address,
        until: asked.until,
        ..intercepted()
    }
}

/// Of its container: a secret, and a variable that a handler doesn't get.
pub fn environment() -> EnvironmentReply {
    let environment = [("TOKEN", "tops3cret"), ("PATH", "/pod")];
    EnvironmentReply {
        pod: "web-0".into(),
        container: "app".into(),
        environment: environment.map(|(name, value)| (name.into(), value.into())).into(),
        mounts: Vec::new(),
    }
}

/// A question for a name, which the manager answered.
pub fn question() -> Query {
    Query {
        connection: "shop".into(),
        id: 1,
        name: "web.demo.local".into(),
        record: "A".into(),
        source: "198.18.0.1:40000".into(),
        uid: Some(nix::unistd::geteuid().as_raw()),
        answered_by: query::By::Manager.into(),
        outcome: query::Outcome::Answered.into(),
        took_us: 1_200,
        at: 1_700_000_000_000,
        ..Query::default()
    }
}

/// What is said of the log's level after this was asked for, or nothing.
pub fn level(asked: &str) -> LevelReply {
    let level = if asked.is_empty() { "normal" } else { asked };
    LevelReply { level: level.into(), until: if level == "normal" { 0 } else { 1_800_000_000_000 } }
}

/// A check that warns.
pub fn checks() -> DoctorReply {
    let check = Check {
        title: "The stub is real".into(),
        outcome: Outcome::Warn.into(),
        reason: "it is not".into(),
        fix: "Use the helper.".into(),
        code: "subnet-conflict".into(),
    };
    DoctorReply { checks: vec![check] }
}

/// A namespace `shop` with a workload `web`, which Ann wiretaps.
pub fn catalogue() -> Vec<Namespace> {
    let port = Port { name: "http".into(), number: 80, protocol: "TCP".into(), target: "8080".into() };
    let service = Service { name: "web".into(), address: "10.96.0.11".into(), ports: vec![port] };
    let declared = ContainerPort { name: "http".into(), number: 8080, protocol: "TCP".into() };
    let containers = vec![
        Container { name: "web".into(), ports: vec![declared], has_files: true },
        Container { name: "log".into(), ..Container::default() },
    ];
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
        containers: Some(ContainerList { containers }),
        with_agent: false,
    };
    vec![Namespace { name: "shop".to_owned(), workloads: vec![workload], services: vec![service] }]
}
