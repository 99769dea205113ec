//! What there is to intercept, and where programs listen.

use hawser_client::intercept::{Listener, take_in};
use hawser_fault::Fault;
use hawser_ipc::proto::{self, Namespace};

#[derive(Default)]
pub(crate) struct Catalogue {
    /// In the order of names.
    pub(crate) namespaces: Vec<Namespace>,
    /// The cluster has said what it has.
    pub(crate) known: bool,
    /// Why it doesn't say.
    pub(crate) fault: Option<Fault>,
    pub(crate) listeners: Vec<Listener>,
}

impl Catalogue {
    pub(crate) fn take_in(&mut self, news: Result<proto::Catalogue, Fault>) {
        match news {
            Ok(news) => {
                take_in(&mut self.namespaces, news);
                self.known = true;
                self.fault = None;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// Another cluster is asked.
    pub(crate) fn forget(&mut self) {
        *self = Self { listeners: std::mem::take(&mut self.listeners), ..Self::default() };
    }
}
