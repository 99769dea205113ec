//! Running `resolvconf`: a fixed command with fixed arguments, and nothing of ours in its environment.

use std::path::Path;
use std::process::Stdio;

use hawser_fault::{Code, Fault};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::limits;

const SEARCHED: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs it with `input` and waits for its end.
///
/// # Errors
/// `dns-unavailable` with its last words.
pub async fn run(program: &Path, arguments: &[&str], input: &str) -> Result<(), Fault> {
    let words = format!("{} {}", program.display(), arguments.join(" "));
    let failed = |why: String| Fault::new(Code::DnsUnavailable, format!("{words} {why}"));
    let ended = async {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", SEARCHED)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads nothing has closed it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    match tokio::time::timeout(limits::RESOLVCONF, ended).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or_default();
            Err(failed(format!("failed ({}): {last}", output.status)))
        }
        Ok(Err(error)) => Err(failed(format!("could not be run: {error}"))),
        Err(_) => Err(failed(format!("did not end within {} s", limits::RESOLVCONF.as_secs()))),
    }
}
