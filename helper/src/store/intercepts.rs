//! An intercept that is wanted.

use std::net::{IpAddr, SocketAddr};

use hawser_api::{Filters, InterceptPort, Mode, Protocol, Workload};
use hawser_tunnel::frame::Kind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::desired::Id;

/// One intercept that is wanted, as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intercept {
    /// Over which connection.
    pub connection: Id,
    /// Name among the connection's intercepts.
    pub name: String,
    /// Of the workload.
    pub namespace: String,
    /// Whose traffic.
    pub workload: Workload,
    /// Whose environment and files; the cluster chooses without it.
    pub container: Option<String>,
    /// What happens to the traffic.
    pub mode: Mode,
    /// Which of it.
    pub ports: Vec<InterceptPort>,
    /// Which requests of it.
    pub filters: Option<Filters>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Where the handler listens.
    pub address: IpAddr,
    /// Where the container's files are wanted, if they are.
    #[serde(default)]
    pub mount: Option<Mount>,
    /// The name of its object in the cluster.
    pub object: String,
    /// The uid of its object, once that was made. The object is not made again while this stands.
    pub uid: Option<String>,
    /// It is to go as soon as the cluster can be told.
    #[serde(default)]
    pub leaving: bool,
}

/// Where files are wanted on this computer. Nothing to the helper but a word for the user's companion, which mounts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// An absolute path.
    pub path: String,
    /// Nothing is to be changed there.
    pub read_only: bool,
}

impl Intercept {
    /// Whether it is the one of this name.
    pub fn is(&self, connection: &Id, name: &str) -> bool {
        self.connection == *connection && self.name == name
    }

    /// Whether the same is wanted. When it is to end, and what became of it, makes no difference.
    pub fn same(&self, other: &Self) -> bool {
        let asked = |intercept: &Self| Self {
            object: String::new(),
            uid: None,
            until: None,
            leaving: false,
            ..intercept.clone()
        };
        asked(self) == asked(other)
    }

    /// Which local ports lead where.
    pub fn handlers(&self) -> impl Iterator<Item = ((Kind, u16), SocketAddr)> + '_ {
        self.ports.iter().map(|port| ((kind(port), port.local_port), SocketAddr::new(self.address, port.local_port)))
    }
}

fn kind(port: &InterceptPort) -> Kind {
    match port.protocol.unwrap_or_default() {
        Protocol::Tcp => Kind::Tcp,
        Protocol::Udp => Kind::Udp,
    }
}

#[cfg(test)]
pub mod tests {
    use hawser_api::{IntOrString, WorkloadKind};

    use super::*;

    pub fn intercept(connection: &Id, name: &str) -> Intercept {
        Intercept {
            connection: connection.clone(),
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            workload: Workload { kind: WorkloadKind::Deployment, name: "web".to_owned() },
            container: None,
            mode: Mode::Intercept,
            ports: vec![port("http", Protocol::Tcp, 8080)],
            filters: None,
            until: None,
            address: IpAddr::from([127, 0, 0, 1]),
            mount: None,
            object: format!("{name}-1a2b3"),
            uid: None,
            leaving: false,
        }
    }

    pub fn port(name: &str, protocol: Protocol, local_port: u16) -> InterceptPort {
        InterceptPort { port: IntOrString::String(name.to_owned()), protocol: Some(protocol), local_port }
    }

    #[test]
    fn each_port_leads_to_its_handler() {
        let id = Id { owner: 1000, name: "a".to_owned() };
        let ports = vec![port("http", Protocol::Tcp, 8080), port("dns", Protocol::Udp, 5353)];
        let intercept = Intercept { ports, ..intercept(&id, "web") };
        let handlers: Vec<_> = intercept.handlers().map(|(port, address)| (port, address.to_string())).collect();
        assert_eq!(
            handlers,
            [((Kind::Tcp, 8080), "127.0.0.1:8080".to_owned()), ((Kind::Udp, 5353), "127.0.0.1:5353".to_owned())]
        );
    }

    #[test]
    fn the_same_is_asked_for_whatever_became_of_it() {
        let id = Id { owner: 1000, name: "a".to_owned() };
        let one = intercept(&id, "web");
        assert!(one.same(&Intercept { uid: Some("u".to_owned()), until: Some(Timestamp::UNIX_EPOCH), ..one.clone() }));
        assert!(!one.same(&Intercept { mode: Mode::Wiretap, ..one.clone() }));
    }
}
