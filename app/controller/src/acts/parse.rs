//! What a page sends, checked once: what comes out of here is right, and no longer than it may be.

use std::net::IpAddr;

use hawser_client::kubeconfig::is_label;
use hawser_fault::{Code, Fault};

use crate::{NamesQuery, TrafficQuery, Tuning, limits};

pub(super) fn search(text: String) -> Result<String, Fault> {
    if text.chars().count() <= limits::SEARCH {
        return Ok(text);
    }
    Err(Fault::new(Code::LimitReached, format!("a search has at most {} characters", limits::SEARCH)))
}

pub(super) fn query(query: TrafficQuery) -> Result<TrafficQuery, Fault> {
    let filter = search(query.filter)?;
    rows(query.count)?;
    Ok(TrafficQuery { filter, ..query })
}

pub(super) fn names(query: NamesQuery) -> Result<NamesQuery, Fault> {
    let filter = search(query.filter)?;
    rows(query.count)?;
    Ok(NamesQuery { filter, ..query })
}

fn rows(count: u32) -> Result<(), Fault> {
    let too_many = || Fault::new(Code::LimitReached, format!("at most {} rows are shown", limits::TRAFFIC_ROWS));
    if count > limits::TRAFFIC_ROWS { Err(too_many()) } else { Ok(()) }
}

pub(super) fn tuning(tuning: Tuning) -> Result<Tuning, Fault> {
    for name in [&tuning.namespace, &tuning.manager_namespace] {
        if !name.is_empty() && !is_label(name) {
            return Err(bad(format!("{name:?} cannot be the name of a namespace"), "Write it as Kubernetes has it."));
        }
    }
    if tuning.as_user.len() > limits::TEXT {
        return Err(bad("the user's name is too long".to_owned(), "Shorten it."));
    }
    let (also, never) = subnets(tuning.also, tuning.never)?;
    Ok(Tuning { also, never, ..tuning })
}

/// Both lists, without empty lines.
pub(super) fn subnets(also: Vec<String>, never: Vec<String>) -> Result<(Vec<String>, Vec<String>), Fault> {
    if also.len() + never.len() > limits::SUBNETS {
        return Err(Fault::new(Code::LimitReached, format!("a connection has at most {} of them", limits::SUBNETS)));
    }
    let read = |texts: Vec<String>| {
        let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        texts.map(|text| subnet(text).map(|()| text.to_owned())).collect::<Result<Vec<_>, _>>()
    };
    Ok((read(also)?, read(never)?))
}

fn subnet(text: &str) -> Result<(), Fault> {
    let invalid = |why: &str| Err(Fault::new(Code::SubnetInvalid, format!("{text:?} {why}")));
    let Some((Ok(ip), Ok(prefix))) =
        text.split_once('/').map(|(ip, prefix)| (ip.parse::<IpAddr>(), prefix.parse::<u32>()))
    else {
        return invalid("is no subnet");
    };
    let (bits, width) = match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    match prefix {
        0 => invalid("is everything"),
        prefix if prefix > width => invalid("has a prefix that is too long"),
        prefix if prefix < width && bits.trailing_zeros() < width - prefix && bits != 0 => invalid("has host bits set"),
        _ => Ok(()),
    }
}

fn bad(detail: String, fix: &str) -> Fault {
    Fault::new(Code::BadArgument, detail).with_fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_checked_before_anything_is_sent() {
        for text in ["10.0.0.0/8", "10.1.2.3/32", "fd00::/8", "0.0.0.0/1", "2001:db8::1/128", "128.0.0.0/1"] {
            assert_eq!(subnet(text), Ok(()), "{text}");
        }
        for text in ["", "10.0.0.0", "10.0.0.0/0", "10.0.0.0/33", "10.0.0.1/8", "fd00::1/64", "x/8", "10.0.0.0/-1"] {
            assert_eq!(subnet(text).unwrap_err().code, Code::SubnetInvalid, "{text}");
        }
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let read = subnets(lines(&[" 10.0.0.0/8 ", ""]), lines(&["10.1.0.0/16"])).unwrap();
        assert_eq!(read, (lines(&["10.0.0.0/8"]), lines(&["10.1.0.0/16"])));
        assert_eq!(subnets(lines(&["10.0.0.0/8"; 257]), Vec::new()).unwrap_err().code, Code::LimitReached);
    }

    #[test]
    fn names_and_lengths_are_checked() {
        assert!(tuning(Tuning { namespace: "shop".into(), ..Tuning::default() }).is_ok());
        assert!(tuning(Tuning { namespace: "Shop!".into(), ..Tuning::default() }).is_err());
        assert!(search("é".repeat(256)).is_ok() && search("x".repeat(257)).is_err());
    }
}
