//! The host's resolver: one file that all connections share.
//!
//! A `resolv.conf` has room for one answerer, so the connection that came first has it. When that one ends the next one
//! follows; until then the others' names resolve only for programs that ask their name server directly.

use std::net::SocketAddr;
use std::path::PathBuf;

use hawser_dns::backend::resolv_conf::{Backup, Error, Plan, ResolvConf, Restored, Settings};
use hawser_fault::{Code, Fault};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::cli::Dns;
use crate::connection::Names;
use crate::store::desired::Id;
use crate::store::journal::{Entry, Journal};

/// A change of the host that outlives the process.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    ResolvConf(Backup),
}

/// What connections ask of the host's resolver, and what was made of it.
pub struct HostResolver {
    how: Dns,
    path: PathBuf,
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the order in which they came.
    asked: Vec<(Id, Names)>,
    applied: Option<Applied>,
}

struct Applied {
    entry: Entry,
    names: Names,
    plan: Plan,
}

/// Undoes every change that the journal holds, and says how many there were.
///
/// # Errors
/// The first one, after trying them all; what failed stays in the journal.
pub fn undo_all(journal: &Journal) -> Result<usize, Fault> {
    let mut outcome = Ok(());
    let pending = journal.pending::<Change>()?;
    let count = pending.len();
    for (entry, Change::ResolvConf(backup)) in pending {
        outcome = outcome.and(undo(journal, entry, &backup));
    }
    outcome.map(|()| count)
}

fn undo(journal: &Journal, entry: Entry, backup: &Backup) -> Result<(), Fault> {
    if backup.restore().map_err(|error| fault(&error))? == Restored::Theirs {
        tracing::warn!("somebody else changed the resolver's file meanwhile; it stays as it is");
    }
    journal.settle(entry)
}

impl HostResolver {
    /// The resolver that reads `path`. Whatever `journal` holds was undone before.
    pub fn new(how: Dns, path: PathBuf, journal: Journal) -> Self {
        Self { how, path, journal, state: Mutex::default() }
    }

    /// Adds a connection's name server, or changes it.
    ///
    /// # Errors
    /// `dns-unavailable`, `state-unwritable` or `limit-reached`.
    pub fn point(&self, id: &Id, names: Names) -> Result<(), Fault> {
        let mut state = self.state.lock();
        match state.asked.iter_mut().find(|(other, _)| other == id) {
            Some((_, former)) => *former = names,
            None => state.asked.push((id.clone(), names)),
        }
        self.sync(&mut state)
    }

    /// Removes a connection's name server if it has one here.
    ///
    /// # Errors
    /// As [`point`](Self::point).
    pub fn withdraw(&self, id: &Id) -> Result<(), Fault> {
        let mut state = self.state.lock();
        state.asked.retain(|(other, _)| other != id);
        self.sync(&mut state)
    }

    /// The name servers that the host has without us.
    pub fn upstreams(&self) -> Vec<SocketAddr> {
        if let Some(applied) = &self.state.lock().applied {
            return applied.plan.upstreams.clone();
        }
        match ResolvConf::new(&self.path).plan(&Settings::default(), None) {
            Ok(plan) => plan.upstreams,
            Err(error) => {
                tracing::warn!(%error, "this host's own name servers are unknown");
                Vec::new()
            }
        }
    }

    /// Whether the host's resolver asks whom we told it to ask.
    ///
    /// # Errors
    /// `dns-unavailable` if somebody else changed the file.
    pub fn check(&self) -> Result<(), Fault> {
        match &self.state.lock().applied {
            Some(applied) => self.check_applied(applied),
            None => Ok(()),
        }
    }

    /// What was done, in a sentence.
    pub fn describe(&self) -> String {
        match (self.how, &self.state.lock().applied) {
            (Dns::Off, _) => "names are left alone, as the helper was told with --dns off".to_owned(),
            (_, Some(applied)) => format!("{} names {}", self.path.display(), applied.names.server),
            (_, None) => "no connection has names".to_owned(),
        }
    }

    fn check_applied(&self, applied: &Applied) -> Result<(), Fault> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let first = text.lines().find_map(|line| line.strip_prefix("nameserver"));
        if first.is_some_and(|server| server.trim() == applied.names.server.to_string()) {
            return Ok(());
        }
        let detail = format!("{} no longer names {} first", self.path.display(), applied.names.server);
        Err(Fault::new(Code::DnsUnavailable, detail)
            .with_fix("Find what manages that file (its first lines often say), then disconnect and connect again."))
    }

    /// Brings the file to what the first connection asks for.
    fn sync(&self, state: &mut State) -> Result<(), Fault> {
        if self.how == Dns::Off {
            return Ok(());
        }
        let wanted = state.asked.first().map(|(_, names)| names.clone());
        if let Some(applied) = state
            .applied
            .take_if(|applied| wanted.as_ref() != Some(&applied.names) || self.check_applied(applied).is_err())
        {
            undo(&self.journal, applied.entry, &applied.plan.backup)?;
        }
        if let Some(names) = wanted.filter(|_| state.applied.is_none()) {
            state.applied = Some(self.apply(names)?);
        }
        Ok(())
    }

    /// Journal first: a change that nobody knows of is never undone.
    fn apply(&self, names: Names) -> Result<Applied, Fault> {
        let search = if names.search_domain.is_empty() { Vec::new() } else { vec![names.search_domain.clone()] };
        let settings = Settings { servers: vec![names.server], search };
        let plan = ResolvConf::new(&self.path).plan(&settings, None).map_err(|error| fault(&error))?;
        let entry = self.journal.record(&Change::ResolvConf(plan.backup.clone()))?;
        if let Err(error) = plan.backup.apply() {
            undo(&self.journal, entry, &plan.backup)?;
            return Err(fault(&error));
        }
        Ok(Applied { entry, names, plan })
    }
}

fn fault(error: &Error) -> Fault {
    let fault = Fault::new(Code::DnsUnavailable, error.to_string());
    match error {
        Error::Orphaned(path) => fault.with_fix(format!("Put the right name servers into {} by hand.", path.display())),
        _ => fault.with_fix("See that the helper may write the file, or start it with --dns off."),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FORMER: &str = "nameserver 192.0.2.53\nsearch home\n";

    struct Host {
        dir: tempfile::TempDir,
    }

    impl Host {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("resolv.conf"), FORMER).unwrap();
            Self { dir }
        }

        fn file(&self) -> PathBuf {
            self.dir.path().join("resolv.conf")
        }

        fn journal(&self) -> Journal {
            Journal::open(self.dir.path().join("journal")).unwrap()
        }

        fn resolver(&self) -> HostResolver {
            HostResolver::new(Dns::ResolvConf, self.file(), self.journal())
        }

        fn text(&self) -> String {
            std::fs::read_to_string(self.file()).unwrap()
        }

        /// What the next helper, or `hawser-helper cleanup`, finds after a kill.
        fn restart(&self) {
            undo_all(&self.journal()).unwrap();
            assert_eq!(self.text(), FORMER);
            assert_eq!(undo_all(&self.journal()), Ok(0));
        }
    }

    fn id(name: &str) -> Id {
        Id { owner: 1000, name: name.to_owned() }
    }

    fn names(server: &str) -> Names {
        Names { server: server.parse().unwrap(), search_domain: "shop.demo.local".to_owned() }
    }

    fn first_server(text: &str) -> &str {
        text.lines().find_map(|line| line.strip_prefix("nameserver ")).unwrap()
    }

    #[test]
    fn pointed_and_withdrawn() {
        let host = Host::new();
        let resolver = host.resolver();
        let before = resolver.upstreams();
        assert_eq!(before, ["192.0.2.53:53".parse().unwrap()]);
        resolver.point(&id("a"), names("198.18.0.53")).unwrap();
        assert_eq!(first_server(&host.text()), "198.18.0.53");
        assert!(host.text().contains("search shop.demo.local home"), "{}", host.text());
        assert_eq!(resolver.upstreams(), before);
        resolver.check().unwrap();
        resolver.withdraw(&id("a")).unwrap();
        host.restart();
    }

    #[test]
    fn first_connection_has_the_names_and_the_next_inherits_them() {
        let host = Host::new();
        let resolver = host.resolver();
        resolver.point(&id("a"), names("198.18.0.53")).unwrap();
        resolver.point(&id("b"), names("198.18.1.53")).unwrap();
        assert_eq!(first_server(&host.text()), "198.18.0.53");
        assert_eq!(resolver.upstreams(), ["192.0.2.53:53".parse().unwrap()]);
        resolver.withdraw(&id("a")).unwrap();
        assert_eq!(first_server(&host.text()), "198.18.1.53");
        resolver.withdraw(&id("b")).unwrap();
        host.restart();
    }

    /// The kill comes after each step of applying and of undoing in turn.
    #[test]
    fn killed_at_each_step() {
        let plan = |file: &Path| {
            let settings = Settings { servers: vec!["198.18.0.53".parse().unwrap()], search: Vec::new() };
            ResolvConf::new(file).plan(&settings, None).unwrap()
        };

        let host = Host::new();
        host.restart();

        let host = Host::new();
        std::fs::create_dir(host.dir.path().join("journal")).unwrap();
        std::fs::write(host.dir.path().join("journal/000000.json.tmp"), "{\"resolv-co").unwrap();
        host.restart();

        let host = Host::new();
        host.journal().record(&Change::ResolvConf(plan(&host.file()).backup)).unwrap();
        host.restart();

        let host = Host::new();
        host.resolver().point(&id("a"), names("198.18.0.53")).unwrap();
        assert_ne!(host.text(), FORMER);
        host.restart();

        let host = Host::new();
        let backup = plan(&host.file()).backup;
        host.journal().record(&Change::ResolvConf(backup.clone())).unwrap();
        backup.apply().unwrap();
        backup.restore().unwrap();
        host.restart();
    }

    #[test]
    fn change_by_somebody_else_is_told_kept_and_pointed_again() {
        let host = Host::new();
        let resolver = host.resolver();
        resolver.point(&id("a"), names("198.18.0.53")).unwrap();
        let theirs = "nameserver 203.0.113.53\n";
        std::fs::write(host.file(), theirs).unwrap();
        assert_eq!(resolver.check().err().unwrap().code, Code::DnsUnavailable);
        resolver.point(&id("a"), names("198.18.0.53")).unwrap();
        resolver.check().unwrap();
        resolver.withdraw(&id("a")).unwrap();
        assert_eq!(host.text(), theirs);
    }

    #[test]
    fn nothing_is_changed_without_a_journal() {
        let host = Host::new();
        let resolver = host.resolver();
        std::fs::remove_dir(host.dir.path().join("journal")).unwrap();
        assert_eq!(resolver.point(&id("a"), names("198.18.0.53")).err().unwrap().code, Code::StateUnwritable);
        assert_eq!(host.text(), FORMER);
    }

    #[test]
    fn off_means_off() {
        let host = Host::new();
        let resolver = HostResolver::new(Dns::Off, host.file(), host.journal());
        resolver.point(&id("a"), names("198.18.0.53")).unwrap();
        assert_eq!(host.text(), FORMER);
        assert_eq!(resolver.upstreams(), ["192.0.2.53:53".parse().unwrap()]);
        resolver.check().unwrap();
    }
}
