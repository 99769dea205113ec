//! Whom the user's programs ask for names. They read resolv.conf in their own mount namespace, so this is worth asking on the
//! user's side as well.

use std::net::IpAddr;

use hawser_fault::{Code, Fault};
use hawser_ipc::proto::Connection;

use super::findings::Check;
use crate::platform;

const FIX: &str = "Find out which program rewrites /etc/resolv.conf, then connect again.";

/// A check for each connection whose names are served, unless a resolver of this computer is asked.
pub(super) fn of<'a>(connections: impl Iterator<Item = &'a Connection>) -> Vec<Check> {
    let servers = platform::name_servers().map_err(|error| error.to_string());
    connections.filter_map(|connection| asks_us(connection, &servers)).collect()
}

fn asks_us(connection: &Connection, servers: &Result<Vec<IpAddr>, String>) -> Option<Check> {
    let ours: Vec<IpAddr> = connection.dns_servers.iter().filter_map(|server| server.parse().ok()).collect();
    if ours.is_empty() {
        return None;
    }
    let title = format!("Your programs ask the resolver of {}", connection.name);
    let fault = |detail| Fault::new(Code::DnsUnavailable, detail);
    Some(match servers {
        Err(why) => Check::failed(title, fault(format!("/etc/resolv.conf could not be read: {why}"))),
        // Such as systemd-resolved. Whether that asks us is the helper's to find out.
        Ok(servers) if servers.first().is_some_and(IpAddr::is_loopback) => return None,
        Ok(servers) => match servers.iter().position(|server| ours.contains(server)) {
            Some(0) => Check::passed(title, format!("/etc/resolv.conf names {} first", servers[0])),
            Some(_) => Check::warned(title, format!("/etc/resolv.conf names {} before it", servers[0]), FIX),
            None => Check::failed(title, fault(format!("/etc/resolv.conf does not name {}", ours[0])).with_fix(FIX)),
        },
    })
}

#[cfg(test)]
mod tests {
    use hawser_ipc::proto::Outcome;

    use super::*;

    #[test]
    fn the_resolver_file_is_judged_by_its_order() {
        let connection = Connection { dns_servers: vec!["10.99.0.2".into()], ..Connection::default() };
        let outcome = |servers: &[&str]| {
            let servers = Ok(servers.iter().map(|server| server.parse().unwrap()).collect());
            asks_us(&connection, &servers).unwrap().outcome
        };
        assert_eq!(outcome(&["10.99.0.2", "1.1.1.1"]), Outcome::Pass);
        assert_eq!(outcome(&["1.1.1.1", "10.99.0.2"]), Outcome::Warn);
        assert_eq!(outcome(&["1.1.1.1"]), Outcome::Fail);
        assert_eq!(outcome(&[]), Outcome::Fail);
        let forwarded = ["127.0.0.53", "10.99.0.2"].map(|server| server.parse().unwrap());
        assert_eq!(asks_us(&connection, &Ok(forwarded.into())), None, "whom that asks is not said in the file");
        assert_eq!(asks_us(&connection, &Err("gone".into())).unwrap().outcome, Outcome::Fail);
        assert_eq!(asks_us(&Connection::default(), &Ok(vec![])), None, "its names are not served");
    }
}
