//! Replacing a file so that readers see the old one or the new one.

use std::fs::{self, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;

pub(super) fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// Makes `path` a file of these contents, whatever it was.
pub(super) fn file(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let renamed = by_rename(path, |temporary| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(contents)?;
        file.sync_all()
    });
    match renamed {
        Err(error) if only_renaming_fails(&error) && fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) => {
            in_place(path, contents)
        }
        result => result,
    }
}

/// Makes `path` a symbolic link.
pub(super) fn link(path: &Path, target: &Path) -> io::Result<()> {
    by_rename(path, |temporary| symlink(target, temporary))
}

/// Makes sure that nothing is at `path`.
pub(super) fn nothing(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_directory(path)
}

/// Takes away what a crash left half written beside `path`. Where nothing can be taken away nothing could be written.
pub(super) fn forget_unfinished(path: &Path) {
    if let Ok(unfinished) = temporary(path) {
        _ = fs::remove_file(unfinished);
    }
}

fn by_rename(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary(path)?;
    // One that a crash left behind.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let renamed = make(&temporary).and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // The error that is reported is the first one.
        _ = fs::remove_file(&temporary);
    }
    renamed.and_then(|()| sync_directory(path))
}

/// Containers mount single files: those can be written, but neither replaced nor have neighbours.
fn only_renaming_fails(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EBUSY | Errno::EXDEV | Errno::EACCES | Errno::EPERM | Errno::EROFS))
}

fn in_place(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".hawser");
    Ok(path.with_file_name(temporary))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_place_keeps_the_file_itself() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("resolv.conf"), directory.path().join("other"));
        fs::write(&path, "a longer text than the next").unwrap();
        fs::hard_link(&path, &other).unwrap();
        in_place(&path, b"short").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"short");
        fs::remove_file(&path).unwrap();
        symlink(&other, &path).unwrap();
        assert!(in_place(&path, b"elsewhere").is_err(), "a link is not followed");
    }

    #[test]
    fn in_place_is_for_mounts_only() {
        for (errno, in_place) in [
            (Errno::EBUSY, true),
            (Errno::EROFS, true),
            (Errno::EACCES, true),
            (Errno::ENOSPC, false),
            (Errno::EIO, false),
        ] {
            assert_eq!(only_renaming_fails(&io::Error::from(errno)), in_place, "{errno}");
        }
    }

    #[test]
    fn a_failure_leaves_the_file_and_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        fs::write(&path, "before").unwrap();
        let failed = by_rename(&path, |temporary| {
            fs::write(temporary, "half")?;
            Err(Errno::ENOSPC.into())
        });
        assert_eq!(failed.unwrap_err().raw_os_error(), Some(Errno::ENOSPC as i32));
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        fs::write(temporary(&path).unwrap(), "half").unwrap();
        file(&path, b"whole", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(mode(&fs::metadata(&path).unwrap()), 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }
}
