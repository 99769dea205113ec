mod fake;
#[cfg(target_arch = "x86_64")]
mod killed;
mod resolved;

use std::path::PathBuf;

use super::bus::Bus;
use super::change::Change;
use super::*;
pub use fake::PrivateBus;

const FORMER: &str = "nameserver 192.0.2.53\nsearch home\n";

/// A host in a directory.
struct Host {
    dir: tempfile::TempDir,
    bus: Bus,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::create_dir_all(dir.path().join("usr/sbin")).unwrap();
        let host = Self { dir, bus: Bus::at("unix:path=/nowhere") };
        std::fs::write(host.file(), FORMER).unwrap();
        host
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("etc/resolv.conf")
    }

    fn places(&self) -> Places {
        Places { resolv_conf: self.file(), root: self.dir.path().to_owned(), bus: self.bus.clone() }
    }

    fn journal(&self) -> Journal {
        Journal::open(self.dir.path().join("journal")).unwrap()
    }

    fn resolver(&self) -> Arc<HostResolver> {
        HostResolver::new(Dns::Auto, self.places(), self.journal())
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// What the next helper, or `hawser-helper cleanup`, finds after a kill.
    async fn restart(&self) {
        undo_all(&self.journal(), &self.places()).await.unwrap();
        assert_eq!(self.text(), FORMER);
        assert_eq!(undo_all(&self.journal(), &self.places()).await, Ok(0));
    }

    /// A `resolvconf` that works as Debian's does.
    fn install_resolvconf(&self) {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let root = self.dir.path().display();
        let script = format!(
            "#!/bin/sh\n# This file is part of the resolvconf package.\ncd {root}/run/resolvconf/interface\n\
             case $1 in -a) cat >\"$2\";; -d) rm -f \"$2\";; *) echo 'unknown' >&2; exit 1;; esac\n\
             cat $(ls -r) >../resolv.conf\n"
        );
        let command = self.dir.path().join("usr/sbin/resolvconf");
        std::fs::write(&command, script).unwrap();
        std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o755)).unwrap();
        let run = self.dir.path().join("run/resolvconf");
        std::fs::create_dir_all(run.join("interface")).unwrap();
        std::fs::write(run.join("interface/eth0.dhcp"), FORMER).unwrap();
        std::fs::write(run.join("resolv.conf"), FORMER).unwrap();
        std::fs::remove_file(self.file()).unwrap();
        symlink(run.join("resolv.conf"), self.file()).unwrap();
    }

    fn is_link(&self) -> bool {
        std::fs::symlink_metadata(self.file()).unwrap().is_symlink()
    }
}

fn id(name: &str) -> Id {
    Id { owner: 1000, name: name.to_owned() }
}

fn names(server: &str) -> Names {
    Names {
        device: "lo".to_owned(),
        server: server.parse().unwrap(),
        suffix: String::new(),
        search_domain: "shop.demo.local".to_owned(),
        domains: vec!["demo.local".to_owned(), "svc".to_owned()],
    }
}

fn first_server(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("nameserver ")).unwrap()
}

fn plain(resolver: &HostResolver) -> Vec<String> {
    resolver.upstreams().borrow().plain.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn pointed_and_withdrawn() {
    let host = Host::new();
    let resolver = host.resolver();
    assert_eq!(plain(&resolver), ["192.0.2.53:53"]);
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    assert_eq!(first_server(&host.text()), "198.18.0.53");
    assert!(host.text().contains("search shop.demo.local home"), "{}", host.text());
    assert_eq!(plain(&resolver), ["192.0.2.53:53"]);
    resolver.check(&id("a")).await.unwrap();
    resolver.withdraw(&id("a")).await.unwrap();
    host.restart().await;
}

#[tokio::test]
async fn first_wish_has_the_plain_names_and_the_next_inherits_them() {
    let host = Host::new();
    let resolver = host.resolver();
    let order = [id("a"), id("b")];
    let named = |server, suffix: &str| Names { suffix: suffix.to_owned(), ..names(server) };
    resolver.point(&id("b"), named("198.18.1.53", "b"), &order).await.unwrap();
    resolver.point(&id("a"), named("198.18.0.53", "a"), &order).await.unwrap();
    assert_eq!(first_server(&host.text()), "198.18.0.53", "it was wished first, though it came later");
    assert_eq!(plain(&resolver), ["192.0.2.53:53"]);
    let others = resolver.upstreams().borrow().connections.clone();
    assert_eq!(
        (others["b"], others["a"], others["svc"]),
        ("198.18.1.53:53".parse().unwrap(), "198.18.0.53:53".parse().unwrap(), "198.18.0.53:53".parse().unwrap(),)
    );
    resolver.withdraw(&id("a")).await.unwrap();
    assert_eq!(first_server(&host.text()), "198.18.1.53");
    resolver.withdraw(&id("b")).await.unwrap();
    host.restart().await;
}

#[tokio::test]
async fn a_change_by_somebody_else_is_told_and_put_back() {
    let host = Host::new();
    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    let theirs = "# Generated by NetworkManager\nnameserver 203.0.113.53\n";
    std::fs::write(host.file(), theirs).unwrap();
    let fault = resolver.check(&id("a")).await.err().unwrap();
    assert_eq!(fault.code, Code::DnsBypassed);
    assert!(fault.detail.ends_with("is written by NetworkManager"), "{fault}");
    resolver.refresh().await;
    assert_eq!(first_server(&host.text()), "198.18.0.53");
    assert_eq!(plain(&resolver), ["203.0.113.53:53"], "what they wrote is where everything else is asked");
    resolver.check(&id("a")).await.unwrap();
    resolver.withdraw(&id("a")).await.unwrap();
    assert_eq!(host.text(), theirs);
}

#[tokio::test]
async fn who_writes_the_file_again_and_again_keeps_it() {
    let host = Host::new();
    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    for _ in 0..=limits::TRAMPLINGS {
        std::fs::write(host.file(), FORMER).unwrap();
        resolver.refresh().await;
    }
    assert_eq!(host.text(), FORMER);
    assert_eq!(resolver.check(&id("a")).await.err().unwrap().code, Code::DnsBypassed);
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    assert_eq!(first_server(&host.text()), "198.18.0.53", "who connects again wants it again");
    resolver.withdraw(&id("a")).await.unwrap();
    host.restart().await;
}

#[tokio::test]
async fn nothing_is_changed_without_a_journal() {
    let host = Host::new();
    let resolver = host.resolver();
    std::fs::remove_dir(host.dir.path().join("journal")).unwrap();
    let fault = resolver.point(&id("a"), names("198.18.0.53"), &[]).await.err().unwrap();
    assert_eq!(fault.code, Code::StateUnwritable);
    assert_eq!(host.text(), FORMER);
}

#[tokio::test]
async fn off_means_off() {
    let host = Host::new();
    let resolver = HostResolver::new(Dns::Off, host.places(), host.journal());
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    assert_eq!(host.text(), FORMER);
    assert_eq!(plain(&resolver), ["192.0.2.53:53"]);
    resolver.check(&id("a")).await.unwrap();
}

#[tokio::test]
async fn a_record_of_resolvconf() {
    let host = Host::new();
    host.install_resolvconf();
    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    assert!(host.is_link(), "the link to its file stays");
    assert_eq!(first_server(&host.text()), "198.18.0.53");
    assert_eq!(plain(&resolver), ["192.0.2.53:53"]);
    assert!(resolver.describe().await.contains("resolvconf"));
    resolver.check(&id("a")).await.unwrap();
    // Killed now.
    host.restart().await;
    assert!(host.is_link());

    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    resolver.withdraw(&id("a")).await.unwrap();
    host.restart().await;
}

#[tokio::test]
async fn a_resolvconf_that_fails_says_so_and_leaves_nothing() {
    let host = Host::new();
    host.install_resolvconf();
    let command = host.dir.path().join("usr/sbin/resolvconf");
    let script = std::fs::read_to_string(&command).unwrap();
    std::fs::write(&command, script.replace("-a)", "-a) echo 'no space left' >&2; exit 1;; -b)")).unwrap();
    let fault = host.resolver().point(&id("a"), names("198.18.0.53"), &[]).await.err().unwrap();
    assert_eq!(fault.code, Code::DnsUnavailable);
    assert!(fault.detail.ends_with("no space left"), "{fault}");
    host.restart().await;
}

/// Two users may call their connections alike, and a context is often called as a namespace is.
#[tokio::test]
async fn a_connection_that_no_name_leads_to_says_so() {
    let host = Host::new();
    let resolver = host.resolver();
    let named = |device: &str, server, suffix: &str| Names {
        device: device.to_owned(),
        suffix: suffix.to_owned(),
        ..names(server)
    };
    let (first, second) = (id("rig"), Id { owner: 1001, name: "rig".to_owned() });
    let order = [first.clone(), second.clone()];
    resolver.point(&first, named("hawser0", "198.18.0.53", "svc"), &order).await.unwrap();
    resolver.check(&first).await.unwrap();
    for (suffix, is_free) in [("svc", false), ("", false), ("rig", true), ("x.demo.local", false)] {
        resolver.point(&second, named("hawser1", "198.18.1.53", suffix), &order).await.unwrap();
        let code = resolver.check(&second).await.err().map(|fault| fault.code);
        assert_eq!(code, (!is_free).then_some(Code::SuffixTaken), "{suffix}");
    }
    let mut looks = resolver.looks();
    looks.mark_unchanged();
    resolver.withdraw(&first).await.unwrap();
    assert!(looks.has_changed().unwrap(), "the other one hears of it");
    resolver.check(&second).await.unwrap();
    resolver.withdraw(&second).await.unwrap();
    host.restart().await;
}

/// A VPN keeps our file and brings it back when it ends.
#[tokio::test]
async fn our_file_that_comes_back_later_is_taken_away() {
    let host = Host::new();
    let resolver = host.resolver();
    resolver.point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
    let ours = host.text();
    std::fs::write(host.file(), ours.clone() + "options rotate\n").unwrap();
    resolver.withdraw(&id("a")).await.unwrap();
    assert_eq!(host.text(), FORMER, "a line more does not make it theirs");
    std::fs::write(host.file(), ours).unwrap();
    resolver.refresh().await;
    assert_eq!(host.text(), FORMER);
    assert_eq!(plain(&resolver), ["192.0.2.53:53"]);
}

/// The entry that was being written when the power went, or the disk gave back something else.
#[tokio::test]
async fn the_journal_is_lost_with_the_power() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 4] = [
        ("gone", |entry| std::fs::remove_file(entry).unwrap()),
        ("empty", |entry| std::fs::write(entry, "").unwrap()),
        ("cut", |entry| {
            let whole = std::fs::read(entry).unwrap();
            std::fs::write(entry, &whole[..whole.len() / 2]).unwrap();
        }),
        ("garbage", |entry| std::fs::write(entry, [0xff; 512]).unwrap()),
    ];
    for (what, damage) in damages {
        let host = Host::new();
        host.resolver().point(&id("a"), names("198.18.0.53"), &[]).await.unwrap();
        assert_ne!(host.text(), FORMER);
        damage(&host.dir.path().join("journal/000000.json"));
        undo_all(&host.journal(), &host.places()).await.unwrap();
        assert_eq!(host.text(), FORMER, "{what}");
    }
}
