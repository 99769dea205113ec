//! Whether what was done has come to what it was done for.

use std::net::IpAddr;

use hawser_dns::backend::choice;
use hawser_dns::backend::resolv_conf::ResolvConf;
use hawser_fault::{Code, Fault};

use super::share::Share;
use super::{HostResolver, proof};
use crate::store::desired::Id;

impl HostResolver {
    /// Whether the host's resolver asks whom we told it to ask, for the names of this connection, and whether any name leads there.
    ///
    /// # Errors
    /// `dns-bypassed` with who has the resolver, `suffix-taken`, or why it could not be told.
    pub async fn check(&self, id: &Id) -> Result<(), Fault> {
        let (share, is_first) = {
            let state = self.state.lock().await;
            let shares = self.shares(&state);
            let is_first = shares.first().is_some_and(|share| share.id == *id);
            let Some(share) = shares.iter().find(|share| share.id == *id).cloned() else { return Ok(()) };
            let stands = match &state.applied {
                Some(applied) => applied.is_for(&shares) && applied.stands(&self.places).await,
                None => false,
            };
            match &state.failed {
                _ if stands => {}
                Some(fault) => return Err(fault.clone()),
                None => return Err(self.bypassed(share.server, "it was told otherwise").await),
            }
            (share, is_first)
        };
        // A file that nobody reads has no say in who is asked.
        if self.places.is_systems() {
            let name = proof::fresh_name(&share.probe);
            if let Err(why) = proof::resolves(name.clone(), share.server).await {
                return Err(self.bypassed(share.server, &format!("{name}: {why}")).await);
            }
        }
        if is_first || share.suffix.is_some() { Ok(()) } else { Err(hidden(&share)) }
    }

    async fn bypassed(&self, server: IpAddr, why: &str) -> Fault {
        let file = self.places.resolv_conf.display();
        let detail = format!("this host's resolver does not ask {server}: {why}");
        let is_ours = ResolvConf::new(&self.places.resolv_conf).orphan().is_some();
        let owner = if is_ours { None } else { choice::owner(&self.places.facts().await) };
        let (detail, fix) = match owner {
            Some(owner) => (
                format!("{detail}; {file} is written by {owner}"),
                format!("Have {owner} leave {file} alone while connected, or start the helper with --dns off."),
            ),
            None => (
                detail,
                format!("Find what writes {file} (its first lines often say), then disconnect and connect again."),
            ),
        };
        Fault::new(Code::DnsBypassed, detail).with_fix(fix)
    }
}

/// Of a connection that no name tells apart from the one that came first.
fn hidden(share: &Share) -> Fault {
    let name = &share.id.name;
    let detail = format!(
        "plain names lead to a connection that came first, and names under {name} cannot lead to this one: that is a namespace or \
         another connection there, or no name"
    );
    Fault::new(Code::SuffixTaken, detail)
}
