//! What the chart says, and where this replica runs.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use hawser_fault::{Code, Fault};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

/// The chart's configuration file. Every field may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// Subnets of pods; found out if empty.
    pub pod_subnets: Vec<IpNet>,
    /// Subnets of services; found out if empty.
    pub service_subnets: Vec<IpNet>,
    /// More subnets for laptops to route here.
    pub also_proxy: Vec<IpNet>,
    /// Subnets that laptops keep.
    pub never_proxy: Vec<IpNet>,
    /// Namespaces to serve; all if empty.
    pub namespaces: Vec<String>,
    /// Names.
    pub dns: Dns,
    /// Ways to replicas past the API server.
    pub direct: Direct,
    /// The agents of intercepted pods.
    pub agent: Agent,
}

/// What is added to intercepted pods.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Agent {
    /// Its image; the manager's own if empty.
    pub image: String,
    /// Its imagePullPolicy; the cluster's default if empty.
    pub pull_policy: String,
    /// The resources of its container, as Kubernetes writes them.
    pub resources: Value,
    /// How long, in seconds, an agent stays that nothing is intercepted by. 0: for good.
    pub idle_seconds: u64,
}

impl Default for Agent {
    fn default() -> Self {
        Self { image: String::new(), pull_policy: String::new(), resources: json!({}), idle_seconds: 0 }
    }
}

/// Which names are the cluster's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Dns {
    /// Found out if empty.
    pub cluster_domain: String,
    /// More suffixes to resolve here.
    pub include_suffixes: Vec<String>,
    /// Suffixes that laptops keep.
    pub exclude_suffixes: Vec<String>,
    /// Names that laptops keep.
    pub excludes: Vec<String>,
    /// Names that stand for others, or for addresses.
    pub mappings: BTreeMap<String, String>,
}

/// Which ways past the API server laptops are told of.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Direct {
    /// The pod's own address.
    pub pod_address: bool,
    /// A port of the replica's node.
    pub node_port: bool,
    /// A load balancer before all replicas.
    pub load_balancer: bool,
}

impl Settings {
    /// Reads the file; one that isn't there says nothing.
    ///
    /// # Errors
    /// `file-unreadable`, `config-malformed`.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Fault::new(Code::FileUnreadable, format!("{}: {error}", path.display()))),
        };
        serde_json::from_slice(&text)
            .map_err(|error| Fault::new(Code::ConfigMalformed, format!("{}: {error}", path.display())))
    }
}

/// Where this replica runs, from the downward API.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its pod.
    pub pod: String,
    /// The namespace of that, where sessions are.
    pub namespace: String,
    /// The pod's address.
    pub address: IpAddr,
    /// The port of the tunnel.
    pub port: u16,
    /// The node that the pod runs on.
    pub node: String,
    /// The image of its container; empty if the chart doesn't say.
    pub image: String,
}

impl Place {
    /// Reads `POD_NAME`, `POD_NAMESPACE`, `POD_IP` and `NODE_NAME`, and `HAWSER_IMAGE` if it's there.
    ///
    /// # Errors
    /// `bad-argument` if one is missing.
    pub fn from_environment(port: u16) -> Result<Self, Fault> {
        let read = |name: &str| {
            std::env::var(name).map_err(|_| {
                Fault::new(Code::BadArgument, format!("{name} is not in the environment"))
                    .with_fix("Run it from the chart, which sets it by the downward API.")
            })
        };
        let address = read("POD_IP")?;
        let address = address
            .parse()
            .map_err(|_| Fault::new(Code::BadArgument, format!("POD_IP is {address:?}, which is no address")))?;
        let image = std::env::var("HAWSER_IMAGE").unwrap_or_default();
        Ok(Self {
            pod: read("POD_NAME")?,
            namespace: read("POD_NAMESPACE")?,
            address,
            port,
            node: read("NODE_NAME")?,
            image,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_say_nothing_or_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        assert!(Settings::read(&path).unwrap().pod_subnets.is_empty());
        fs::write(&path, r#"{"podSubnets":["10.1.0.0/16"],"dns":{"mappings":{"a":"b.c"}}}"#).unwrap();
        let settings = Settings::read(&path).unwrap();
        assert_eq!(settings.pod_subnets, ["10.1.0.0/16".parse().unwrap()]);
        assert_eq!(settings.dns.mappings["a"], "b.c");
        for wrong in ["{", r#"{"podSubnet":[]}"#, r#"{"podSubnets":["10.1.0.0"]}"#] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(Settings::read(&path).unwrap_err().code, Code::ConfigMalformed, "{wrong}");
        }
    }
}
