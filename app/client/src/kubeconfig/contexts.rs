//! Every context that the user has, for programs that show them all: one bad file doesn't hide the others.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use hawser_fault::Fault;

use super::cluster::{host_and_port, server};
use super::file::{Entries, Exec, Kubeconfig, UserFields};
use super::limits::{MOST_CONTEXTS, MOST_FILES};
use super::merge::merge;
use super::selection::{Arguments, Impersonation, Selection};
use super::{Environment, file::ContextFields};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Those of the user's own selection first, then file by file, in the order of names.
    pub contexts: Vec<Context>,
    /// Files that could not be read.
    pub faults: Vec<Fault>,
    /// Files that were looked for.
    pub files: Vec<PathBuf>,
    /// Contexts beyond [`MOST_CONTEXTS`], which are only counted.
    pub left_out: usize,
}

/// A context, and what selects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Means this context.
    pub selection: Selection,
    /// The file it stands in.
    pub file: PathBuf,
    /// `host:port` of its API server; empty if its cluster isn't known or isn't well.
    pub server: String,
    /// Its namespace, as it is written.
    pub namespace: String,
    /// The program that logs in.
    pub plugin: Option<String>,
    /// It only works at a terminal.
    pub at_terminal: bool,
    /// It is the current context of the user's own selection.
    pub current: bool,
}

/// Reads the files of `KUBECONFIG` (else `~/.kube/config`) as one selection, then what else is in `~/.kube` and the `added` files
/// each by itself. A context that was found already isn't listed again.
pub fn contexts(environment: &Environment, added: &[PathBuf]) -> Found {
    let (mut found, mut known) = (Found::default(), HashSet::new());
    let own = Selection::new(Arguments::default(), environment).map(|selection| selection.files).unwrap_or_default();
    read_as_one(&own, true, &mut found, &mut known);
    for file in others(environment).into_iter().chain(added.iter().cloned()) {
        if found.files.len() >= MOST_FILES {
            break;
        }
        if !found.files.contains(&file) {
            read_as_one(&[file], false, &mut found, &mut known);
        }
    }
    found
}

/// `known` are the names and servers of those that were found already.
fn read_as_one(files: &[PathBuf], own: bool, found: &mut Found, known: &mut HashSet<(String, String)>) {
    let mut good = Vec::new();
    let mut merged = Kubeconfig::default();
    for file in files {
        found.files.push(file.clone());
        match Kubeconfig::read(file) {
            Ok(Some(read)) => {
                good.push(file.clone());
                merged = merge(merged, read);
            }
            Ok(None) => {}
            Err(fault) => found.faults.push(fault),
        }
    }
    for (name, entry) in &merged.contexts {
        let server = server_of(&entry.fields, &merged);
        if !known.insert((name.clone(), server.clone())) {
            continue;
        }
        if found.contexts.len() >= MOST_CONTEXTS {
            found.left_out += 1;
            continue;
        }
        let selection = Selection {
            files: good.clone(),
            context: Some(name.clone()),
            namespace: None,
            impersonation: Impersonation::default(),
        };
        let plugin = plugin_of(&entry.fields, &merged.users);
        found.contexts.push(Context {
            name: name.clone(),
            selection,
            file: entry.place.file().to_owned(),
            server,
            namespace: entry.fields.namespace.to_string(),
            plugin: plugin.map(|exec| program(&exec.command)),
            at_terminal: plugin.is_some_and(|exec| *exec.interactive_mode == "Always"),
            current: own && *name == merged.current_context,
        });
    }
}

fn server_of(context: &ContextFields, all: &Kubeconfig) -> String {
    let cluster = all.clusters.get(&**context.cluster).map(|entry| server(&entry.fields.server));
    let Some(Ok(url)) = cluster else { return String::new() };
    host_and_port(&url)
}

fn plugin_of<'a>(context: &ContextFields, users: &'a Entries<UserFields>) -> Option<&'a Exec> {
    users.get(&**context.user)?.fields.exec.as_ref()
}

fn program(command: &str) -> String {
    Path::new(command).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a file of this name in `~/.kube` is taken for a kubeconfig. `kubectl` locks one by another beside it.
pub fn is_named_so(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let is_meant = name.starts_with("config") || name.ends_with(".yaml") || name.ends_with(".yml");
    is_meant && !name.ends_with(".lock")
}

/// What looks like a kubeconfig in `~/.kube`.
fn others(environment: &Environment) -> Vec<PathBuf> {
    let Some(folder) = folder(environment) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_meant = |path: &PathBuf| path.file_name().is_some_and(is_named_so) && path.is_file();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_meant).collect();
    files.sort();
    files
}

/// `~/.kube`.
pub fn folder(environment: &Environment) -> Option<PathBuf> {
    let home = environment.first(&["HOME"])?;
    Some(environment.absolute(home.as_ref()).join(".kube"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(current: &str, contexts: &[(&str, &str)]) -> String {
        let mut text = format!("current-context: {current}\ncontexts:\n");
        for (name, _) in contexts {
            text += &format!("- {{name: {name}, context: {{cluster: c-{name}, user: u, namespace: shop}}}}\n");
        }
        text += "clusters:\n";
        for (name, host) in contexts {
            text += &format!("- {{name: c-{name}, cluster: {{server: 'https://{host}'}}}}\n");
        }
        text + "users: [{name: u, user: {exec: {command: /usr/bin/login-tool, interactiveMode: Always}}}]\n"
    }

    #[test]
    fn all_files_are_found_and_a_bad_one_hides_none() {
        let home = tempfile::tempdir().unwrap();
        let kube = home.path().join(".kube");
        fs::create_dir(&kube).unwrap();
        fs::create_dir(kube.join("config.d")).unwrap();
        fs::write(kube.join("config"), kubeconfig("dev", &[("dev", "a:6443"), ("live", "b")])).unwrap();
        fs::write(kube.join("config-backup"), kubeconfig("dev", &[("dev", "a:6443")])).unwrap();
        fs::write(kube.join("team.yaml"), kubeconfig("x", &[("dev", "c"), ("x", "d")])).unwrap();
        fs::write(kube.join("broken.yml"), "contexts: [").unwrap();
        fs::write(kube.join("notes.txt"), "no kubeconfig").unwrap();
        fs::write(kube.join("config.lock"), "[").unwrap();
        let added = home.path().join("added");
        fs::write(&added, kubeconfig("far", &[("far", "e")])).unwrap();
        let environment =
            Environment { variables: [("HOME".into(), home.path().into())].into(), directory: home.path().to_owned() };

        let found = contexts(&environment, &[added, home.path().join("absent")]);
        let seen: Vec<_> =
            found.contexts.iter().map(|context| (&*context.name, &*context.server, context.current)).collect();
        let expected = [
            ("dev", "a:6443", true),
            ("live", "b:443", false),
            ("dev", "c:443", false),
            ("x", "d:443", false),
            ("far", "e:443", false),
        ];
        assert_eq!(seen, expected);
        assert_eq!(found.contexts[0].plugin.as_deref(), Some("login-tool"));
        assert!(found.contexts[0].at_terminal);
        assert_eq!(found.contexts[0].namespace, "shop");
        assert_eq!(found.faults.len(), 1);
        assert!(found.faults[0].detail.contains("broken.yml"), "{}", found.faults[0]);
    }

    #[test]
    fn thousands_of_contexts_are_counted() {
        let home = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..MOST_CONTEXTS + 50).map(|number| format!("c{number}")).collect();
        let listed: Vec<_> = names.iter().map(|name| (name.as_str(), "a")).collect();
        let (many, again) = (home.path().join("many"), home.path().join("again"));
        fs::write(&many, kubeconfig("c1", &listed)).unwrap();
        fs::write(&again, kubeconfig("c1", &listed)).unwrap();
        let environment =
            Environment { variables: [("KUBECONFIG".into(), many.into())].into(), directory: home.path().to_owned() };
        let found = contexts(&environment, &[again]);
        assert_eq!((found.contexts.len(), found.left_out), (MOST_CONTEXTS, 50));
    }

    #[test]
    fn a_bad_file_of_a_selection_leaves_the_rest_usable() {
        let home = tempfile::tempdir().unwrap();
        let (good, bad) = (home.path().join("good"), home.path().join("bad"));
        fs::write(&good, kubeconfig("dev", &[("dev", "a")])).unwrap();
        fs::write(&bad, [0xff, 0xfe]).unwrap();
        let list = std::env::join_paths([&bad, &good]).unwrap();
        let environment =
            Environment { variables: [("KUBECONFIG".into(), list)].into(), directory: home.path().to_owned() };
        let found = contexts(&environment, &[]);
        assert_eq!(found.contexts[0].selection.files, [good]);
        assert_eq!(found.faults.len(), 1);
    }
}
