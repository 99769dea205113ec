//! The way of a package through a machine.

use hawser_cluster::kubectl;

use super::{Laptop, Resolver};

/// Installs, connects, asks for names and a page, goes on after a crash, disconnects, and purges while connected; then the machine is
/// as it was before.
pub fn reaches_the_cluster(variant: &str, resolvers: &[Resolver]) {
    let laptop = Laptop::boot(variant);
    assert_eq!(laptop.user("dig +short +time=2 www.office.test"), "203.0.113.7", "the office's names are found before");
    let before = laptop.listing();
    let said = laptop.install();
    assert!(said.contains("dev may use it now"), "{said}");

    laptop.user("hawser connect");
    reach(&laptop, resolvers);
    laptop.root("kill -KILL $(systemctl show --property=MainPID --value hawser-helper)");
    laptop.stands(20);
    reach(&laptop, resolvers);
    laptop.user("hawser disconnect");
    assert_eq!(laptop.user("dig +short +time=2 www.office.test"), "203.0.113.7");

    laptop.user("hawser connect");
    laptop.apt("purge -y hawser");
    laptop.is_quiet();
    assert_eq!(laptop.listing().since(&before), [] as [String; 0]);
}

/// Asks for the cluster's names and the office's, and for a page.
pub fn reach(laptop: &Laptop, resolvers: &[Resolver]) {
    let address = kubectl("get service web -n default -o jsonpath={.spec.clusterIP}");
    for name in ["web.default.svc.cluster.local", "web.default"] {
        for resolver in resolvers {
            resolver.check(laptop, name, &address).unwrap();
        }
    }
    assert!(laptop.get("http://web.default/").is_some());
    assert_eq!(laptop.user("dig +short +time=2 www.office.test"), "203.0.113.7", "the office's names are still found");
}
