//! What of a container's files its agent may not read.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind::PermissionDenied;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::fcntl::OFlag;

use super::limits;

/// Looks at some of the files below the mount and names, as the container knows them, those that can't be read. Blocks.
pub(super) fn below(root: &Path) -> Vec<String> {
    let began = Instant::now();
    let (most, deepest) = limits::LOOKED_AT;
    let (mut found, mut seen) = (Vec::new(), 0);
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == PermissionDenied => {
                found.push(folder);
                continue;
            }
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            seen += 1;
            if seen > most || found.len() >= limits::UNREADABLE || began.elapsed() > limits::LOOK_TIME {
                return named(found, root);
            }
            match entry.file_type() {
                // Kubernetes' own folders of a volume, to which the links lead that programs read.
                Ok(_) if entry.file_name().as_encoded_bytes().starts_with(b"..") => {}
                Ok(kind) if kind.is_dir() && depth < deepest => folders.push((entry.path(), depth + 1)),
                Ok(kind) if !kind.is_dir() && is_refused(&entry.path()) => found.push(entry.path()),
                _ => {}
            }
        }
    }
    named(found, root)
}

fn is_refused(path: &Path) -> bool {
    // A pipe would wait for somebody who writes.
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    opened.is_err_and(|error| error.kind() == PermissionDenied)
}

fn named(found: Vec<PathBuf>, root: &Path) -> Vec<String> {
    let named = |path: &PathBuf| Some(format!("/{}", path.strip_prefix(root).ok()?.display()));
    let mut named: Vec<String> = found.iter().filter_map(named).collect();
    named.sort();
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let (sender, looked) = mpsc::channel();
        let path = root.path().to_owned();
        std::thread::spawn(move || sender.send(below(&path)));
        assert_eq!(looked.recv_timeout(Duration::from_secs(5)), Ok(Vec::new()));
    }
}
