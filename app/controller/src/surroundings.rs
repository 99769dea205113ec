//! Where the controller runs, as a value: nothing below asks the process.

use std::path::PathBuf;

use hawser_client::kubeconfig::Environment;

/// What the controller finds around itself.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The helper's socket.
    pub socket: PathBuf,
    /// The user's, as their shell has it.
    pub environment: Environment,
    /// The command line's program, which becomes the companion.
    pub program: PathBuf,
    /// The file of settings.
    pub settings: PathBuf,
    /// Where files are put that the user chooses no place for.
    pub state: PathBuf,
    /// Who the user is.
    pub uid: u32,
    /// The application's version.
    pub version: &'static str,
    /// This is the demo.
    pub demo: bool,
}
