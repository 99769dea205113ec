//! gnome-keyring on a bus of its own, and logins to keep in it.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secret_service::{EncryptionType, SecretService};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use zbus::connection::Builder;

use super::{Login, Secrets};
use crate::kubeconfig::{Credential, Secret};

/// A bus on which nothing is started by itself.
const CONFIG: &str = r#"<busconfig><type>session</type><listen>ADDRESS</listen><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"#;
const PATIENCE: Duration = Duration::from_secs(10);

/// A home with a bus, and perhaps a keyring.
pub(crate) struct Desk {
    pub(crate) home: TempDir,
    address: String,
    pub(crate) keyring: Option<Child>,
    bus: Child,
}

impl Desk {
    pub(crate) async fn without_keyring() -> Self {
        let home = tempfile::tempdir().unwrap();
        let address = format!("unix:path={}/bus", home.path().display());
        let config = home.path().join("bus.conf");
        fs::write(&config, CONFIG.replace("ADDRESS", &address)).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.arg("--nofork").arg("--config-file").arg(config).stdin(Stdio::null()).stderr(Stdio::null());
        let bus = bus.spawn().expect("the package dbus-daemon");
        let desk = Self { home, address, keyring: None, bus };
        until("the bus listens", async || desk.home.path().join("bus").exists()).await;
        desk
    }

    /// With a daemon that is given this to unlock the keyring with.
    pub(crate) async fn with_keyring(password: &[u8]) -> Self {
        let mut desk = Self::without_keyring().await;
        desk.start_keyring(password).await;
        desk
    }

    pub(crate) async fn start_keyring(&mut self, password: &[u8]) {
        let home = self.home.path();
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--unlock", "--components=secrets"]).stdin(Stdio::piped());
        daemon.stdout(Stdio::null()).stderr(Stdio::null()).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home);
        daemon.env("XDG_RUNTIME_DIR", home).env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        let mut daemon = daemon.spawn().expect("the package gnome-keyring");
        daemon.stdin.take().unwrap().write_all(password).unwrap();
        self.keyring = Some(daemon);
        until("the keyring answers", async || self.service().await.is_some()).await;
    }

    pub(crate) async fn service(&self) -> Option<SecretService<'static>> {
        let bus = Builder::address(self.address.as_str()).unwrap().build().await.unwrap();
        SecretService::connect_with_existing(EncryptionType::Dh, bus).await.ok()
    }

    pub(crate) async fn lock(&self) {
        let service = self.service().await.unwrap();
        service.get_default_collection().await.unwrap().lock().await.unwrap();
    }

    pub(crate) fn signal_keyring(&self, signal: Signal) {
        kill(Pid::from_raw(self.keyring.as_ref().unwrap().id().cast_signed()), signal).unwrap();
    }

    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(Some(self.address.clone()), self.file())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.home.path().join("state/hawser/secrets")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in self.keyring.iter_mut().chain([&mut self.bus]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) async fn until(what: &str, met: impl AsyncFn() -> bool) {
    let wait = async {
        while !met().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// A login for the server and the user of the tests' kubeconfigs.
pub(crate) fn login(token: &str, expires: Option<SystemTime>) -> Login {
    let credential = Credential::Token { token: Secret::from(token.to_owned()), expires };
    Login { server: "10.0.0.1:6443".to_owned(), user: "u".to_owned(), credential }
}
