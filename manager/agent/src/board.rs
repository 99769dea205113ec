//! What is intercepted here: the orders of all managers that are linked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use hawser_tunnel::proto::Order;
use hawser_tunnel::sockets::Opener;
use hawser_tunnel::target;
use parking_lot::Mutex;

/// The orders, by the manager that gave them. They are gone with its link.
#[derive(Default)]
pub struct Board {
    claims: Mutex<HashMap<String, Claim>>,
    changes: AtomicU64,
}

struct Claim {
    opener: Opener,
    orders: Vec<Order>,
}

/// The way of one flow to a laptop.
pub struct Way {
    /// The link to a manager that has the laptop.
    pub opener: Opener,
    /// What it is asked for there.
    pub target: SocketAddr,
}

impl Board {
    /// This manager's orders, in place of those before. Says which intercepts are in force.
    pub fn post(&self, manager: &str, opener: &Opener, orders: Vec<Order>) -> Vec<String> {
        let intercepts = orders.iter().map(|order| order.intercept.clone()).collect();
        self.claims.lock().insert(manager.to_owned(), Claim { opener: opener.clone(), orders });
        self.changes.fetch_add(1, Ordering::Relaxed);
        intercepts
    }

    /// The link to this manager is gone.
    pub fn withdraw(&self, manager: &str) {
        self.claims.lock().remove(manager);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Rises whenever a way may have changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The way of what comes to this port of the app; `None` if it is the app's.
    pub fn way(&self, port: u16, udp: bool) -> Option<Way> {
        let claims = self.claims.lock();
        claims.values().filter(|claim| claim.opener.is_open()).find_map(|claim| {
            let target = claim.orders.iter().find_map(|order| destination(order, port, udp))?;
            Some(Way { opener: claim.opener.clone(), target })
        })
    }
}

/// Where all that comes to this port goes by this order.
fn destination(order: &Order, port: u16, udp: bool) -> Option<SocketAddr> {
    if !order.linked || order.copy || order.http.is_some() {
        return None;
    }
    let port = order.ports.iter().find(|candidate| candidate.port == u32::from(port) && candidate.udp == udp)?;
    Some(target::of_intercept(order.number, u16::try_from(port.local_port).ok()?))
}

#[cfg(test)]
mod tests {
    use hawser_tunnel::proto::OrderPort;

    use super::*;

    fn order(linked: bool) -> Order {
        let port = OrderPort { port: 8080, udp: false, local_port: 9000 };
        Order { intercept: "a".to_owned(), number: 7, linked, ports: vec![port], ..Order::default() }
    }

    #[test]
    fn a_port_leads_to_the_laptop_only_where_that_is_linked() {
        assert_eq!(destination(&order(true), 8080, false), Some(target::of_intercept(7, 9000)));
        assert_eq!(destination(&order(false), 8080, false), None);
        assert_eq!(destination(&order(true), 8080, true), None);
        assert_eq!(destination(&order(true), 8081, false), None);
    }
}
