//! The folder where files are mounted.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
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
    let point = without_links(&point)?;
    if sshfs::is_standing(&point) {
        return Ok(point);
    }
    make(&point)?;
    // It may be a link itself.
    let point = fs::canonicalize(&point).map_err(|error| unusable(&point, &error.to_string()))?;
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

/// The path as the kernel's table of mounts has it. What a dead one is mounted on can't be looked at itself, so this looks above.
fn without_links(point: &Path) -> Result<PathBuf, Fault> {
    let (Some(above), Some(name)) = (point.parent(), point.file_name()) else {
        return Err(unusable(point, "it is the root"));
    };
    make(above)?;
    Ok(fs::canonicalize(above).map_err(|error| unusable(point, &error.to_string()))?.join(name))
}

/// Makes the folder, with those above it, unless it is there.
pub(super) fn make(point: &Path) -> Result<(), Fault> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(point);
    made.map_err(|error| unusable(point, &error.to_string()))
}

/// Lets a folder that was made for it be mounted on, or else nothing be put into it: what a program writes while no files are there
/// would be hidden by the next mount.
pub(super) fn set_open(point: &Path, open: bool) {
    if is_own(point) {
        let mode = if open { 0o700 } else { 0o500 };
        // Then it stays as it is, which harms nothing.
        let _: io::Result<()> = fs::set_permissions(point, fs::Permissions::from_mode(mode));
    }
}

/// Removes a folder that was made for it.
pub(super) fn remove(point: &Path) {
    if is_own(point)
        // It is empty unless somebody has put something there meanwhile.
        && fs::remove_dir(point).is_ok()
        && let Some(above) = point.parent()
    {
        let _: io::Result<()> = fs::remove_dir(above);
    }
}

fn is_own(point: &Path) -> bool {
    own_folder()
        .and_then(|own| fs::canonicalize(own).map_err(|error| unusable(point, &error.to_string())))
        .is_ok_and(|own| point.starts_with(own))
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
