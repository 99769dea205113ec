//! The parts of the host that have to do with its resolver, and what is found there.

use std::fs;
use std::path::{Path, PathBuf};

use hawser_dns::backend::choice::Facts;
use hawser_dns::backend::resolv_conf::ResolvConf;
use hawser_dns::backend::resolvconf::Program;

use super::bus::Bus;
use crate::limits;

/// The file that every program's resolver reads.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Where a command `resolvconf` may be.
const COMMANDS: [&str; 3] = ["usr/sbin/resolvconf", "sbin/resolvconf", "usr/bin/resolvconf"];

/// Where things are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The resolver's configuration.
    pub resolv_conf: PathBuf,
    /// What every other path is under: `/` but for tests.
    pub root: PathBuf,
    /// The system's message bus.
    pub bus: Bus,
}

impl Places {
    /// Those of this host, with the resolver's configuration in this file.
    pub fn with(resolv_conf: PathBuf) -> Self {
        Self { resolv_conf, root: PathBuf::from("/"), bus: Bus::system() }
    }

    /// Whether programs read the file. A file that nobody reads has no say in who is asked.
    pub fn is_systems(&self) -> bool {
        self.resolv_conf == Path::new(RESOLV_CONF)
    }

    /// The command `resolvconf`, and which one it is.
    pub fn resolvconf(&self) -> Option<(PathBuf, Program)> {
        COMMANDS.iter().map(|command| self.root.join(command)).find_map(|path| {
            let program = Program::of(&beginning(&path))?;
            Some((path, program))
        })
    }

    /// The records of `resolvconf`: names and texts, in order.
    pub fn records(&self, program: Program) -> Vec<(String, String)> {
        let folder = self.below(program.records());
        let mut records: Vec<(String, String)> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|file| (file.file_name().to_string_lossy().into_owned(), beginning(&file.path())))
            .collect();
        records.sort();
        records.truncate(limits::RESOLVER_RECORDS);
        records
    }

    /// What the choice depends on.
    pub async fn facts(&self) -> Facts {
        // What ours covers, where that is in place: it is the owner of that who decides.
        let (text, link) = match ResolvConf::new(&self.resolv_conf).orphan() {
            Some(ours) => ours.former(),
            None => (beginning(&self.resolv_conf), fs::read_link(&self.resolv_conf).ok()),
        };
        let link = link.map(|target| self.resolv_conf.parent().unwrap_or(Path::new("/")).join(target));
        // A link that leads nowhere still says who made it.
        let link = link.map(|target| fs::canonicalize(&target).unwrap_or(target));
        Facts {
            text,
            link: link
                .map(|link| link.strip_prefix(&self.root).map_or(link.clone(), |inner| Path::new("/").join(inner))),
            nsswitch: beginning(&self.below("/etc/nsswitch.conf")),
            resolved: self.is_systems_or_test() && self.bus.has_resolved().await,
            resolvconf: if self.is_systems_or_test() { self.resolvconf().map(|(_, program)| program) } else { None },
        }
    }

    /// Another file than the system's is changed as a file: that's what it was named for.
    fn is_systems_or_test(&self) -> bool {
        self.is_systems() || self.root != Path::new("/")
    }

    fn below(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// A file's first bytes as text; nothing where there is none.
fn beginning(path: &Path) -> String {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(limits::RESOLVER_FILE).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
