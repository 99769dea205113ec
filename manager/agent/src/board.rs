//! What is intercepted here: the orders of all managers that are linked.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use hawser_tunnel::link::Shared;
use hawser_tunnel::proto::{Order, OrderPort};
use hawser_tunnel::sockets::{Opener, Sockets};
use hawser_tunnel::target;
use hyper::http::request::Parts;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::http::filter::Filter;
use crate::proof::Proofs;
use crate::requests::Requests;

/// The orders, by the manager that gave them. They are gone with its link.
#[derive(Default)]
pub struct Board {
    /// What managers are about to send to see whether it gets here.
    pub proofs: Proofs,
    /// What there was for intercepts that have a filter.
    pub requests: Requests,
    claims: Mutex<Claims>,
    changes: watch::Sender<u64>,
}

/// By the manager.
#[derive(Default)]
struct Claims(HashMap<String, Claim>);

struct Claim {
    opener: Opener,
    sockets: Shared<Sockets>,
    orders: Vec<Ready>,
}

/// An order that can be carried out.
struct Ready {
    order: Order,
    filter: Option<Filter>,
}

/// The way of one flow to a laptop.
pub struct Way {
    /// The link to a manager that has the laptop.
    pub opener: Opener,
    /// What it is asked for there.
    pub target: SocketAddr,
    /// The uid of the intercept.
    pub intercept: String,
}

impl Board {
    /// This manager's orders, in place of those before. Says which intercepts are in force: those that can be understood.
    pub fn post(&self, manager: &str, opener: &Opener, sockets: &Shared<Sockets>, orders: Vec<Order>) -> Vec<String> {
        let orders: Vec<Ready> = orders.into_iter().filter_map(ready).collect();
        let intercepts = orders.iter().map(|ready| ready.order.intercept.clone()).collect();
        {
            let mut claims = self.claims.lock();
            claims.0.insert(manager.to_owned(), Claim { opener: opener.clone(), sockets: sockets.clone(), orders });
            self.requests.expect(&claims.filtering(|_| true));
        }
        self.changes.send_modify(|changes| *changes += 1);
        intercepts
    }

    /// The link to this manager is gone.
    pub fn withdraw(&self, manager: &str) {
        self.claims.lock().0.remove(manager);
        self.proofs.post(manager, Vec::new());
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Whether there are flows to laptops, or of theirs.
    pub fn is_busy(&self) -> bool {
        self.claims.lock().0.values().any(|claim| claim.sockets.lock().flow_count() > 0)
    }

    /// Rises whenever a way may have changed.
    pub fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Fires whenever a way may have changed.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The way of all that comes to this port of the app; `None` if it is the app's.
    pub fn way(&self, port: u16, udp: bool) -> Option<Way> {
        self.claims.lock().find(port, udp, |ready| ready.filter.is_none())
    }

    /// Whether a laptop may want requests to this port, all or some, or copies of them.
    pub fn wants_requests(&self, port: u16) -> bool {
        let claims = self.claims.lock();
        claims.orders().any(|ready| destination(&ready.order, port, false).is_some())
    }

    /// Whether requests to this port go to different places.
    pub fn has_filters(&self, port: u16) -> bool {
        let filtered = |ready: &Ready| ready.filter.is_some();
        let claims = self.claims.lock();
        claims.find(port, false, filtered).is_some() || !claims.copies(port, filtered).is_empty()
    }

    /// Whether what this intercept wants of what comes to this port goes to its laptop, or a copy does.
    pub fn leads_to_laptop(&self, intercept: &str, port: u16, udp: bool) -> bool {
        let claims = self.claims.lock();
        let open = claims.0.values().filter(|claim| claim.opener.is_open());
        let mut orders = open.flat_map(|claim| &claim.orders).map(|ready| &ready.order);
        orders.any(|order| order.intercept == intercept && destination(order, port, udp).is_some())
    }

    /// Where copies go of all that comes to this port of the app.
    pub fn stream_copies(&self, port: u16) -> Vec<Way> {
        self.claims.lock().copies(port, |ready| ready.filter.is_none())
    }

    /// Where one request goes, counted for each intercept that has a filter at its port: its way, `None` if it is the app's, and those of
    /// its copies.
    pub fn request(&self, port: u16, request: &Parts) -> (Option<Way>, Vec<Way>) {
        let claims = self.claims.lock();
        let wants = |ready: &Ready| ready.filter.as_ref().is_none_or(|filter| filter.wants(request));
        let (way, copies) = (claims.find(port, false, wants), claims.copies(port, wants));
        let seen = claims.filtering(|order| leads(order, port, false).is_some());
        let is_wanted = |intercept: &str| way.iter().chain(&copies).any(|way| way.intercept == intercept);
        let seen = seen.into_iter().map(|intercept| (intercept, is_wanted(intercept)));
        self.requests.count(seen, way.is_none());
        (way, copies)
    }
}

impl Claims {
    fn find(&self, port: u16, udp: bool, wanted: impl Fn(&Ready) -> bool) -> Option<Way> {
        self.0.values().filter(|claim| claim.opener.is_open()).find_map(|claim| {
            claim
                .orders
                .iter()
                .filter(|ready| !ready.order.copy && wanted(ready))
                .find_map(|ready| claim.way(ready, port, udp))
        })
    }

    fn copies(&self, port: u16, wanted: impl Fn(&Ready) -> bool) -> Vec<Way> {
        let mut ways: Vec<Way> = Vec::new();
        for claim in self.0.values().filter(|claim| claim.opener.is_open()) {
            for ready in claim.orders.iter().filter(|ready| ready.order.copy && wanted(ready)) {
                // Two managers may have the same laptop.
                let is_new = ways.iter().all(|way| way.intercept != ready.order.intercept);
                ways.extend(claim.way(ready, port, false).filter(|_| is_new));
            }
        }
        ways
    }

    /// Intercepts that have a filter, of those whose order is `wanted`. Two managers may give the same one.
    fn filtering(&self, wanted: impl Fn(&Order) -> bool) -> HashSet<&str> {
        let filtering = self.orders().filter(|ready| ready.filter.is_some() && wanted(&ready.order));
        filtering.map(|ready| ready.order.intercept.as_str()).collect()
    }

    fn orders(&self) -> impl Iterator<Item = &Ready> {
        self.0.values().flat_map(|claim| &claim.orders)
    }
}

impl Claim {
    fn way(&self, ready: &Ready, port: u16, udp: bool) -> Option<Way> {
        let target = destination(&ready.order, port, udp)?;
        Some(Way { opener: self.opener.clone(), target, intercept: ready.order.intercept.clone() })
    }
}

fn ready(order: Order) -> Option<Ready> {
    let filter = match order.http.as_ref().map(Filter::new).transpose() {
        Ok(filter) => filter,
        Err(error) => {
            tracing::warn!(intercept = order.intercept, error, "a filter cannot be understood");
            return None;
        }
    };
    Some(Ready { order, filter })
}

/// Where what comes to this port goes by this order.
fn destination(order: &Order, port: u16, udp: bool) -> Option<SocketAddr> {
    if !order.linked {
        return None;
    }
    Some(target::of_intercept(order.number, u16::try_from(leads(order, port, udp)?.local_port).ok()?))
}

/// What this order says of a port, whether its laptop is linked or not.
fn leads(order: &Order, port: u16, udp: bool) -> Option<&OrderPort> {
    order.ports.iter().find(|candidate| candidate.port == u32::from(port) && candidate.udp == udp)
}

#[cfg(test)]
mod tests {
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
