//! The containers of the workload that the form names: which one is meant, and whether it has files.

use hawser_client::intercept::{AskedPort, Meant, choose, find, meant};
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{Container, Workload};

use crate::facts::Facts;
use crate::{Draft, Mode};

/// What is known of them.
pub(crate) struct Containers<'a> {
    pub(crate) all: &'a [Container],
    /// The one that is meant while none is named; `None` while its port isn't clear.
    pub(crate) meant: Option<Meant>,
    named: &'a str,
}

/// The workload that the form names, if the cluster tells of it.
pub(crate) fn workload(facts: &Facts) -> Option<&Workload> {
    let draft = &facts.form.draft;
    let namespace = facts.catalogue.namespaces.iter().find(|namespace| namespace.name == draft.namespace)?;
    namespace.workloads.iter().find(|workload| workload.name == draft.workload && workload.kind == draft.kind)
}

/// Its containers, if the cluster tells of those too.
pub(crate) fn of(facts: &Facts) -> Option<Containers<'_>> {
    let draft = &facts.form.draft;
    let all = &workload(facts)?.containers.as_ref()?.containers;
    Some(Containers { all, meant: meant_by(facts, draft, all), named: &draft.container })
}

impl Containers<'_> {
    /// That it's one of them, if one is named.
    ///
    /// # Errors
    /// `container-unknown`.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.named.is_empty() || self.chosen().is_some() {
            return Ok(());
        }
        let names: Vec<&str> = self.all.iter().map(|container| container.name.as_str()).collect();
        let detail = format!("it has no container {}; its containers: {}", self.named, names.join(", "));
        Err(Fault::new(Code::ContainerUnknown, detail).with_fix("Choose another one."))
    }

    /// That the container that is chosen has files.
    ///
    /// # Errors
    /// `bad-argument`.
    pub(crate) fn check_files(&self) -> Result<(), Fault> {
        match self.chosen() {
            Some(container) if !container.has_files => {
                let detail = format!("container {} has no volumes", container.name);
                Err(Fault::new(Code::BadArgument, detail)
                    .with_fix("Choose another container, or go without its files."))
            }
            _ => Ok(()),
        }
    }

    fn chosen(&self) -> Option<&Container> {
        let name = match self.named {
            "" => self.meant.as_ref()?.container()?,
            named => named,
        };
        self.all.iter().find(|container| container.name == name)
    }
}

fn meant_by(facts: &Facts, draft: &Draft, all: &[Container]) -> Option<Meant> {
    let name = format!("{}/{}", draft.kind, draft.workload);
    let found = find(&facts.catalogue.namespaces, &draft.namespace, &name).ok()?;
    let Some(port) = draft.ports.first().filter(|_| draft.mode != Mode::Ingest) else {
        return Some(meant(all, &found, None));
    };
    // Where it leads to on this computer doesn't matter.
    let asked = AskedPort { local: 1, port: Some(port.port.clone()).filter(|port| !port.is_empty()), udp: port.udp };
    let port = choose(&found, &[asked]).ok()?;
    Some(meant(all, &found, port.first()))
}
