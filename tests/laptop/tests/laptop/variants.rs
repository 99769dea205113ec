//! The package on machines where names are answered in other ways.

use hawser_cluster::within;
use hawser_laptop::{JVM, Laptop, RESOLVERS, Resolver, reach, reaches_the_cluster};

#[test]
#[ignore = "takes minutes"]
fn a_plain_file() {
    reaches_the_cluster("plain", &RESOLVERS);
}

#[test]
#[ignore = "takes minutes"]
fn a_plain_file_that_is_mounted() {
    let laptop = Laptop::boot("plain");
    laptop.root("cp /etc/resolv.conf /srv/bound && mount --bind /srv/bound /etc/resolv.conf");
    let before = laptop.listing();
    let text = laptop.root("cat /etc/resolv.conf");
    laptop.install();
    laptop.user("hawser connect");
    reach(&laptop, &RESOLVERS);
    laptop.user("hawser disconnect");
    assert_eq!(laptop.root("cat /etc/resolv.conf"), text);
    laptop.user("hawser connect");
    laptop.kill_for_good();
    assert_ne!(laptop.root("cat /etc/resolv.conf"), text, "nobody has undone it");
    laptop.root("hawser-helper cleanup");
    assert_eq!(laptop.root("cat /etc/resolv.conf"), text);
    laptop.apt("purge -y hawser");
    laptop.is_quiet();
    assert_eq!(laptop.listing().since(&before), [] as [String; 0]);
}

#[test]
#[ignore = "takes minutes"]
fn a_later_debian() {
    reaches_the_cluster("trixie", &RESOLVERS);
}

#[test]
#[ignore = "takes minutes"]
fn an_rpm() {
    let laptop = Laptop::boot("rpm");
    // A Debian's rpm knows no package that could be required.
    let rpm = |arguments: &str| laptop.root(&format!("SUDO_USER=dev rpm --nodeps {arguments} 2>&1"));
    // On a Fedora, too, these folders are there before: its package `filesystem` has them.
    laptop.root("rpm --initdb; mkdir -p /usr/share/{fish/vendor_completions.d,licenses,zsh/site-functions}");
    let before = laptop.listing();
    rpm("--install /packages/hawser-[0-9]*.rpm");
    laptop.user("hawser connect");
    reach(&laptop, &RESOLVERS);
    let longest = laptop.longest_pause("http://web.default/", 20, || {
        rpm("--upgrade --force /packages/hawser-[0-9]*.rpm");
    });
    assert!(longest <= 3_000, "{longest} ms without an answer");
    laptop.stands(20);
    rpm("--erase hawser");
    laptop.is_quiet();
    assert_eq!(laptop.listing().since_but_for_state(&before), [] as [String; 0]);
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
