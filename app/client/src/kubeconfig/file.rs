//! One kubeconfig as it is written (Kubernetes: kubeconfig v1), and where in it each entry stands.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::limits::{LARGEST_FILE, LONGEST_NAME};
use super::secret::Secret;

/// What one file says.
#[derive(Default)]
pub(super) struct Kubeconfig {
    /// Empty if there is none.
    pub(super) current_context: String,
    pub(super) clusters: Entries<ClusterFields>,
    pub(super) users: Entries<UserFields>,
    pub(super) contexts: Entries<ContextFields>,
}

/// Entries of one kind by their names.
pub(super) type Entries<T> = BTreeMap<String, Entry<T>>;

/// A named entry and where it stands.
#[derive(Clone)]
pub(super) struct Entry<T> {
    pub(super) place: Place,
    pub(super) fields: T,
}

/// A line of a file.
#[derive(Clone)]
pub(super) struct Place {
    file: Arc<Path>,
    line: u64,
}

impl Place {
    /// A path in this file is relative to the file's directory.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("/")).join(path)
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What is wrong here.
    pub(super) fn malformed(&self, why: impl fmt::Display) -> Fault {
        Fault::new(Code::KubeconfigMalformed, format!("{self}: {why}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)
    }
}

/// A cluster's fields. As in Go, what is absent, null or empty is the same.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct ClusterFields {
    pub(super) server: Nullable<String>,
    pub(super) tls_server_name: Nullable<String>,
    pub(super) insecure_skip_tls_verify: Nullable<bool>,
    pub(super) certificate_authority: Nullable<String>,
    pub(super) certificate_authority_data: Nullable<String>,
    pub(super) proxy_url: Nullable<Secret>,
    pub(super) disable_compression: Nullable<bool>,
    pub(super) extensions: Nullable<Vec<Extension>>,
}

/// Data of a tool that isn't ours.
#[derive(Clone, Deserialize)]
pub(super) struct Extension {
    #[serde(default)]
    pub(super) name: Nullable<String>,
    #[serde(default)]
    pub(super) extension: serde_json::Value,
}

/// A context's fields.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContextFields {
    pub(super) cluster: Nullable<String>,
    pub(super) user: Nullable<String>,
    pub(super) namespace: Nullable<String>,
}

/// A user's fields.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct UserFields {
    pub(super) client_certificate: Nullable<String>,
    pub(super) client_certificate_data: Nullable<String>,
    pub(super) client_key: Nullable<String>,
    pub(super) client_key_data: Nullable<Secret>,
    pub(super) token: Nullable<Secret>,
    #[serde(rename = "tokenFile")]
    pub(super) token_file: Nullable<String>,
    #[serde(rename = "as")]
    pub(super) impersonate: Nullable<String>,
    pub(super) as_uid: Nullable<String>,
    pub(super) as_groups: Nullable<Vec<String>>,
    pub(super) as_user_extra: Nullable<BTreeMap<String, Vec<String>>>,
    pub(super) username: Nullable<String>,
    pub(super) password: Nullable<Secret>,
    pub(super) auth_provider: Option<AuthProvider>,
    pub(super) exec: Option<Exec>,
}

/// A kind of login that Kubernetes has removed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthProvider {
    pub(super) name: Nullable<String>,
}

/// A credential plugin.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Exec {
    pub(super) command: Nullable<String>,
    pub(super) args: Nullable<Vec<String>>,
    pub(super) env: Nullable<Vec<Variable>>,
    pub(super) api_version: Nullable<String>,
    pub(super) install_hint: Nullable<String>,
    pub(super) provide_cluster_info: Nullable<bool>,
    pub(super) interactive_mode: Nullable<String>,
}

/// A variable for a credential plugin.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Variable {
    pub(super) name: Nullable<String>,
    pub(super) value: Nullable<Secret>,
}

/// A value for which `null` means its default.
#[derive(Clone, Default)]
pub(super) struct Nullable<T>(T);

impl<T> Deref for Nullable<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| Self(value.unwrap_or_default()))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Document {
    #[serde(rename = "apiVersion")]
    api_version: Nullable<String>,
    kind: Nullable<String>,
    current_context: Nullable<String>,
    clusters: Nullable<Vec<NamedCluster>>,
    users: Nullable<Vec<NamedUser>>,
    contexts: Nullable<Vec<NamedContext>>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: Spanned<String>,
    #[serde(default)]
    cluster: Nullable<ClusterFields>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: Spanned<String>,
    #[serde(default)]
    user: Nullable<UserFields>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: Spanned<String>,
    #[serde(default)]
    context: Nullable<ContextFields>,
}

impl Kubeconfig {
    /// Reads the file at `path`; `None` if there is none.
    ///
    /// # Errors
    /// `file-unreadable` or `kubeconfig-malformed`, which names the line.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Fault> {
        match read_bounded(path) {
            Ok(bytes) => Self::parse(&bytes, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// Reads a file's text; `path` is its name.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Fault> {
        let malformed = |why: String| Fault::new(Code::KubeconfigMalformed, format!("{}{why}", path.display()));
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            malformed(format!(", line {line}: it is not UTF-8 text"))
        })?;
        let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
        let documents: Vec<Document> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
            let line = error.location().map(|location| format!(", line {}", location.line())).unwrap_or_default();
            malformed(format!("{line}: {}", message(&error)))
        })?;
        // kubectl, too, reads the first document alone.
        let document = documents.into_iter().next().unwrap_or_default();
        for (field, value, expected) in
            [("apiVersion", &document.api_version, "v1"), ("kind", &document.kind, "Config")]
        {
            if !value.is_empty() && **value != expected {
                return Err(malformed(format!(": its {field} is {:?}, a kubeconfig's is {expected}", **value)));
            }
        }

        let file: Arc<Path> = path.into();
        let clusters = document.clusters.0.into_iter().map(|entry| (entry.name, entry.cluster.0));
        let users = document.users.0.into_iter().map(|entry| (entry.name, entry.user.0));
        let contexts = document.contexts.0.into_iter().map(|entry| (entry.name, entry.context.0));
        Ok(Self {
            current_context: document.current_context.0,
            clusters: by_name("cluster", clusters, &file)?,
            users: by_name("user", users, &file)?,
            contexts: by_name("context", contexts, &file)?,
        })
    }
}

fn by_name<T>(
    kind: &str,
    entries: impl Iterator<Item = (Spanned<String>, T)>,
    file: &Arc<Path>,
) -> Result<Entries<T>, Fault> {
    let mut named = Entries::new();
    for (name, fields) in entries {
        let place = Place { file: file.clone(), line: name.referenced.line() };
        if name.value.len() > LONGEST_NAME {
            return Err(place.malformed(format!("the {kind}'s name is longer than {LONGEST_NAME} bytes")));
        }
        match named.entry(name.value) {
            Slot::Occupied(slot) => {
                return Err(place.malformed(format!("the {kind} {:?} stands twice in this file", slot.key())));
            }
            Slot::Vacant(slot) => slot.insert(Entry { place, fields }),
        };
    }
    Ok(named)
}

/// The parser's own words without an excerpt of the file, which could be a secret.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string().replace('\n', " ");
    // The line is told in our way already.
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Reads a file of the user's that may be as long as the limit.
pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {LARGEST_FILE} bytes")));
    }
    Ok(bytes)
}

/// A file of the user's could not be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Code::FileUnreadable, format!("the file {} could not be read: {error}", path.display()))
}
