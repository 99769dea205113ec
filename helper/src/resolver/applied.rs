//! What was done to have the host's resolver ask us, by each of the ways.

use std::net::{IpAddr, SocketAddr};

use hawser_dns::backend::choice::Backend;
use hawser_dns::backend::resolv_conf::{Plan, ResolvConf, Settings, servers};
use hawser_dns::backend::resolvconf::{self, Program};
use hawser_fault::{Code, Fault};

use super::change::{self, Change};
use super::command;
use super::host::Places;
use super::share::Share;
use crate::store::journal::{Entry, Journal};

/// A change of the host that stands.
pub enum Applied {
    /// Links of systemd-resolved.
    Links(Vec<Share>),
    /// A record of `resolvconf`, and the servers that were there before it.
    Record { entry: Entry, program: Program, first: First, before: Vec<SocketAddr> },
    /// The file.
    File { entry: Entry, first: First, plan: Box<Plan> },
}

/// All that a resolver with room for one answerer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    server: IpAddr,
    search: Vec<String>,
}

impl First {
    fn of(shares: &[Share]) -> Option<Self> {
        let first = shares.first()?;
        let search = if first.search.is_empty() { Vec::new() } else { vec![first.search.clone()] };
        Some(Self { server: first.server, search })
    }
}

impl Applied {
    /// Makes the change. Journal first: a change that nobody knows of is never undone.
    ///
    /// # Errors
    /// `dns-unavailable`, `state-unwritable` or `limit-reached`; then nothing is changed.
    pub async fn make(backend: Backend, shares: &[Share], journal: &Journal, places: &Places) -> Result<Self, Fault> {
        let first = First::of(shares).ok_or_else(|| Fault::new(Code::Internal, "there are no names to be had"))?;
        match backend {
            Backend::Resolved => set_links(shares, places).await,
            Backend::Resolvconf(program) => add_record(program, first, journal, places).await,
            Backend::File => write_file(first, journal, places).await,
        }
    }

    /// By which of the ways.
    pub fn backend(&self) -> Backend {
        match self {
            Self::Links(_) => Backend::Resolved,
            Self::Record { program, .. } => Backend::Resolvconf(*program),
            Self::File { .. } => Backend::File,
        }
    }

    /// Whether it is what these shares want.
    pub fn is_for(&self, shares: &[Share]) -> bool {
        match self {
            Self::Links(set) => set == shares,
            Self::Record { first, .. } | Self::File { first, .. } => First::of(shares).as_ref() == Some(first),
        }
    }

    /// Whether it is still there.
    pub async fn stands(&self, places: &Places) -> bool {
        match self {
            Self::Links(set) => places.bus.has(set).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "systemd-resolved does not say what it was told");
                false
            }),
            Self::Record { first, .. } | Self::File { first, .. } => asks_first(first.server, places),
        }
    }

    /// Brings it to what these shares want, if that can be done without taking it back first.
    ///
    /// # Errors
    /// `dns-unavailable`.
    pub async fn update(&mut self, shares: &[Share], places: &Places) -> Result<bool, Fault> {
        let Self::Links(set) = self else { return Ok(false) };
        let gone = set.iter().filter(|former| !shares.iter().any(|share| share.device == former.device));
        let gone: Vec<String> = gone.map(|former| former.device.clone()).collect();
        if !gone.is_empty()
            && let Err(error) = places.bus.revert(&gone).await
        {
            tracing::debug!(%error, "links of connections that end keep their names until the devices are gone");
        }
        *self = set_links(shares, places).await?;
        Ok(true)
    }

    /// Takes it back.
    ///
    /// # Errors
    /// `dns-unavailable` or `state-unwritable`; then it is undone at the next start.
    pub async fn undo(self, journal: &Journal, places: &Places) -> Result<(), Fault> {
        match self {
            Self::Links(set) => {
                let devices: Vec<String> = set.into_iter().map(|share| share.device).collect();
                places.bus.revert(&devices).await.map_err(|error| resolved_failed(&error))
            }
            Self::Record { entry, program, .. } => {
                change::undo(journal, places, entry, &Change::Resolvconf(program)).await
            }
            Self::File { entry, plan, .. } => {
                change::undo(journal, places, entry, &Change::ResolvConf(plan.backup)).await
            }
        }
    }

    /// The host's own name servers, as they are now.
    pub async fn upstreams(&self, places: &Places) -> Vec<SocketAddr> {
        match self {
            Self::Links(_) => places.bus.upstreams().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "systemd-resolved does not say which name servers this host has");
                Vec::new()
            }),
            Self::Record { program, first, before, .. } => {
                let records = places.records(*program);
                let texts = records.iter().map(|(name, text)| (name.as_str(), text.as_str()));
                let found = resolvconf::upstreams(texts, first.server);
                if found.is_empty() { before.clone() } else { found }
            }
            Self::File { first, plan, .. } => {
                let settings = Settings { servers: vec![first.server], search: Vec::new() };
                let now = ResolvConf::new(&places.resolv_conf).plan(&settings, Some(&plan.backup));
                now.map_or_else(|_| plan.upstreams.clone(), |now| now.upstreams)
            }
        }
    }

    /// What was done, in a sentence.
    pub fn describe(&self, places: &Places) -> String {
        match self {
            Self::Links(set) => {
                let devices: Vec<&str> = set.iter().map(|share| share.device.as_str()).collect();
                format!("systemd-resolved asks for the cluster's names by {}", devices.join(", "))
            }
            Self::Record { first, .. } => format!("resolvconf has a record that names {}", first.server),
            Self::File { first, .. } => format!("{} names {}", places.resolv_conf.display(), first.server),
        }
    }
}

/// Whether the file names our server before any other.
fn asks_first(server: IpAddr, places: &Places) -> bool {
    let text = std::fs::read_to_string(&places.resolv_conf).unwrap_or_default();
    servers(&text).first().is_some_and(|first| first.ip() == server)
}

async fn set_links(shares: &[Share], places: &Places) -> Result<Applied, Fault> {
    let left_out = places.bus.set(shares).await.map_err(|error| resolved_failed(&error))?;
    if left_out > 0 {
        tracing::warn!(left_out, "systemd-resolved has no room for all domains; those resolve by their full names");
    }
    Ok(Applied::Links(shares.to_vec()))
}

fn resolved_failed(error: &zbus::Error) -> Fault {
    Fault::new(Code::DnsUnavailable, format!("systemd-resolved could not be told: {error}"))
        .with_fix("See its state with: systemctl status systemd-resolved. Only root may tell it.")
}

async fn add_record(program: Program, first: First, journal: &Journal, places: &Places) -> Result<Applied, Fault> {
    let absent = || Fault::new(Code::DnsUnavailable, "the command resolvconf has just been removed");
    let (command, _) = places.resolvconf().ok_or_else(absent)?;
    let text = std::fs::read_to_string(&places.resolv_conf).unwrap_or_default();
    let change = Change::Resolvconf(program);
    let entry = journal.record(&change)?;
    let record = resolvconf::record(program, first.server, &first.search, &text);
    if let Err(fault) = command::run(&command, program.add(), &record).await {
        change::undo(journal, places, entry, &change).await?;
        return Err(fault);
    }
    Ok(Applied::Record { entry, program, first, before: servers(&text) })
}

async fn write_file(first: First, journal: &Journal, places: &Places) -> Result<Applied, Fault> {
    let settings = Settings { servers: vec![first.server], search: first.search.clone() };
    let plan = ResolvConf::new(&places.resolv_conf).plan(&settings, None).map_err(|error| change::fault(&error))?;
    let change = Change::ResolvConf(plan.backup.clone());
    let entry = journal.record(&change)?;
    if let Err(error) = plan.backup.apply() {
        change::undo(journal, places, entry, &change).await?;
        return Err(change::fault(&error));
    }
    Ok(Applied::File { entry, first, plan: Box::new(plan) })
}
