//! Reading kubeconfigs as kubectl does, and obtaining what they say that the user logs in with.
//!
//! [`Selection::new`] settles once which files and which context are meant; [`load`] reads them, each time anew;
//! [`Access::credential`] obtains the credential, which can mean running a plugin of the user's.
//!
//! Whatever kubectl refuses is refused here too, with a [`Fault`] that names file and line. No fault and no `Debug` shows a
//! secret.

mod api;
mod certificate;
mod cluster;
mod contexts;
mod credential;
mod data;
mod environment;
mod file;
mod leash;
pub mod limits;
mod merge;
mod plugin;
mod proxy;
mod secret;
mod selection;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use hawser_fault::{Code, Fault};

pub use cluster::Cluster;
pub(crate) use cluster::host_and_port;
pub use contexts::{Context, Found, contexts, folder, is_named_so};
pub use credential::Credential;
pub use environment::Environment;
use file::{ClusterFields, Entry, UserFields};
pub use plugin::Interaction;
pub use proxy::{Proxy, ProxyKind};
pub use secret::Secret;
pub use selection::is_label;
pub use selection::{Arguments, Impersonation, Selection};

/// A cluster, and a user's way into it.
pub struct Access {
    /// The context's name.
    pub context: String,
    /// Its cluster's name.
    pub cluster_name: String,
    /// Its user's name; a context can have none.
    pub user_name: Option<String>,
    /// The namespace to work in.
    pub namespace: String,
    /// Where the API server is.
    pub cluster: Cluster,
    /// Who to act as, if not as oneself; with its `user` set.
    pub impersonation: Option<Impersonation>,
    cluster_entry: Entry<ClusterFields>,
    user_entry: Option<Entry<UserFields>>,
}

/// Reads the selection's files and follows its context to cluster and user.
///
/// # Errors
/// `kubeconfig-missing`, `kubeconfig-empty`, `kubeconfig-malformed`, `file-unreadable`, `context-unknown`, `cluster-unknown`,
/// `user-unknown`; `bad-argument` for a proxy in the environment, or groups without a user to act as.
pub fn load(selection: &Selection, environment: &Environment) -> Result<Access, Fault> {
    let choice = merge::choose(selection)?;
    let (cluster_name, cluster_entry) = choice.cluster;
    let (user_name, user_entry) = choice.user.unzip();
    Ok(Access {
        context: choice.context,
        namespace: choice.namespace,
        cluster: Cluster::new(&cluster_entry, environment)?,
        impersonation: impersonation(&selection.impersonation, user_entry.as_ref())?,
        cluster_name,
        user_name,
        cluster_entry,
        user_entry,
    })
}

impl Access {
    /// The same selection with what it left to the files' current context, so that it means this cluster from now on.
    #[must_use]
    pub fn pin(&self, selection: &Selection) -> Selection {
        Selection { context: Some(self.context.clone()), namespace: Some(self.namespace.clone()), ..selection.clone() }
    }

    /// Obtains the user's credential; a plugin may take as long as `limit`. A server that is spoken to in clear gets none, as
    /// with kubectl.
    ///
    /// # Errors
    /// `auth-provider-unsupported`, `login-required`, `plugin-missing`, `plugin-failed`, `plugin-timed-out`,
    /// `credential-malformed`, `credential-expired`, `kubeconfig-malformed`, `file-unreadable`.
    pub async fn credential(
        &self,
        environment: &Environment,
        interaction: Interaction<'_>,
        limit: Duration,
    ) -> Result<Credential, Fault> {
        let (Some(name), Some(entry)) = (&self.user_name, &self.user_entry) else { return Ok(Credential::None) };
        if self.cluster.server.scheme() == "http" {
            return Ok(Credential::None);
        }
        if let Some(provider) = &entry.fields.auth_provider {
            return Err(unsupported(name, entry, &provider.name));
        }
        if let Some(credential) = credential::held(name, entry)? {
            return Ok(credential);
        }
        let Some(exec) = &entry.fields.exec else { return Ok(Credential::None) };
        let plugin = plugin::Plugin::new(name, &entry.place, exec, environment)?;
        plugin.run(&self.cluster_entry.fields, &self.cluster, interaction, limit).await
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("context", &self.context)
            .field("cluster_name", &self.cluster_name)
            .field("user_name", &self.user_name)
            .field("namespace", &self.namespace)
            .field("cluster", &self.cluster)
            .field("impersonation", &self.impersonation)
            .finish_non_exhaustive()
    }
}

/// The entry's `as` fields, each of them overridden by the argument's.
fn impersonation(arguments: &Impersonation, entry: Option<&Entry<UserFields>>) -> Result<Option<Impersonation>, Fault> {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut who = arguments.clone();
    if let Some(Entry { fields, .. }) = entry {
        who.user = who.user.or_else(|| given(&fields.impersonate));
        who.uid = who.uid.or_else(|| given(&fields.as_uid));
        if who.groups.is_empty() {
            who.groups.clone_from(&fields.as_groups);
        }
        who.extra = fields.as_user_extra.iter().map(|(key, values)| (key.clone(), values.clone())).collect();
    }
    if who.user.is_some() {
        return Ok(Some(who));
    }
    if who == Impersonation::default() {
        return Ok(None);
    }
    match entry {
        Some(entry) if *arguments == Impersonation::default() => {
            Err(entry.place.malformed("it has as-uid, as-groups or as-user-extra, but no as"))
        }
        _ => Err(Fault::new(Code::BadArgument, "--as-group and --as-uid need --as")),
    }
}

fn unsupported(name: &str, entry: &Entry<UserFields>, provider: &str) -> Fault {
    let detail = format!("{}: the user {name:?} logs in by the auth-provider {provider:?}", entry.place);
    let fault = Fault::new(Code::AuthProviderUnsupported, detail);
    match provider {
        "gcp" => fault.with_fix(
            "Install gke-gcloud-auth-plugin, then: gcloud container clusters get-credentials CLUSTER, which rewrites the user.",
        ),
        "azure" => fault.with_fix("Install kubelogin, then: kubelogin convert-kubeconfig"),
        "oidc" => fault.with_fix(
            "Install kubelogin (kubectl krew install oidc-login), then: kubectl oidc-login setup, which shows the user's new exec.",
        ),
        _ => fault,
    }
}
