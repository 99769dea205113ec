//! What an agent is told by its pod: written by the manager's webhook, read by the agent.

use serde::{Deserialize, Serialize};

/// The environment variable that holds the [`Config`] as JSON.
pub const CONFIG: &str = "HAWSER_AGENT";
/// The environment variable that holds the pod's address.
pub const POD_IP: &str = "HAWSER_POD_IP";
/// The file with the token of the pod's service account, for [`AUDIENCE`].
pub const TOKEN: &str = "/var/run/secrets/hawser.dev/token";
/// Whom that token is for.
pub const AUDIENCE: &str = "hawser-agent";
/// Where the volumes of the app's containers are mounted: in a folder for each, by its number in [`Config::containers`].
pub const VOLUMES: &str = "/hawser/volumes";
/// The first port on which an agent listens; one more for each port of the app.
pub const FIRST_PORT: u16 = 7400;

/// What an agent is to do in its pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// `host:port` of any replica of the manager.
    pub manager: String,
    /// The manager's name in its certificate.
    pub manager_name: String,
    /// The certificate of the manager's authority, in PEM.
    pub authority: String,
    /// Ports that may be intercepted.
    pub ports: Vec<Port>,
    /// The app's containers.
    pub containers: Vec<Container>,
}

/// A port of the app, and where the agent listens in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// Where the agent listens.
    pub listen: u16,
    /// Where the app listens.
    pub app: u16,
    /// UDP, else TCP.
    #[serde(default)]
    pub udp: bool,
}

/// A container of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The names of its environment's variables. The agent has each under [`variable`].
    #[serde(default)]
    pub environment: Vec<String>,
    /// Where its volumes are, as the container has them. The agent has each below [`VOLUMES`].
    #[serde(default)]
    pub mounts: Vec<String>,
}

/// The name under which the agent has a variable of a container.
pub fn variable(container: usize, name: &str) -> String {
    format!("HAWSER_{container}_{name}")
}
