//! Rules about names and owners: pure functions of who asks and what is there.

use hawser_fault::{Code, Fault};

use crate::machine::parse_pin;
use crate::store::desired::{Id, Routing, Target, Wish};
use crate::{address, limits};

/// Whether a user sees more of a connection than its name and state.
pub fn may_see(caller: u32, owner: u32) -> bool {
    caller == 0 || caller == owner
}

/// The connection that `caller` may end and means by `name`.
pub fn choose<'a>(caller: u32, name: &str, ids: impl Iterator<Item = &'a Id> + Clone) -> Result<&'a Id, Fault> {
    let own: Vec<&Id> = ids.clone().filter(|id| id.owner == caller && (name.is_empty() || id.name == name)).collect();
    let foreign: Vec<&Id> = ids.filter(|id| id.owner != caller && id.name == name).collect();
    match (own.as_slice(), foreign.as_slice()) {
        ([only], _) => Ok(only),
        ([_, ..], _) => {
            let names: Vec<&str> = own.iter().map(|id| id.name.as_str()).collect();
            let detail = format!("you have several connections: {}", names.join(", "));
            Err(Fault::new(Code::BadArgument, detail).with_fix("Name the one that you mean."))
        }
        ([], []) if name.is_empty() => Err(Fault::new(Code::NotConnected, "you have no connection")),
        ([], []) => Err(Fault::new(Code::NotConnected, format!("no connection is called {name}"))),
        ([], [only]) if caller == 0 => Ok(only),
        ([], [_, ..]) if caller == 0 => {
            let detail = format!("several users have a connection called {name}");
            Err(Fault::new(Code::BadArgument, detail).with_fix("Let its owner end it: sudo -u OWNER hawser disconnect"))
        }
        ([], [first, ..]) => {
            Err(Fault::new(Code::NotOwner, format!("the connection {name} belongs to the user {}", first.owner)))
        }
    }
}

/// What asking for `wanted` while `present` is there changes of its routes; nothing if `None`. Who says nothing of them leaves them.
pub fn same_target(present: &Wish, wanted: &Wish) -> Result<Option<Routing>, Fault> {
    let (has, wants) = (present.target.routing(), wanted.target.routing());
    if present.target == wanted.target.clone().routed(has.clone()) {
        return Ok(Some(wants).filter(|wants| *wants != Routing::default() && *wants != has));
    }
    let name = &present.id.name;
    let same_address = present.target.address() == wanted.target.address();
    let difference = if same_address { " with another pin" } else { "" };
    let detail = format!("the connection {name} already goes to {}{difference}", present.target.address());
    Err(Fault::new(Code::AlreadyConnected, detail)
        .with_fix(format!("Disconnect it first with: hawser disconnect {name}")))
}

/// Names are typed, printed and logged, so they are kept to what survives all three.
pub fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = match name {
        "" => "it is empty".to_owned(),
        _ if name.len() > limits::NAME_BYTES => format!("it is longer than {} characters", limits::NAME_BYTES),
        _ if name.starts_with('-') => "it starts with a hyphen".to_owned(),
        _ if !name.chars().all(allowed) => "it has other characters than letters, digits, '.', '_' and '-'".to_owned(),
        _ => return Ok(()),
    };
    let shown: String = name.chars().take(limits::NAME_BYTES).collect();
    Err(Fault::new(Code::BadArgument, format!("{shown:?} cannot be the name of a connection: {reason}")))
}

/// What a user asks to be connected to.
pub fn check_target(target: &Target) -> Result<(), Fault> {
    match target {
        Target::Standalone { address, pin, .. } => {
            check_address(address)?;
            parse_pin(pin)?;
        }
        Target::Kubernetes(cluster) => {
            check_namespace(&cluster.namespace)?;
            check_namespace(&cluster.manager_namespace)?;
            within("the profile", cluster.profile.len(), limits::PROFILE_BYTES)?;
            within("the context's name", cluster.context.len(), limits::PROFILE_BYTES)?;
            within("the server's name", cluster.server.len(), limits::ADDRESS_BYTES)?;
        }
    }
    check_routing(&target.routing())
}

/// What a user asks to have routed.
pub fn check_routing(routing: &Routing) -> Result<(), Fault> {
    within("the list of subnets", routing.also.len() + routing.never.len(), limits::USER_SUBNETS)?;
    let unroutable = routing.also.iter().find_map(|net| address::unroutable(net).map(|what| (net, what)));
    match unroutable {
        None => Ok(()),
        Some((net, what)) => {
            let detail = format!("{net} can't be routed to a cluster: it stands for {what}");
            Err(Fault::new(Code::SubnetInvalid, detail).with_fix("Take it out of the list."))
        }
    }
}

fn within(what: &str, size: usize, limit: usize) -> Result<(), Fault> {
    if size <= limit {
        return Ok(());
    }
    Err(Fault::new(Code::BadArgument, format!("{what} is longer than {limit}")))
}

/// A DNS label (RFC 1123): it becomes part of paths and of names.
fn check_namespace(name: &str) -> Result<(), Fault> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good =
        (1..=63).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('-') && !name.ends_with('-');
    if good {
        return Ok(());
    }
    let shown: String = name.chars().take(63).collect();
    Err(Fault::new(Code::BadArgument, format!("{shown:?} cannot be the name of a namespace")))
}

/// `host:port`, with brackets around an IPv6 address.
pub fn check_address(address: &str) -> Result<(), Fault> {
    let good = address.len() <= limits::ADDRESS_BYTES
        && address
            .rsplit_once(':')
            .is_some_and(|(host, port)| is_host(host) && port.parse().is_ok_and(|port: u16| port > 0));
    if good {
        return Ok(());
    }
    let shown: String = address.chars().take(limits::ADDRESS_BYTES).collect();
    let detail = format!("{shown:?} is no address of a manager");
    Err(Fault::new(Code::BadArgument, detail)
        .with_fix("Write it as host:port, for example 203.0.113.7:7300 or [2001:db8::7]:7300."))
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_end_what() {
        let ids: Vec<Id> = [(1000, "shop"), (1000, "lab"), (1001, "shop"), (1002, "solo"), (0, "own")]
            .map(|(owner, name)| Id { owner, name: name.to_owned() })
            .into();
        for (caller, name, expected) in [
            (1000, "shop", Ok((1000, "shop"))),
            (1001, "shop", Ok((1001, "shop"))),
            (1001, "", Ok((1001, "shop"))),
            (1000, "", Err(Code::BadArgument)),
            (1003, "", Err(Code::NotConnected)),
            (1003, "none", Err(Code::NotConnected)),
            (1003, "shop", Err(Code::NotOwner)),
            (1000, "solo", Err(Code::NotOwner)),
            (0, "solo", Ok((1002, "solo"))),
            (0, "shop", Err(Code::BadArgument)),
            (0, "", Ok((0, "own"))),
            (0, "none", Err(Code::NotConnected)),
        ] {
            let chosen = choose(caller, name, ids.iter());
            let chosen = chosen.map(|id| (id.owner, id.name.as_str())).map_err(|fault| fault.code);
            assert_eq!(chosen, expected, "{caller} {name}");
        }
    }

    #[test]
    fn who_sees_what() {
        for (caller, owner, expected) in [(1000, 1000, true), (0, 1000, true), (1001, 1000, false), (1000, 0, false)] {
            assert_eq!(may_see(caller, owner), expected);
        }
    }

    #[test]
    fn same_and_other_targets() {
        let wish = |address: &str, pin: &str| Wish {
            id: Id { owner: 1, name: "a".to_owned() },
            target: Target::Standalone {
                address: address.to_owned(),
                pin: pin.to_owned(),
                also_proxy: Vec::new(),
                never_proxy: Vec::new(),
            },
            index: 0,
        };
        let present = wish("192.0.2.1:7300", "sha256:1");
        assert_eq!(same_target(&present, &Wish { index: 4, ..present.clone() }), Ok(None));
        let never = |net: &str| Routing { never: vec![net.parse().unwrap()], ..Routing::default() };
        let with = |routing| Wish { target: present.target.clone().routed(routing), ..present.clone() };
        let (one, other) = (never("10.1.0.0/16"), never("10.2.0.0/16"));
        assert_eq!(same_target(&present, &with(one.clone())), Ok(Some(one.clone())));
        assert_eq!(same_target(&with(one.clone()), &with(other.clone())), Ok(Some(other)));
        assert_eq!(same_target(&with(one.clone()), &with(one.clone())), Ok(None));
        assert_eq!(same_target(&with(one), &present), Ok(None), "who says nothing of routes leaves them");
        for other in [wish("192.0.2.2:7300", "sha256:1"), wish("192.0.2.1:7300", "sha256:2")] {
            assert_eq!(same_target(&present, &other).err().unwrap().code, Code::AlreadyConnected);
        }
    }

    #[test]
    fn what_can_be_asked_to_be_routed() {
        let routing = |also: &str| Routing { also: vec![also.parse().unwrap()], ..Routing::default() };
        assert_eq!(check_routing(&routing("10.1.0.0/16")), Ok(()));
        for also in ["127.0.0.0/8", "169.254.1.0/24", "::1/128"] {
            assert_eq!(check_routing(&routing(also)).unwrap_err().code, Code::SubnetInvalid, "{also}");
        }
        let many = vec!["10.1.0.0/16".parse().unwrap(); limits::USER_SUBNETS];
        let full = Routing { never: many, ..Routing::default() };
        assert_eq!(check_routing(&full), Ok(()));
        let over = Routing { never: full.never, ..routing("10.1.0.0/16") };
        assert_eq!(check_routing(&over).unwrap_err().code, Code::BadArgument);
    }

    #[test]
    fn names_and_addresses() {
        for name in ["a", "shop.dev", "Team_1-x", &"n".repeat(64)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "-a", "a b", "a/b", "ä", "a\n", &"n".repeat(65)] {
            assert_eq!(check_name(name).err().map(|fault| fault.code), Some(Code::BadArgument), "{name}");
        }
        for address in ["203.0.113.7:7300", "[2001:db8::7]:7300", "manager.example:1", "localhost:65535"] {
            assert_eq!(check_address(address), Ok(()), "{address}");
        }
        for address in
            ["", ":1", "host", "host:", "host:0", "host:65536", "2001:db8::7:7300", "[::1:1", "a b:1", "[x]:1"]
        {
            assert_eq!(check_address(address).err().map(|fault| fault.code), Some(Code::BadArgument), "{address}");
        }
        assert!(check_address(&format!("{}:1", "h".repeat(300))).is_err());
    }
}
