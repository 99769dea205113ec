//! Hawser into a cluster and out of it again, as its administrator: what helm would do, without helm.
//!
//! [`render`] fills in the chart's rendering. [`plan_apply`] and [`plan_removal`] look at the cluster and say what would be
//! done, so that somebody can be asked; [`apply`] and [`remove`] do it. Everything is done by server-side apply and by
//! deletion, each of which can be broken off and begun again.
//!
//! What is ours carries two labels, `app.kubernetes.io/managed-by: hawser` and `app.kubernetes.io/instance` with the manager's
//! namespace; nothing else is touched.

mod apply;
mod kind;
pub mod limits;
mod manifests;
mod needs;
mod object;
mod remove;
mod rights;
mod rollout;
mod survey;
#[cfg(test)]
mod testing;
mod version;

pub use apply::{Plan, apply, plan as plan_apply};
pub use kind::Kind;
pub use manifests::{DEFAULT_IMAGE, Options, parse, render, yaml};
pub use object::Object;
pub use remove::{Removal, plan as plan_removal, remove};
pub use rights::{Holder, Place, Resource, Right, rights};

/// Is told what is being done or waited for.
pub type Step<'a> = &'a (dyn Fn(&str) + Sync);

/// What somebody wants of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What isn't there is to be there; what somebody else has set stays.
    Install,
    /// What is there is to become this version's, whoever changed it.
    Upgrade,
    /// Nothing is to be left.
    Uninstall,
}
