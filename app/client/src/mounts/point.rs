//! The folder where files are mounted.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use hawser_fault::{Code, Fault};

use super::sshfs;
use crate::companion;

/// Where an intercept's files are to be: in `folder`, or else in one that is made beside the companion's socket. It is there and
/// empty afterwards, unless files are mounted there already.
///
/// # Errors
/// `mount-point-unusable`; `internal` if the companion can have no folder.
pub fn prepare(folder: Option<&Path>, connection: &str, intercept: &str) -> Result<PathBuf, Fault> {
    let point = match folder {
        Some(folder) => std::path::absolute(folder).map_err(|error| unusable(folder, &error.to_string()))?,
        None => own_folder()?.join(connection.replace('/', "_")).join(intercept),
    };
    make(&point)?;
    // The kernel's table has paths without links in them.
    let point = fs::canonicalize(&point).map_err(|error| unusable(&point, &error.to_string()))?;
    if sshfs::is_standing(&point) {
        return Ok(point);
    }
    let found = fs::metadata(&point).map_err(|error| unusable(&point, &error.to_string()))?;
    let user = nix::unistd::geteuid();
    if !user.is_root() && found.uid() != user.as_raw() {
        return Err(unusable(&point, "it is not yours"));
    }
    let mut entries = fs::read_dir(&point).map_err(|error| unusable(&point, &error.to_string()))?;
    if entries.next().is_some() {
        return Err(unusable(&point, "it is not empty"));
    }
    Ok(point)
}

/// Makes the folder, with those above it, unless it is there.
pub(super) fn make(point: &Path) -> Result<(), Fault> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(point);
    made.map_err(|error| unusable(point, &error.to_string()))
}

/// Removes a folder that was made for it.
pub(super) fn remove(point: &Path) {
    if let Ok(own) = own_folder()
        && fs::canonicalize(own).is_ok_and(|own| point.starts_with(own))
        // It is empty unless somebody has put something there meanwhile.
        && fs::remove_dir(point).is_ok()
        && let Some(above) = point.parent()
    {
        let _: io::Result<()> = fs::remove_dir(above);
    }
}

fn own_folder() -> Result<PathBuf, Fault> {
    Ok(companion::folder()?.join("mounts"))
}

fn unusable(point: &Path, why: &str) -> Fault {
    Fault::new(Code::MountPointUnusable, format!("nothing can be mounted on {}: {why}", point.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_an_empty_folder() {
        let above = tempfile::tempdir().unwrap();
        let point = above.path().join("a/b");
        let real = fs::canonicalize(above.path()).unwrap().join("a/b");
        assert_eq!(prepare(Some(&point), "rig", "web"), Ok(real.clone()));
        assert_eq!(prepare(Some(&point), "rig", "web"), Ok(real), "the same again");
        fs::write(point.join("mine"), "").unwrap();
        let fault = prepare(Some(&point), "rig", "web").unwrap_err();
        assert_eq!(fault.code, Code::MountPointUnusable);
        assert!(fault.detail.ends_with("it is not empty"), "{fault}");
        let fault = prepare(Some(&point.join("mine")), "rig", "web").unwrap_err();
        assert_eq!(fault.code, Code::MountPointUnusable);
    }
}
