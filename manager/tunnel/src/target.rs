//! Targets that are no addresses: a flow that names an intercept, or a container.
//!
//! An OPEN frame has room for an address and a port. Between agent and manager, and between laptop and manager on the link of
//! deliveries, the address stands for a number that the manager gave.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A flow of this intercept; `port` is the laptop's port, or the number of a container.
pub fn of_intercept(number: u32, port: u16) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(u128::from(number)).into(), port)
}

/// The intercept's number and the port, if the target is one.
pub fn intercept(target: SocketAddr) -> Option<(u32, u16)> {
    match target.ip() {
        IpAddr::V6(address) => Some((u32::try_from(u128::from(address)).ok()?, target.port())),
        IpAddr::V4(_) => None,
    }
}

/// The handler on the laptop that listens for this port.
pub fn of_handler(port: u16) -> SocketAddr {
    of_intercept(0, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back() {
        assert_eq!(intercept(of_intercept(7, 80)), Some((7, 80)));
        assert_eq!(intercept("[2001:db8::1]:80".parse().unwrap()), None);
        assert_eq!(intercept("10.0.0.1:80".parse().unwrap()), None);
    }
}
