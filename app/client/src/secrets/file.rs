//! The file that logins are in while no keyring takes them. Only its user can read it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hawser_fault::{Code, Fault};

use super::Login;
use super::limits;

/// By the names of connections.
type Logins = BTreeMap<String, Login>;

/// A file of logins, which may not be there.
pub(super) struct File(pub(super) PathBuf);

impl File {
    /// What is in it. One that can't be read has nothing: what it had can be obtained again.
    pub(super) fn all(&self) -> Logins {
        self.read().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Adds a login, or takes the place of the connection's last one.
    pub(super) fn put(&self, connection: &str, login: &Login) -> Result<(), Fault> {
        let mut all = self.all();
        all.insert(connection.to_owned(), login.clone());
        while all.len() > limits::LOGINS {
            let ends = |login: &Login| login.credential.expires().unwrap_or(SystemTime::UNIX_EPOCH);
            let others = all.iter().filter(|(name, _)| *name != connection);
            let Some(first) = others.min_by_key(|(_, login)| ends(login)).map(|(name, _)| name.clone()) else { break };
            all.remove(&first);
        }
        self.write(&all)
    }

    /// Removes the connection's login.
    pub(super) fn remove(&self, connection: &str) -> Result<(), Fault> {
        let mut all = self.all();
        if all.remove(connection).is_some() { self.write(&all) } else { Ok(()) }
    }

    fn read(&self) -> io::Result<String> {
        let file = fs::File::open(&self.0)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        let mut text = String::new();
        file.take(limits::FILE).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Whole or not at all; an empty one isn't left.
    fn write(&self, all: &Logins) -> Result<(), Fault> {
        let failed = |error: io::Error| {
            Fault::new(Code::FileUnwritable, format!("{} cannot be written: {error}", self.0.display()))
        };
        if all.is_empty() {
            return fs::remove_file(&self.0).or_else(is_gone).map_err(failed);
        }
        let text = serde_json::to_vec(all).map_err(|error| failed(error.into()))?;
        replace(&self.0, &text).map_err(failed)
    }
}

fn is_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = file.with_extension("new");
    fs::remove_file(&beside).or_else(is_gone)?;
    let mut new = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?;
    new.write_all(text)?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::secrets::testing::login;

    #[test]
    fn only_the_user_reads_it_and_nothing_empty_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = File(folder.path().join("state/hawser/secrets"));
        assert!(file.all().is_empty());
        file.put("dev", &login("one", None)).unwrap();
        file.put("dev", &login("two", None)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file.0), mode(file.0.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&file.0, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(file.all(), [("dev".to_owned(), login("two", None))].into());
        assert_eq!(mode(&file.0), 0o600);
        file.remove("other").unwrap();
        file.remove("dev").unwrap();
        assert!(!file.0.exists());
    }

    #[test]
    fn a_malformed_file_has_nothing_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = File(folder.path().join("secrets"));
        fs::write(&file.0, "{").unwrap();
        assert!(file.all().is_empty());
        file.put("dev", &login("one", None)).unwrap();
        assert_eq!(file.all().len(), 1);
        let nowhere = File("/proc/hawser/secrets".into());
        assert_eq!(nowhere.put("dev", &login("one", None)).unwrap_err().code, Code::FileUnwritable);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = File(folder.path().join("secrets"));
        let end = |number: u64| Some(SystemTime::now() + Duration::from_secs(3_600 + number));
        for number in 0..=limits::LOGINS as u64 {
            file.put(&format!("c{number}"), &login("t", end(number))).unwrap();
        }
        let all = file.all();
        assert_eq!((all.len(), all.contains_key("c0")), (limits::LOGINS, false));
    }
}
