//! `hawser man`.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory as _;
use hawser_fault::{Code, Fault};

use crate::cli::{Cli, ManArgs};
use crate::output::{Failure, print};

pub(crate) fn run(args: &ManArgs) -> Result<ExitCode, Failure> {
    match &args.dir {
        Some(directory) => write_all(directory)?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_all(directory: &Path) -> Result<(), Fault> {
    let unwritable = |error| {
        Fault::new(Code::FileUnwritable, format!("the manual could not be written to {}: {error}", directory.display()))
    };
    clap_mangen::generate_to(Cli::command(), directory).map_err(unwritable)?;
    let mut helper = Vec::new();
    clap_mangen::Man::new(hawser_helper::cli::Args::command()).section("8").render(&mut helper).map_err(unwritable)?;
    std::fs::write(directory.join("hawser-helper.8"), helper).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_command_has_a_page() {
        let directory = tempfile::tempdir().unwrap();
        write_all(directory.path()).unwrap();
        let has = |page: &str| directory.path().join(page).exists();
        assert!(has("hawser.1") && has("hawser-connect.1") && has("hawser-demo.1") && has("hawser-helper.8"));
        assert!(!has("hawser-helper.1") && !has("hawser-manager.1"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_fault() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(write_all(&directory.path().join("absent")).unwrap_err().code, Code::FileUnwritable);
    }
}
