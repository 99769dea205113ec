//! What the manager knows of the world it stands in.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin as Pinned;
use std::time::Duration;

use bytes::Bytes;
use hawser_api::InterceptSpec;
use hawser_fault::Fault;
use hawser_tunnel::identity::Pin;
use hawser_tunnel::server::Catalogues;
use ipnet::IpNet;
use tokio::sync::watch;

use crate::exchange::{Carried, Door};

/// A world of subnets, names and people who may come in.
pub trait Cluster: Send + Sync + 'static {
    /// Whether the laptop with this key may have a session.
    fn admits(&self, client: Pin) -> bool;

    /// What the laptop with this key is told of the cluster.
    fn view(&self, client: Pin) -> View;

    /// Fires when [`view`](Cluster::view) may say something else.
    fn changes(&self) -> watch::Receiver<()>;

    /// Whether a flow to this address may be dialled.
    fn serves(&self, target: IpAddr) -> bool;

    /// Answers one DNS message (RFC 1035, section 4) by another. `None` if there is no answer to give.
    fn resolve(&self, query: Bytes) -> Pinned<Box<dyn Future<Output = Option<Bytes>> + Send + '_>>;

    /// What the laptop's user may work on in these namespaces, or in all of them if there are none.
    fn catalogue(&self, client: Pin, namespaces: Vec<String>) -> Catalogues;

    /// The ways by which clients come to the ports of an intercept.
    ///
    /// # Errors
    /// Says why they cannot be found out.
    fn doors<'a>(&'a self, intercept: &'a Carried) -> Doors<'a>;

    /// Whether new pods of this namespace can get an agent, for a laptop whose user may intercept there.
    ///
    /// # Errors
    /// Says why they cannot.
    fn check(&self, client: Pin, namespace: String) -> Checked<'_>;

    /// What an intercept with this spec would change, for a laptop whose user may intercept in this namespace.
    ///
    /// # Errors
    /// Says why it would be refused.
    fn preview(&self, client: Pin, namespace: String, spec: InterceptSpec) -> Previewed<'_>;

    /// A link of this laptop begins (`true`) or has ended.
    fn linked(&self, client: Pin, there: bool);

    /// This manager is about to stop: nobody is to be sent to it any more.
    fn leave(&self) -> Pinned<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Ways that are being looked for.
pub type Doors<'a> = Pinned<Box<dyn Future<Output = Result<Vec<Door>, Fault>> + Send + 'a>>;

/// A check under way.
pub type Checked<'a> = Pinned<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// A preview under way.
pub type Previewed<'a> = Pinned<Box<dyn Future<Output = Result<Preview, Fault>> + Send + 'a>>;

/// What an intercept would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The names of the pods that would be made anew.
    pub will_restart: Vec<String>,
    /// Sentences for the user: who manages the workload, what clients would notice.
    pub notes: Vec<String>,
}

/// What one laptop is told of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What it routes here.
    pub subnets: Vec<IpNet>,
    /// What it keeps, where that is more specific than a subnet.
    pub excluded_subnets: Vec<IpNet>,
    /// The suffixes that it resolves here.
    pub domains: Vec<String>,
    /// The suffix under which single labels are looked up; empty for none.
    pub search_domain: String,
    /// Suffixes that it keeps, where they are longer than a domain.
    pub excluded_domains: Vec<String>,
    /// Whole names that it keeps.
    pub excluded_names: Vec<String>,
    /// Names that stand for others, or for addresses.
    pub aliases: Vec<(String, String)>,
    /// Among the subnets, because an administrator wants them there.
    pub also_subnets: Vec<IpNet>,
    /// How long an agent stays that nothing is intercepted by; zero: for good.
    pub agent_idle: Duration,
}
