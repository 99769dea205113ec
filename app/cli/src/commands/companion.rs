//! `hawser companion`: the background process that answers the helper as its user.

use std::process::ExitCode;

use crate::output::Failure;

pub(crate) async fn run() -> Result<ExitCode, Failure> {
    // The terminal that started it may end; it does not.
    let _ = nix::unistd::setsid();
    hawser_client::companion::run().await?;
    Ok(ExitCode::SUCCESS)
}
