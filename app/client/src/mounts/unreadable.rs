//! What of a container's files its agent may not read.

use std::fs::{self, File};
use std::io::ErrorKind::PermissionDenied;
use std::path::{Path, PathBuf};
use std::time::Instant;

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
    File::open(path).is_err_and(|error| error.kind() == PermissionDenied)
}

fn named(found: Vec<PathBuf>, root: &Path) -> Vec<String> {
    let named = |path: &PathBuf| Some(format!("/{}", path.strip_prefix(root).ok()?.display()));
    let mut named: Vec<String> = found.iter().filter_map(named).collect();
    named.sort();
    named
}
