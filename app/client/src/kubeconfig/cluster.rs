//! Where the API server is and how to know it.

use hawser_fault::Fault;
use url::Url;

use super::Environment;
use super::certificate::certificates;
use super::data::data_or_file;
use super::file::{ClusterFields, Entry};
use super::proxy::Proxy;

/// Where an API server is and how to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// `https://host:port/prefix` without login, query or fragment; `http://` only if the kubeconfig says so.
    pub server: Url,
    /// PEM with at least one certificate; the system's authorities if there is none.
    pub certificate_authority: Option<Vec<u8>>,
    /// The name in the server's certificate if it is not the host of the URL.
    pub tls_server_name: Option<String>,
    /// Take any certificate. Never together with authorities.
    pub insecure_skip_tls_verify: bool,
    /// What to go through.
    pub proxy: Option<Proxy>,
}

/// Host and port of an API server.
pub(crate) fn host_and_port(server: &Url) -> String {
    let port = server.port_or_known_default().unwrap_or(443);
    format!("{}:{port}", server.host_str().unwrap_or_default())
}

impl Cluster {
    pub(super) fn new(entry: &Entry<ClusterFields>, environment: &Environment) -> Result<Self, Fault> {
        let Entry { place, fields } = entry;
        let server = server(&fields.server).map_err(|why| {
            let detail = format!("the cluster's server {:?} {why}", *fields.server);
            place.malformed(detail).with_fix("Write server as https://HOST:PORT in the line's cluster.")
        })?;

        let name = "certificate-authority";
        let authorities = data_or_file(place, name, &fields.certificate_authority_data, &fields.certificate_authority)?;
        if let Some(pem) = &authorities {
            certificates(pem).map_err(|why| place.malformed(format!("the cluster's {name} {why}")))?;
        }
        let insecure_skip_tls_verify = *fields.insecure_skip_tls_verify;
        if insecure_skip_tls_verify && authorities.is_some() {
            let why = format!("the cluster has both {name} and insecure-skip-tls-verify, which kubectl refuses too");
            return Err(place.malformed(why).with_fix("Remove insecure-skip-tls-verify from the line's cluster."));
        }

        let proxy = match fields.proxy_url.reveal() {
            "" => Proxy::of_environment(&server, environment)?,
            url => Some(Proxy::parse(url).map_err(|why| place.malformed(format!("the cluster's proxy-url {why}")))?),
        };
        Ok(Self {
            server,
            certificate_authority: authorities,
            tls_server_name: Some(fields.tls_server_name.to_string()).filter(|name| !name.is_empty()),
            insecure_skip_tls_verify,
            proxy,
        })
    }
}

pub(super) fn server(text: &str) -> Result<Url, &'static str> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if text.is_empty() {
        return Err("is not set");
    }
    if !matches!(scheme.as_deref(), Some("https" | "http")) {
        return Err("does not start with https://");
    }
    let mut url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a login in it, which belongs to the user");
    }
    if url.port() == Some(0) {
        return Err("has no port between 1 and 65535");
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_clusters() {
        let table = [
            ("https://10.0.0.1:6443", Ok(("https", "10.0.0.1", 6443, "/"))),
            ("https://api.example.com", Ok(("https", "api.example.com", 443, "/"))),
            ("http://127.0.0.1:8080", Ok(("http", "127.0.0.1", 8080, "/"))),
            (
                "HTTPS://[2001:db8::1]:6443/k8s/clusters/c-1?x#y",
                Ok(("https", "[2001:db8::1]", 6443, "/k8s/clusters/c-1")),
            ),
            ("", Err("is not set")),
            ("10.0.0.1:6443", Err("does not start with")),
            ("api.example.com", Err("does not start with")),
            ("ftp://api", Err("does not start with")),
            ("https://", Err("is not a URL")),
            ("https://a:99999", Err("is not a URL")),
            ("https://a:0", Err("has no port")),
            ("https://me:secret@a", Err("has a login")),
        ];
        for (text, expected) in table {
            let found = server(text);
            let parts = found
                .as_ref()
                .map(|url| (url.scheme(), url.host_str().unwrap(), url.port_or_known_default().unwrap(), url.path()));
            match (parts, expected) {
                (Ok(parts), Ok(expected)) => assert_eq!(parts, expected, "{text}"),
                (Err(why), Err(expected)) => assert!(why.starts_with(expected), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
