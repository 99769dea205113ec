//! A desktop session of a test's own: a screen, a bus, a home.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::Seat;

/// A bus on which nothing is started by itself.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// How the desktop looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
}

/// Ends with everything that runs in it.
pub struct Session {
    folder: TempDir,
    display: String,
    bus: String,
    look: Look,
    seat: Seat,
    _screen: Process,
    _daemon: Process,
}

impl Session {
    /// A session in which no helper answers, unless this process has a `HAWSER_SOCKET`: then it's the world of a demo, whose
    /// settings it has too.
    ///
    /// # Errors
    /// When Xvfb or dbus-daemon is missing or does not come up.
    pub fn start(look: Look) -> Result<Self> {
        Self::at(look, Seat::here())
    }

    /// A session in which a helper answers at this socket.
    ///
    /// # Errors
    /// The same.
    pub fn with_helper(look: Look, socket: &Path) -> Result<Self> {
        Self::at(look, Seat::here().with_helper(socket))
    }

    /// A session whose programs run there.
    ///
    /// # Errors
    /// The same.
    pub fn at(look: Look, seat: Seat) -> Result<Self> {
        let folder = seat.folder(&["home", "run"])?;
        let config = folder.path().join("bus.conf");
        fs::write(&config, BUS.replace("FOLDER", &folder.path().display().to_string()))?;
        let mut screen = seat.command("Xvfb");
        screen.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"]);
        let (screen, display) = Process::start(&mut screen)?;
        let mut daemon = seat.command("dbus-daemon");
        daemon.args(["--nofork", "--print-address=1"]).arg("--config-file").arg(config);
        let (daemon, bus) = Process::start(&mut daemon)?;
        let display = format!(":{display}");
        Ok(Self { folder, display, bus, look, seat, _screen: screen, _daemon: daemon })
    }

    /// A program in this session, with nothing of this process's own.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.seat.command(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["WEBKIT_", "XDG_", "GTK_", "GDK_", "TAURI_", "KUBECONFIG"].iter().any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(&*name);
            }
        }
        command
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HAWSER_SOCKET", self.seat.socket().unwrap_or(&self.folder.path().join("no-helper.sock")))
            .env("NO_AT_BRIDGE", "1")
            .env(
                "GTK_THEME",
                match self.look {
                    Look::Light => "Adwaita",
                    Look::Dark => "Adwaita:dark",
                },
            )
            .stdin(Stdio::null());
        if let Some(settings) = self.seat.settings() {
            command.env("XDG_CONFIG_HOME", settings);
        }
        command
    }

    /// The user's home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The bus's address.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// The screen's name, as in `DISPLAY`.
    pub fn display(&self) -> &str {
        &self.display
    }
}

/// A child that ends with its owner.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Starts a server and returns the first line that it prints, which it does when it is ready.
    fn start(command: &mut Command) -> Result<(Self, String)> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = Self(child.with_context(|| format!("{name} is needed: see tests/packages"))?);
        let output = process.0.stdout.take().context("the output is piped")?;
        let line = first_line(output)?;
        ensure!(!line.is_empty(), "{name} did not come up");
        Ok((process, line))
    }
}

/// Whatever else is printed is read and dropped, so that the child doesn't wait for a reader.
fn first_line(output: ChildStdout) -> Result<String> {
    let mut reader = BufReader::new(output);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    std::thread::spawn(move || {
        let mut rest = [0; 4096];
        while reader.read(&mut rest).is_ok_and(|read| read != 0) {}
    });
    Ok(line.trim().to_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
