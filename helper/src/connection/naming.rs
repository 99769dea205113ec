//! The cluster's names on this host: telling the resolver, and asking whether it asks.

use hawser_fault::Fault;

use super::status::Trouble;
use super::{Context, Host, Joined, Names};
use crate::address;
use crate::plane::ClusterInfo;

impl Joined {
    /// Says whether there are any. A resolver that cannot be changed fails the connection; one that was changed and does not answer is
    /// no reason to withhold the addresses: it is logged, and `status` shows it.
    pub(super) async fn apply_names<H: Host>(
        &self,
        context: &Context<H>,
        cluster: &ClusterInfo,
    ) -> Result<bool, Fault> {
        let names = &cluster.names;
        let Some(domain) = names.domains.first().or(Some(&names.search_domain)).filter(|name| !name.is_empty()) else {
            context.host.withdraw_names(&context.wish.id).await;
            context.set_trouble(Trouble::Names, None);
            return Ok(false);
        };
        context.step(format!("pointing names of {domain} here"));
        let names = Names {
            device: self.device.clone(),
            server: self.addresses.dns_v4.into(),
            suffix: context.wish.id.suffix(),
            search_domain: names.search_domain.clone(),
            domains: names.domains.clone(),
        };
        context.host.point_names(&context.wish.id, names).await?;
        context.step("asking the resolver");
        context.tell_of(Trouble::Names, self.ask_for_names(context).await);
        Ok(true)
    }

    /// Why names do not resolve, if they should and do not.
    pub(super) fn ask_for_names<'a, H: Host>(
        &self,
        context: &'a Context<H>,
    ) -> impl Future<Output = Option<Fault>> + Send + use<'a, H> {
        let server = (self.addresses.dns_v4, 53).into();
        let domain = address::probe(&self.device);
        async move { context.host.ask(&context.wish.id, server, &domain).await.err() }
    }
}
