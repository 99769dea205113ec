//! Where the controller runs, as a value: nothing below asks the process.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use hawser_client::companion;
use hawser_client::kubeconfig::Environment;
use hawser_fault::{Code, Fault};

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
    /// Where an environment is written unless the user chooses a file: only they can enter it, and it is gone after a restart.
    pub runtime: PathBuf,
    /// Who the user is.
    pub uid: u32,
    /// The application's version.
    pub version: &'static str,
    /// This is the demo.
    pub demo: bool,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// `bad-argument` without a home or a working directory; `internal` if the companion can have no folder.
    pub fn of_this_process(demo: bool) -> Result<Self, Fault> {
        let lacks = |detail: String| Fault::new(Code::BadArgument, detail);
        let environment =
            Environment::of_this_process().map_err(|error| lacks(format!("there is no working directory: {error}")))?;
        let config = environment.config_folder();
        let config = config.ok_or_else(|| lacks("neither XDG_CONFIG_HOME nor HOME is set".to_owned()))?;
        Ok(Self {
            socket: hawser_ipc::socket_path(),
            program: program(environment.variables.get(OsStr::new("PATH")).map(OsString::as_os_str)),
            settings: config.join("hawser/settings.toml"),
            runtime: companion::folder()?,
            uid: nix::unistd::geteuid().as_raw(),
            version: env!("CARGO_PKG_VERSION"),
            environment,
            demo,
        })
    }
}

/// The command line beside this program, else the first one in the path.
fn program(path: Option<&OsStr>) -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    let folders = beside.into_iter().chain(path.into_iter().flat_map(std::env::split_paths));
    let found = folders.map(|folder| folder.join("hawser")).find(|program| program.is_file());
    found.unwrap_or_else(|| PathBuf::from("hawser"))
}
