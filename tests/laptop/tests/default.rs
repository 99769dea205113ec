//! The package on a machine with systemd-resolved.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use hawser_cluster::kubectl;
use hawser_laptop::{Laptop, RESOLVERS};

const VARIANT: &str = "resolved";

fn address_of_web() -> String {
    kubectl("get service web -n default -o jsonpath={.spec.clusterIP}")
}

#[test]
fn from_installing_to_purging_nothing_is_left() {
    let laptop = Laptop::boot(VARIANT);
    let before = laptop.listing();
    let said = laptop.install();
    assert!(said.contains("dev may use it now"), "{said}");
    laptop.user("hawser connect");
    let address = address_of_web();
    for name in ["web.default.svc.cluster.local", "web.default"] {
        for resolver in &RESOLVERS {
            resolver.check(&laptop, name, &address).unwrap();
        }
    }
    assert!(laptop.get("http://web.default/").is_some());
    assert_eq!(laptop.user("dig +short www.office.test"), "203.0.113.7");
    laptop.apt("purge -y hawser");
    assert_eq!(laptop.listing().since(&before), [] as [String; 0]);
}
