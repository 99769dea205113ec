//! Files that are either old or new, whenever the power goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::limits;

/// Ends the name of a file that is being written; one that is found later is a torn one and means nothing.
pub const UNFINISHED: &str = "tmp";

/// Replaces `path` by `content`, readable by its owner alone, and returns when it is on the disk.
///
/// # Errors
/// Of the file system; what [`read`] would refuse is not written.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if content.len() as u64 > limits::STATE_FILE_BYTES {
        return Err(too_long());
    }
    let unfinished = unfinished(path);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    sync_parent(path)
}

/// Removes `path` and returns when that is on the disk. A file that is not there is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_parent(path),
    }
}

/// Reads a file of bounded length; `None` if it is not there.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(limits::STATE_FILE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limits::STATE_FILE_BYTES {
        return Err(too_long());
    }
    Ok(Some(content))
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "longer than a file of this directory can be")
}

/// Moves a damaged file out of the way, so that it is neither used nor lost.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    let aside = PathBuf::from(name);
    std::fs::rename(path, &aside)?;
    sync_parent(path)?;
    Ok(aside)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(UNFINISHED);
    PathBuf::from(name)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
