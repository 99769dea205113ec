//! A message bus of the test's own, and on it what acts as systemd-resolved.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use zbus::connection;

const SERVICE: &str = "org.freedesktop.resolve1";

/// A message bus that ends with the test.
pub struct PrivateBus {
    pub address: String,
    daemon: Child,
}

impl PrivateBus {
    pub fn start(dir: &Path) -> Self {
        use std::io::BufRead as _;
        let address = format!("unix:path={}", dir.join("bus").display());
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1", &format!("--address={address}")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon (package dbus) is needed for this test");
        let mut line = String::new();
        std::io::BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:"), "{line}");
        Self { address, daemon }
    }

    /// From now on it takes what is sent and answers nothing.
    pub fn fall_silent(&self) {
        let daemon = nix::unistd::Pid::from_raw(self.daemon.id().try_into().unwrap());
        nix::sys::signal::kill(daemon, nix::sys::signal::Signal::SIGSTOP).unwrap();
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What was said of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub servers: Vec<Vec<u8>>,
    pub domains: Vec<(String, bool)>,
    pub default_route: Option<bool>,
}

type Links = Arc<Mutex<BTreeMap<i32, Link>>>;

/// Acts as systemd-resolved while it lives.
pub struct FakeResolved {
    links: Links,
    bus: zbus::Connection,
}

impl FakeResolved {
    /// It takes so many domains a link, and hears of each link only at the second try.
    pub async fn start(address: &str, room: usize) -> Self {
        let links = Links::default();
        let manager = Manager { links: Arc::clone(&links), room, known: false };
        let bus = connection::Builder::address(address)
            .unwrap()
            .name(SERVICE)
            .unwrap()
            .serve_at("/org/freedesktop/resolve1", manager)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { links, bus }
    }

    pub async fn stop(self) {
        self.bus.release_name(SERVICE).await.unwrap();
    }

    /// Takes everything from a link, as an administrator may.
    pub fn revert(&self, index: i32) {
        self.links.lock().unwrap().remove(&index);
    }

    pub fn link(&self, index: i32) -> Link {
        self.links.lock().unwrap().get(&index).cloned().unwrap_or_default()
    }
}

struct Manager {
    links: Links,
    room: usize,
    known: bool,
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop.resolve1")]
enum Refused {
    #[zbus(error)]
    Bus(zbus::Error),
    NoSuchLink(String),
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "System.Error")]
enum Errno {
    #[zbus(error)]
    Bus(zbus::Error),
    #[zbus(name = "E2BIG")]
    TooMany(String),
}

#[zbus::interface(name = "org.freedesktop.resolve1.Manager")]
impl Manager {
    #[zbus(name = "SetLinkDNS")]
    fn set_link_dns(&mut self, link: i32, servers: Vec<(i32, Vec<u8>)>) -> Result<(), Refused> {
        if !std::mem::replace(&mut self.known, true) {
            return Err(Refused::NoSuchLink(format!("Link {link} not known")));
        }
        self.links.lock().unwrap().entry(link).or_default().servers = servers.into_iter().map(|(_, ip)| ip).collect();
        Ok(())
    }

    fn set_link_domains(&mut self, link: i32, domains: Vec<(String, bool)>) -> Result<(), Errno> {
        if domains.len() > self.room {
            return Err(Errno::TooMany("too many".to_owned()));
        }
        self.links.lock().unwrap().entry(link).or_default().domains = domains;
        Ok(())
    }

    fn set_link_default_route(&mut self, link: i32, enable: bool) {
        self.links.lock().unwrap().entry(link).or_default().default_route = Some(enable);
    }

    // The others that Hawser calls are missing, as in old versions.

    fn revert_link(&mut self, link: i32) {
        self.links.lock().unwrap().remove(&link);
    }

    fn flush_caches(&self) {}

    #[zbus(property, name = "DNS")]
    fn dns(&self) -> Vec<(i32, i32, Vec<u8>)> {
        let ours = self.links.lock().unwrap();
        let ours =
            ours.iter().flat_map(|(index, link)| link.servers.iter().map(|ip| (*index, libc::AF_INET, ip.clone())));
        ours.chain([(2, libc::AF_INET, vec![192, 0, 2, 1])]).collect()
    }

    #[zbus(property)]
    fn domains(&self) -> Vec<(i32, String, bool)> {
        let ours = self.links.lock().unwrap();
        let of_link = |(index, link): (&i32, &Link)| {
            let index = *index;
            link.domains.clone().into_iter().map(move |(name, only_routes)| (index, name, only_routes))
        };
        ours.iter().flat_map(of_link).chain([(2, "home".to_owned(), false)]).collect()
    }
}
