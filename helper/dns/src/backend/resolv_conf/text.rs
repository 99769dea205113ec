//! The format of resolv.conf(5), as glibc and musl read it.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

const PORT: u16 = 53;

/// What a file says that matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Conf {
    servers: Vec<SocketAddr>,
    search: Option<Vec<String>>,
    /// The lines that are kept as they are: options and sortlist.
    kept: Vec<String>,
}

impl Conf {
    /// A keyword counts only at the beginning of its line. `interface` gives the number of the interface in `fe80::1%eth0`.
    pub(super) fn parse(text: &str, interface: impl Fn(&str) -> Option<u32>) -> Self {
        let mut conf = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().filter(|keyword| line.starts_with(keyword));
            match keyword {
                Some("nameserver") => conf.servers.extend(words.next().and_then(|word| parse_server(word, &interface))),
                // The last of these two wins (resolv.conf(5)).
                Some("search") => conf.search = Some(words.map(str::to_owned).collect()),
                Some("domain") => conf.search = Some(words.take(1).map(str::to_owned).collect()),
                Some("options" | "sortlist") => conf.kept.push(line.to_owned()),
                _ => {}
            }
        }
        conf
    }

    /// The name servers that it names.
    pub(super) fn into_servers(self) -> Vec<SocketAddr> {
        self.servers
    }

    /// Without a search list there is one all the same: the host name's domain. Ours would end that in silence.
    pub(super) fn default_search(&mut self, host_name: &str) {
        self.search.get_or_insert_with(|| {
            host_name.split_once('.').map(|(_, domain)| domain.to_owned()).into_iter().collect()
        });
    }

    /// The file that makes programs ask `servers`, and search `search` before what they searched so far.
    pub(super) fn render(&self, first_line: &str, servers: &[IpAddr], search: &[String]) -> String {
        let mut text = first_line.to_owned();
        for server in servers {
            writeln!(text, "nameserver {server}").expect("writing to a String cannot fail");
        }
        let mut domains: Vec<&str> = Vec::new();
        for domain in search.iter().chain(self.search.iter().flatten()) {
            let domain = domain.strip_suffix('.').unwrap_or(domain);
            if !domain.is_empty() && !domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
                domains.push(domain);
            }
        }
        if !domains.is_empty() {
            text.extend(["search ", &domains.join(" "), "\n"]);
        }
        for line in &self.kept {
            text.extend([line, "\n"]);
        }
        text
    }

    /// Where programs asked so far. Without a name server in the file that is the local one (resolv.conf(5)). Our own
    /// addresses are left out, or a question could go round for ever.
    pub(super) fn upstreams(&self, ours: &[IpAddr]) -> Vec<SocketAddr> {
        let local = [SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))];
        let servers = if self.servers.is_empty() { &local } else { self.servers.as_slice() };
        servers.iter().filter(|server| !ours.contains(&server.ip())).copied().collect()
    }
}

fn parse_server(word: &str, interface: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let Some((address, scope)) = word.split_once('%') else {
        return word.parse::<IpAddr>().ok().map(|address| (address, PORT).into());
    };
    let scope = scope.parse().ok().or_else(|| interface(scope))?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Conf {
        Conf::parse(text, |name| (name == "eth0").then_some(7))
    }

    #[test]
    fn name_servers_are_found() {
        for (text, servers) in [
            ("", &["127.0.0.1:53"][..]),
            ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", &["192.0.2.1:53", "[2001:db8::1]:53"]),
            ("nameserver\t192.0.2.1  # home\r\n", &["192.0.2.1:53"]),
            (
                "nameserver fe80::1%eth0\nnameserver fe80::2%3\nnameserver fe80::3%gone",
                &["[fe80::1%7]:53", "[fe80::2%3]:53"],
            ),
            (
                "#nameserver 192.0.2.1\n;nameserver 192.0.2.2\n nameserver 192.0.2.3\nnameservers 192.0.2.4",
                &["127.0.0.1:53"],
            ),
            ("nameserver nonsense\nnameserver\nnameserver 192.0.2.1", &["192.0.2.1:53"]),
            ("nameserver 10.0.0.1\nnameserver 192.0.2.1", &["192.0.2.1:53"]),
            ("nameserver 10.0.0.1", &[]),
        ] {
            let found: Vec<_> =
                parse(text).upstreams(&["10.0.0.1".parse().unwrap()]).iter().map(ToString::to_string).collect();
            assert_eq!(found, servers, "{text:?}");
        }
    }

    #[test]
    fn our_file_keeps_what_is_not_ours() {
        for (text, host_name, ours) in [
            ("", "laptop", "search shop.local\n"),
            ("", "laptop.corp.example", "search shop.local corp.example\n"),
            ("search a.example b.example\n", "laptop.corp.example", "search shop.local a.example b.example\n"),
            ("search a.example\ndomain b.example\n", "laptop", "search shop.local b.example\n"),
            ("search .\n", "laptop.corp.example", "search shop.local\n"),
            ("search SHOP.local. a.example", "laptop", "search shop.local a.example\n"),
            (
                "options ndots:3 edns0\nsortlist 192.0.2.0/24\noptions rotate",
                "laptop",
                "search shop.local\noptions ndots:3 edns0\nsortlist 192.0.2.0/24\noptions rotate\n",
            ),
        ] {
            let mut conf = parse(text);
            conf.default_search(host_name);
            let rendered = conf.render("# ours\n", &["10.0.0.1".parse().unwrap()], &["shop.local".to_owned()]);
            assert_eq!(rendered, format!("# ours\nnameserver 10.0.0.1\n{ours}"), "{text:?}");
        }
        assert_eq!(parse("").render("", &[], &[]), "", "nothing to say");
    }
}
