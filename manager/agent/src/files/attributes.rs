//! What a file is, in sftp's words.

use std::fs::{File, Metadata, Permissions};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, fstat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};
use russh_sftp::protocol::FileAttributes;

use super::root::Root;

/// What an open file is.
pub fn of(file: &File) -> Result<FileAttributes, Errno> {
    file.metadata().map(|metadata| said(&metadata)).map_err(|error| errno(&error))
}

/// What is known of a file. Times have the seconds that the protocol has room for.
pub fn said(metadata: &Metadata) -> FileAttributes {
    let seconds = |time: i64| u32::try_from(time).unwrap_or(0);
    FileAttributes {
        size: Some(metadata.len()),
        uid: Some(metadata.uid()),
        user: None,
        gid: Some(metadata.gid()),
        group: None,
        permissions: Some(metadata.mode()),
        atime: Some(seconds(metadata.atime())),
        mtime: Some(seconds(metadata.mtime())),
    }
}

/// Changes what is given of what a path names. A link is never followed.
pub fn change(root: &Root, path: &str, wanted: &FileAttributes) -> Result<(), Errno> {
    if let Some(size) = wanted.size {
        let file = File::from(root.at(path, OFlag::O_WRONLY, Mode::empty())?);
        file.set_len(size).map_err(|error| errno(&error))?;
    }
    if let Some(permissions) = wanted.permissions {
        change_permissions(&root.look_at(path)?, permissions)?;
    }
    if wanted.uid.is_some() || wanted.gid.is_some() {
        let place = root.place(path)?;
        let (uid, gid) = (wanted.uid.map(Uid::from_raw), wanted.gid.map(Gid::from_raw));
        fchownat(place.folder(), place.name.as_str(), uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    }
    if let (Some(atime), Some(mtime)) = (wanted.atime, wanted.mtime) {
        let place = root.place(path)?;
        let time = |seconds: u32| TimeSpec::new(seconds.into(), 0);
        let flags = UtimensatFlags::NoFollowSymlink;
        utimensat(place.folder(), place.name.as_str(), &time(atime), &time(mtime), flags)?;
    }
    Ok(())
}

/// Changes what is given of an open file.
pub fn change_open(file: &File, wanted: &FileAttributes) -> Result<(), Errno> {
    if let Some(size) = wanted.size {
        file.set_len(size).map_err(|error| errno(&error))?;
    }
    if let Some(permissions) = wanted.permissions {
        file.set_permissions(Permissions::from_mode(permissions & 0o7777)).map_err(|error| errno(&error))?;
    }
    if wanted.uid.is_some() || wanted.gid.is_some() {
        std::os::unix::fs::fchown(file, wanted.uid, wanted.gid).map_err(|error| errno(&error))?;
    }
    if let (Some(atime), Some(mtime)) = (wanted.atime, wanted.mtime) {
        let time = |seconds: u32| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.into());
        let times = std::fs::FileTimes::new().set_accessed(time(atime)).set_modified(time(mtime));
        file.set_times(times).map_err(|error| errno(&error))?;
    }
    Ok(())
}

/// The error's number; what has none is an error of input and output.
pub fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// By the name that the kernel has for an open file: one that was opened for looking at can't be changed otherwise.
pub fn by_descriptor(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// A link has none that mean anything, and some kernels would set them all the same.
fn change_permissions(file: &OwnedFd, permissions: u32) -> Result<(), Errno> {
    if SFlag::from_bits_truncate(fstat(file)?.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFLNK {
        return Err(Errno::EOPNOTSUPP);
    }
    let permissions = Permissions::from_mode(permissions & 0o7777);
    std::fs::set_permissions(by_descriptor(file), permissions).map_err(|error| errno(&error))
}
