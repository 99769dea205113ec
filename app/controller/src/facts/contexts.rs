//! What can be connected, and which connection leads to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hawser_client::connecting::{Manager, name_of_context, name_of_file};
use hawser_client::kubeconfig::{Context, Found};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Connection, Snapshot};

use super::settings::Choice;
use crate::view::ContextId;

#[derive(Default)]
pub(crate) struct Contexts {
    /// In the order in which they were found; what only a connection tells of comes last.
    pub(crate) entries: Vec<Entry>,
    pub(crate) faults: Vec<Fault>,
    /// The files were read.
    pub(crate) known: bool,
    ids: HashMap<Key, ContextId>,
    connections: HashMap<ContextId, String>,
    /// Names that are taken, each with the last number that was put behind it.
    taken: HashMap<String, u32>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) id: ContextId,
    /// What its connection is called, unless somebody called it otherwise.
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

impl Entry {
    /// What choices for it are kept by: its name depends on what else there is.
    pub(crate) fn choice(&self) -> Choice {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let (context, file) = match &self.origin {
            Origin::Context(context) => (context.name.clone(), text(&context.file)),
            Origin::Manager(manager) => (String::new(), text(&manager.file)),
            Origin::Connection => (self.name.clone(), String::new()),
        };
        Choice { context, file }
    }
}

#[derive(Clone)]
pub(crate) enum Origin {
    Context(Box<Context>),
    Manager(Manager),
    /// A connection to what is in none of the files.
    Connection,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Context { name: String, file: PathBuf },
    Manager(PathBuf),
    Connection(String),
}

impl Contexts {
    pub(crate) fn take_in(&mut self, found: Found, managers: Vec<Manager>, faults: Vec<Fault>) {
        self.entries.clear();
        self.taken.clear();
        self.faults = found.faults;
        self.faults.extend(faults);
        self.known = true;
        if found.left_out > 0 {
            let (listed, all) = (found.contexts.len(), found.contexts.len() + found.left_out);
            let detail = format!("your kubeconfigs have {all} contexts, of which the first {listed} are listed");
            let fix = "Move files that you don't need out of ~/.kube, or name those you need in KUBECONFIG.";
            self.faults.push(Fault::new(Code::LimitReached, detail).with_fix(fix));
        }
        for context in found.contexts {
            let key = Key::Context { name: context.name.clone(), file: context.file.clone() };
            let name = name_of_context(&context.name);
            self.add(key, name, Origin::Context(Box::new(context)));
        }
        for manager in managers {
            let Ok(name) = name_of_file(&manager.file) else { continue };
            self.add(Key::Manager(manager.file.clone()), name_of_context(&name), Origin::Manager(manager));
        }
    }

    /// Finds out which connection leads where.
    pub(crate) fn follow(&mut self, snapshot: &Snapshot, uid: u32) {
        self.entries.retain(|entry| !matches!(entry.origin, Origin::Connection));
        self.connections.clear();
        for connection in snapshot.connections.iter().filter(|connection| connection.owner == uid) {
            let free = |entry: &&Entry| !self.connections.contains_key(&entry.id);
            let found = self
                .entries
                .iter()
                .filter(free)
                .find(|entry| entry.name == connection.name && is_same_place(entry, connection));
            let found =
                found.or_else(|| self.entries.iter().filter(free).find(|entry| is_same_place(entry, connection)));
            let id = match found {
                Some(entry) => entry.id,
                None => self.add(Key::Connection(connection.name.clone()), connection.name.clone(), Origin::Connection),
            };
            self.connections.insert(id, connection.name.clone());
        }
    }

    pub(crate) fn entry(&self, id: ContextId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The name of the connection that leads to it.
    pub(crate) fn connection_of(&self, id: ContextId) -> Option<&str> {
        self.connections.get(&id).map(String::as_str)
    }

    /// Where the connection of this name leads.
    pub(crate) fn context_of(&self, connection: &str) -> Option<ContextId> {
        self.connections.iter().find(|(_, name)| *name == connection).map(|(id, _)| *id)
    }

    /// The same key has the same id for ever.
    fn add(&mut self, key: Key, name: String, origin: Origin) -> ContextId {
        let next = ContextId(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        let id = *self.ids.entry(key).or_insert(next);
        let name = if matches!(origin, Origin::Connection) { name } else { self.free(name) };
        self.entries.push(Entry { id, name, origin });
        id
    }

    /// This name, or with a number if another entry has it. A file may have thousands of names that come out as the same.
    fn free(&mut self, name: String) -> String {
        let mut free = name.clone();
        while self.taken.contains_key(&free) {
            let start = &name[..name.floor_char_boundary(60)];
            let last = self.taken.entry(start.to_owned()).or_insert(1);
            *last += 1;
            free = format!("{start}-{last}");
        }
        self.taken.insert(free.clone(), 1);
        free
    }
}

/// Whether a connection, whatever it is called, leads to the entry.
fn is_same_place(entry: &Entry, connection: &Connection) -> bool {
    match &entry.origin {
        Origin::Context(context) => connection.context == context.name && connection.target == context.server,
        Origin::Manager(manager) => connection.context.is_empty() && connection.target == manager.address,
        Origin::Connection => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hawser_client::kubeconfig::{Impersonation, Selection};

    fn context(name: &str, file: &str, server: &str) -> Context {
        let selection =
            Selection { files: vec![], context: None, namespace: None, impersonation: Impersonation::default() };
        Context {
            name: name.into(),
            selection,
            file: file.into(),
            server: server.into(),
            namespace: String::new(),
            plugin: None,
            at_terminal: false,
            current: false,
        }
    }

    fn connection(name: &str, context: &str, target: &str) -> Connection {
        Connection { name: name.into(), context: context.into(), target: target.into(), ..Connection::default() }
    }

    #[test]
    fn thousands_of_contexts_with_one_name_are_named_at_once() {
        let files: Vec<String> = (0..5_000).map(|number| format!("/{number}")).collect();
        let contexts = files.iter().map(|file| context("dev", file, "a:1")).collect();
        let mut known = Contexts::default();
        let begun = std::time::Instant::now();
        known.take_in(Found { contexts, ..Found::default() }, Vec::new(), Vec::new());
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(known.entries[4_999].name, "dev-5000");
    }

    #[test]
    fn connections_find_what_they_lead_to_and_ids_stay() {
        let found = |contexts: &[(&str, &str, &str)]| Found {
            contexts: contexts.iter().map(|(name, file, server)| context(name, file, server)).collect(),
            ..Found::default()
        };
        let mut contexts = Contexts::default();
        let manager = Manager { file: "/m/demo.toml".into(), address: "10.0.0.1:7300".into() };
        contexts.take_in(found(&[("dev", "/a", "a:1"), ("dev", "/b", "b:1")]), vec![manager], Vec::new());
        let names: Vec<_> = contexts.entries.iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(names, ["dev", "dev-2", "demo"]);
        let ids: Vec<_> = contexts.entries.iter().map(|entry| entry.id).collect();

        let connections = vec![
            connection("demo", "", "10.0.0.1:7300"),
            connection("mine", "dev", "b:1"),
            connection("gone", "old", "c:1"),
        ];
        contexts.follow(&Snapshot { connections, ..Snapshot::default() }, 0);
        assert_eq!(contexts.connection_of(ids[0]), None);
        assert_eq!(contexts.connection_of(ids[1]), Some("mine"));
        assert_eq!(contexts.connection_of(ids[2]), Some("demo"));
        let gone = contexts.context_of("gone").unwrap();
        assert!(matches!(contexts.entry(gone).unwrap().origin, Origin::Connection));

        contexts.take_in(found(&[("dev", "/b", "b:1")]), Vec::new(), Vec::new());
        contexts.follow(&Snapshot::default(), 0);
        assert_eq!(contexts.entries.len(), 1);
        assert_eq!((contexts.entries[0].id, &*contexts.entries[0].name), (ids[1], "dev"));
    }
}
