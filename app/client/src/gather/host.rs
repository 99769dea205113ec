//! What of this computer matters: its system, its resolver, its routes, and what the companion logged.

use std::fs;
use std::process::Stdio;

use hawser_fault::{Code, Fault};
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Bundle, limits};
use crate::companion;

const RESOLVER: &str = "/etc/resolv.conf";

pub(super) async fn gather(bundle: &mut Bundle) {
    bundle.json("system.json", system());
    bundle.text_or("resolv.conf", read(RESOLVER));
    for (name, family) in [("routes-ipv4.txt", "-4"), ("routes-ipv6.txt", "-6")] {
        bundle.text_or(name, routes(family).await);
    }
    bundle.text_or("companion.log", companion::log());
}

fn system() -> serde_json::Value {
    let kernel = nix::sys::utsname::uname().ok();
    let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    json!({
        "system": name.map(|name| name.trim_matches('"')),
        "kernel": kernel.as_ref().map(|kernel| text(kernel.release())),
        "machine": kernel.as_ref().map(|kernel| text(kernel.machine())),
    })
}

fn read(path: &str) -> Result<String, Fault> {
    let unreadable = |error| Fault::new(Code::FileUnreadable, format!("{path} could not be read: {error}"));
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(unreadable)
}

/// All routes of a family, as iproute2 prints them.
async fn routes(family: &str) -> Result<String, Fault> {
    let unknown = |why: String| {
        let detail = format!("ip {family} route show table all: {why}");
        Fault::new(Code::FileUnreadable, detail).with_fix("Install iproute2.")
    };
    let mut command = Command::new("ip");
    command.args([family, "route", "show", "table", "all"]).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(limits::STEP, command.output()).await.map_err(|_| unknown("it does not end".to_owned()))?;
    let output = output.map_err(|error| unknown(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(unknown(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
