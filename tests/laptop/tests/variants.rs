//! The package on machines where names are answered in other ways.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use hawser_cluster::within;
use hawser_laptop::{JVM, Laptop, RESOLVERS, Resolver, reaches_the_cluster};

#[test]
#[ignore = "takes minutes"]
fn a_plain_file() {
    reaches_the_cluster("plain", &RESOLVERS);
}

#[test]
#[ignore = "takes minutes"]
fn resolvconf() {
    reaches_the_cluster("resolvconf", &RESOLVERS);
}

#[test]
#[ignore = "takes minutes"]
fn openresolv() {
    reaches_the_cluster("openresolv", &RESOLVERS);
}

#[test]
#[ignore = "takes minutes"]
fn network_manager() {
    reaches_the_cluster("networkmanager", &RESOLVERS);
}

#[test]
#[ignore = "takes minutes"]
fn a_jvm() {
    const ALL: [Resolver; 1] = [JVM];
    reaches_the_cluster("java", &ALL);
}

#[test]
#[ignore = "takes minutes"]
fn network_manager_that_writes_the_file_again_is_survived() {
    let laptop = Laptop::connected("networkmanager");
    laptop.root("nmcli connection up wire");
    laptop.stands(20);
    within(10, "names are found", || laptop.get("http://web.default/").is_some());
}
