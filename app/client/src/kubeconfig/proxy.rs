//! What to go through to the API server: the kubeconfig's `proxy-url`, else the environment by the rules of Go's net/http
//! (golang.org/x/net/http/httpproxy), which are kubectl's.

use std::net::IpAddr;

use hawser_fault::{Code, Fault};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::Environment;
use super::secret::Secret;

/// A proxy on the way to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub kind: ProxyKind,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User and password.
    pub login: Option<(String, Secret)>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// CONNECT (RFC 9110, section 9.3.6) in clear.
    Http,
    /// CONNECT inside TLS.
    Https,
    /// SOCKS version 5 (RFC 1928); names are resolved by the proxy.
    Socks5,
}

impl Proxy {
    /// Parses a URL. What is wrong with it is said without repeating it, since it can hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a URL")?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err("is of a kind that is none of http, https and socks5"),
        };
        let host = host(&url).ok_or("has no host")?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let login = match url.username() {
            "" => None,
            user => {
                let password = decoded(url.password().unwrap_or_default());
                let (Ok(user), Ok(password)) = (decoded(user), password) else {
                    return Err("has a login that is not UTF-8 text");
                };
                Some((user, Secret::from(password)))
            }
        };
        Ok(Self { kind, host, port: url.port().unwrap_or(port), login })
    }

    /// What the environment says for this server, if anything.
    ///
    /// `ALL_PROXY` comes last; Go does not know it.
    ///
    /// # Errors
    /// `bad-argument`, which names the variable.
    pub(super) fn of_environment(server: &Url, environment: &Environment) -> Result<Option<Self>, Fault> {
        let names: &[&str] = match server.scheme() {
            "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
            _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
        };
        let Some(name) = names.iter().find(|name| environment.first(&[name]).is_some()) else { return Ok(None) };
        let spared = environment.first(&["NO_PROXY", "no_proxy"]).unwrap_or_default().to_string_lossy();
        if is_spared(server, &spared) {
            return Ok(None);
        }

        let text = environment.first(&[name]).unwrap_or_default().to_string_lossy();
        let url = if text.contains("://") { text.into_owned() } else { format!("http://{text}") };
        Self::parse(&url).map(Some).map_err(|why| {
            Fault::new(Code::BadArgument, format!("the proxy in {name} {why}")).with_fix(format!(
                "Write {name} as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or unset it."
            ))
        })
    }
}

/// A URL's host without brackets.
fn host(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain("") => None,
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// Whether the list in `NO_PROXY` keeps this server away from proxies. Loopback always is.
fn is_spared(server: &Url, list: &str) -> bool {
    let name = host(server).unwrap_or_default().to_ascii_lowercase();
    let port = server.port_or_known_default().unwrap_or_default();
    let address = name.parse::<IpAddr>().ok();
    if name == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let mut entries = list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty());
    entries.any(|entry| match address {
        _ if entry == "*" => true,
        Some(address) => spares_address(&entry, address, port),
        None => spares_name(&entry, &name, port),
    })
}

/// `192.0.2.0/24`, `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
fn spares_address(entry: &str, address: IpAddr, port: u16) -> bool {
    if let Ok(network) = entry.parse::<IpNet>() {
        return network.contains(&address);
    }
    if let Ok(only) = entry.parse::<IpAddr>() {
        return only == address;
    }
    let Some((host, only)) = entry.rsplit_once(':') else { return false };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse() == Ok(address) && only.parse() == Ok(port)
}

/// `example.com` spares itself and what is below, `.example.com` and `*.example.com` only what is below; each may have a port.
fn spares_name(entry: &str, name: &str, port: u16) -> bool {
    let (host, only) = entry.split_once(':').map_or((entry, None), |(host, port)| (host, Some(port)));
    if only.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    match host.strip_prefix('.') {
        Some(_) => name.ends_with(host),
        None => !host.is_empty() && (name == host || name.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::testing::environment;

    #[test]
    fn urls_of_proxies() {
        let table = [
            ("http://proxy", ProxyKind::Http, "proxy", 80),
            ("https://proxy", ProxyKind::Https, "proxy", 443),
            ("socks5://10.0.0.1", ProxyKind::Socks5, "10.0.0.1", 1080),
            ("socks5h://[2001:db8::1]:9", ProxyKind::Socks5, "2001:db8::1", 9),
            ("http://proxy:3128/path", ProxyKind::Http, "proxy", 3128),
        ];
        for (text, kind, host, port) in table {
            assert_eq!(Proxy::parse(text), Ok(Proxy { kind, host: host.into(), port, login: None }), "{text}");
        }
        let proxy = Proxy::parse("http://me:p%40ss@proxy:1").unwrap();
        assert_eq!(proxy.login, Some(("me".into(), Secret::from("p@ss".to_owned()))));
        assert!(!format!("{proxy:?}").contains("p@ss"));
        for text in
            ["", "proxy:3128", "ftp://proxy", "http://", "socks5://:1", "http://proxy:99999", "http://%ff@proxy"]
        {
            assert!(Proxy::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_in_gos_order() {
        type Row = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>);
        let table: &[Row] = &[
            ("https://a", &[], None),
            ("https://a", &[("HTTPS_PROXY", "http://one")], Some("one")),
            ("https://a", &[("HTTPS_PROXY", ""), ("https_proxy", "two:3128")], Some("two")),
            ("https://a", &[("HTTPS_PROXY", "http://one"), ("https_proxy", "http://two")], Some("one")),
            ("https://a", &[("HTTP_PROXY", "http://one")], None),
            ("http://a", &[("HTTP_PROXY", "http://one"), ("HTTPS_PROXY", "http://two")], Some("one")),
            ("https://a", &[("ALL_PROXY", "socks5://three")], Some("three")),
            ("https://a", &[("ALL_PROXY", "socks5://three"), ("https_proxy", "two")], Some("two")),
            ("https://a", &[("HTTPS_PROXY", "http://one"), ("NO_PROXY", "b,a")], None),
            ("https://a", &[("HTTPS_PROXY", "http://one"), ("no_proxy", "a")], None),
            ("https://localhost:6443", &[("HTTPS_PROXY", "http://one")], None),
            ("https://127.1.2.3", &[("HTTPS_PROXY", "http://one")], None),
            ("https://[::1]:6443", &[("HTTPS_PROXY", "http://one")], None),
        ];
        for (server, variables, expected) in table {
            let proxy = Proxy::of_environment(&server.parse().unwrap(), &environment(variables)).unwrap();
            assert_eq!(proxy.map(|proxy| proxy.host).as_deref(), *expected, "{server} {variables:?}");
        }
        let wrong = environment(&[("HTTPS_PROXY", "ftp://me:hunter2@one")]);
        let fault = Proxy::of_environment(&"https://a".parse().unwrap(), &wrong).unwrap_err();
        assert_eq!(fault.code, Code::BadArgument);
        assert!(fault.detail.contains("HTTPS_PROXY") && !fault.detail.contains("hunter2"), "{}", fault.detail);
    }

    #[test]
    fn who_is_spared() {
        let table = [
            ("https://a.example.com", "example.com", true),
            ("https://example.com", "example.com", true),
            ("https://EXAMPLE.com", " Example.COM ", true),
            ("https://badexample.com", "example.com", false),
            ("https://a.example.com", ".example.com", true),
            ("https://example.com", ".example.com", false),
            ("https://a.example.com", "*.example.com", true),
            ("https://example.com", "*.example.com", false),
            ("https://example.com:6443", "example.com:6443", true),
            ("https://example.com", "example.com:443", true),
            ("https://example.com", "example.com:6443", false),
            ("https://anything", "x,*", true),
            ("https://anything", "", false),
            ("https://anything", ",:443,", false),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://10.1.2.3", "10.9.9.9/8", true),
            ("https://11.1.2.3", "10.0.0.0/8", false),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://[2001:db8::1]", "2001:db8::/32", true),
            ("https://[2001:db8::1]", "2001:db8:0::1", true),
            ("https://[2001:db8::1]", "[2001:db8::1]:443", true),
            ("https://10.1.2.3", ".3", false),
        ];
        for (server, list, expected) in table {
            assert_eq!(is_spared(&server.parse().unwrap(), list), expected, "{server} {list}");
        }
    }
}
