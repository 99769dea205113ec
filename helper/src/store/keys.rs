//! Private keys, made at first need, never shown: one a user for managers that know their users by it, one a connection for
//! clusters, which are told of it by a session.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use hawser_tunnel::identity::Identity;

use super::desired::{Id, Target};
use super::{files, unwritable};

/// The directory of keys.
#[derive(Clone, Debug)]
pub struct Keys {
    dir: PathBuf,
}

impl Keys {
    /// Keys below `dir`, which is made with the first one.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The key of a connection to this target.
    ///
    /// # Errors
    /// As [`Keys::of_user`].
    pub fn of(&self, id: &Id, target: &Target) -> Result<Arc<Identity>, Fault> {
        match target {
            Target::Standalone { .. } => self.of_user(id.owner),
            Target::Kubernetes(_) => self.read_or_make(&self.of_connection(id)),
        }
    }

    /// Forgets the key of a connection, if it had one of its own.
    pub fn discard(&self, id: &Id) {
        let path = self.of_connection(id);
        if let Err(error) = files::remove(&path) {
            tracing::warn!(path = %path.display(), %error, "the key of an ended connection stays");
        }
    }

    fn of_connection(&self, id: &Id) -> PathBuf {
        self.dir.join(format!("{}-{}.pk8", id.owner, id.name))
    }

    /// The key of a user.
    ///
    /// # Errors
    /// `state-unwritable` if it had to be made and could not be kept, `key-malformed` if the file is damaged: a new key
    /// in its place would lock the user out of every manager without a word.
    pub fn of_user(&self, uid: u32) -> Result<Arc<Identity>, Fault> {
        self.read_or_make(&self.dir.join(format!("{uid}.pk8")))
    }

    fn read_or_make(&self, path: &Path) -> Result<Arc<Identity>, Fault> {
        let kept = files::read(path).map_err(|error| {
            Fault::new(Code::FileUnreadable, format!("the key {} cannot be read: {error}", path.display()))
        })?;
        if let Some(kept) = kept {
            return Identity::from_pkcs8(&kept).map(Arc::new).map_err(|error| {
                Fault::new(Code::KeyMalformed, format!("{} is damaged: {error}", path.display())).with_fix(format!(
                    "Remove {}; the new key must then be authorised at each manager.",
                    path.display()
                ))
            });
        }
        let identity = Identity::generate().map_err(|error| Fault::new(Code::Internal, error.to_string()))?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .and_then(|()| files::replace(path, identity.pkcs8()))
            .map_err(|error| unwritable(path, &error))?;
        Ok(Arc::new(identity))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::new(dir.path().join("keys"));
        let first = keys.of_user(1000).unwrap().pin();
        assert_eq!(keys.of_user(1000).unwrap().pin(), first);
        assert_ne!(keys.of_user(1001).unwrap().pin(), first);
        let mode = std::fs::metadata(dir.path().join("keys/1000.pk8")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn damaged_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("7.pk8"), "no key").unwrap();
        let keys = Keys::new(dir.path().to_owned());
        assert_eq!(keys.of_user(7).err().unwrap().code, Code::KeyMalformed);
        assert_eq!(std::fs::read(dir.path().join("7.pk8")).unwrap(), b"no key");
    }
}
