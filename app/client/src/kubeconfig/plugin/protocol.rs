//! What is said to a plugin and how it answers (<https://kubernetes.io/docs/reference/config-api/client-authentication.v1/>).

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hawser_fault::{Code, Fault};
use serde_json::{Map, Value, json};

use crate::kubeconfig::file::ClusterFields;
use crate::kubeconfig::{Cluster, Credential};

/// Which form of the API a plugin speaks. Ours are the same in both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V1Beta1,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::V1, Self::V1Beta1].into_iter().find(|version| version.as_str() == text)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "client.authentication.k8s.io/v1",
            Self::V1Beta1 => "client.authentication.k8s.io/v1beta1",
        }
    }
}

/// The extension of a cluster's entry that is handed to plugins.
const EXTENSION: &str = "client.authentication.k8s.io/exec";

/// The text of `KUBERNETES_EXEC_INFO`.
pub(super) fn request(version: Version, interactive: bool, cluster: Option<Value>) -> String {
    let mut spec = json!({ "interactive": interactive });
    if let Some(cluster) = cluster {
        spec["cluster"] = cluster;
    }
    json!({ "kind": "ExecCredential", "apiVersion": version.as_str(), "spec": spec }).to_string()
}

/// What a plugin with `provideClusterInfo` is told of the cluster.
pub(super) fn about(fields: &ClusterFields, cluster: &Cluster) -> Value {
    let extension = fields.extensions.iter().find(|extension| *extension.name == EXTENSION);
    let mut about = json!({
        "server": *fields.server,
        "config": extension.map(|extension| extension.extension.clone()),
    });
    let mut add = |name: &str, value: Value| {
        about[name] = value;
    };
    if let Some(name) = &cluster.tls_server_name {
        add("tls-server-name", json!(name));
    }
    if let Some(pem) = &cluster.certificate_authority {
        add("certificate-authority-data", json!(STANDARD.encode(pem)));
    }
    // The kubeconfig's own proxy alone; the environment's is in the plugin's environment.
    if !fields.proxy_url.is_empty() {
        add("proxy-url", json!(fields.proxy_url.reveal()));
    }
    for (name, flag) in [
        ("insecure-skip-tls-verify", *fields.insecure_skip_tls_verify),
        ("disable-compression", *fields.disable_compression),
    ] {
        if flag {
            add(name, json!(true));
        }
    }
    about
}

/// Reads what the plugin called `name` has printed. Faults don't repeat any of it but its apiVersion, since it can be secret.
pub(super) fn answer(stdout: &[u8], version: Version, name: &str) -> Result<Credential, Fault> {
    let malformed = |why: String| {
        Fault::new(Code::CredentialMalformed, format!("{name} {why}"))
            .with_fix("Update the plugin, and check that the kubeconfig's apiVersion for it is one that it speaks.")
    };
    if stdout.trim_ascii().is_empty() {
        return Err(malformed("printed nothing".to_owned()));
    }
    let answer: Value =
        serde_json::from_slice(stdout).map_err(|error| malformed(format!("printed no JSON: {error}")))?;
    if answer["kind"] != "ExecCredential" {
        return Err(malformed("printed no ExecCredential".to_owned()));
    }
    if answer["apiVersion"] != version.as_str() {
        let asked = version.as_str();
        return Err(match answer["apiVersion"].as_str() {
            Some(other) => malformed(format!("was asked for {asked} and answered with {other:.80?}")),
            None => malformed(format!("was asked for {asked} and answered without an apiVersion")),
        });
    }
    let Some(status) = answer["status"].as_object() else {
        return Err(malformed("answered without a status".to_owned()));
    };

    let field =
        |field: &str| text(status, field).map_err(|why| malformed(format!("answered with a {field} that {why}")));
    let token = field("token")?;
    let chain = field("clientCertificateData")?;
    let key = field("clientKeyData")?;
    let expires = match field("expirationTimestamp")? {
        "" => None,
        time => {
            let time = time.parse::<jiff::Timestamp>();
            let time = time.map_err(|_| {
                malformed("answered with an expirationTimestamp that is no time of RFC 3339".to_owned())
            })?;
            Some(SystemTime::from(time))
        }
    };
    match (token, chain, key) {
        ("", "", "") => Err(malformed("answered without a token and without a certificate".to_owned())),
        (token, "", "") => Credential::token(token, expires, &format!("the token of {name}")),
        (_, "", _) => Err(malformed("answered with a key but no certificate".to_owned())),
        (_, _, "") => Err(malformed("answered with a certificate but no key".to_owned())),
        // A server that gets a certificate and a token goes by the certificate.
        (_, chain, key) => Credential::certificate(chain.into(), key.into(), expires, name),
    }
}

/// A field's text; empty if it is absent or null.
fn text<'a>(status: &'a Map<String, Value>, field: &str) -> Result<&'a str, &'static str> {
    match status.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err("is not text"),
    }
}
