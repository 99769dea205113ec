//! A device with its data plane, and what of the cluster is routed to it.

use std::net::IpAddr;
use std::pin::pin;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use hawser_fault::{Code, Fault};
use ipnet::IpNet;
use tokio::sync::mpsc;

use super::plan::Plan;
use super::status::{Device, Trouble};
use super::{Context, DataPlane, Host};
use crate::placement::Disposition;
use crate::plane::{Addresses, ClusterInfo, PlaneEvent, Way};
use crate::store::desired::Routing;
use crate::{address, limits};

/// Lives from the making of the device until the connection ends, over any number of links.
pub struct Joined {
    /// What the data plane says by itself.
    pub events: mpsc::Receiver<PlaneEvent>,
    pub(super) device: String,
    pub(super) addresses: Addresses,
    v6: bool,
    /// What the manager last said of its cluster.
    said: Option<Box<ClusterInfo>>,
    /// What is routed to the device, or may be.
    routed: Vec<IpNet>,
    /// Addresses that are kept free for the way to the cluster.
    pub(super) carriers: Vec<IpAddr>,
    /// Of those, what the present link may lead over.
    linked_over: Vec<IpAddr>,
    /// Whether the host's resolver was told of it.
    pub(super) has_names: bool,
    /// Ways past the API server, as the last dial found them out.
    pub direct: Vec<Way>,
    /// An address of the cluster that the host reaches by itself, as the last dial found out.
    pub near: Option<IpAddr>,
}

/// A base link that is there.
pub struct Dialled {
    /// What the manager says of its cluster.
    pub cluster: ClusterInfo,
    /// Ways past the API server.
    pub direct: Vec<Way>,
    /// An address of the cluster that the host reaches by itself.
    pub near: Option<IpAddr>,
}

impl Joined {
    /// Makes the device and brings it up. Either all of it is there afterwards or nothing.
    pub async fn make<H: Host>(context: &Context<H>) -> Result<Self, Fault> {
        context.step("making the network device");
        let device = address::device(context.wish.index);
        let addresses = address::plan(context.wish.index);
        let (plane, events) = context.host.start_plane(&context.wish, &addresses)?;
        *context.plane.write().await = Some(plane);
        let mut joined = Self {
            events,
            device,
            addresses,
            v6: false,
            said: None,
            routed: Vec::new(),
            carriers: Vec::new(),
            linked_over: Vec::new(),
            has_names: false,
            direct: Vec::new(),
            near: None,
        };
        match context.host.bring_up(&joined.device, &addresses).await {
            Ok(v6) => joined.v6 = v6,
            Err(fault) => {
                joined.take_down(context).await;
                return Err(fault);
            }
        }
        context.set_device(Some(joined.describe()));
        Ok(joined)
    }

    /// Dials the manager and brings routes and names up to what it says. Once the way is known each of the two takes at most
    /// [`limits::ATTEMPT`]; may be dropped at any point and tried again.
    pub async fn link<H: Host>(&mut self, context: &Context<H>) -> Result<(), Fault> {
        self.forget_former_link();
        if !self.routed.is_empty() {
            let carriers = context.host.carriers(&context.wish).await;
            self.keep_free(context, carriers).await;
        }
        let dialled = Self::dial(context, &|step| context.step(step)).await?;
        in_time(self.take_up(context, dialled)).await
    }

    /// What is said of a former link is no news of the next one.
    pub fn forget_former_link(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Before one of these addresses is dialled, the routes leave it free.
    pub async fn keep_free<H: Host>(&mut self, context: &Context<H>, carriers: Vec<IpAddr>) {
        if !self.routed.is_empty() && carriers.iter().any(|address| !self.carriers.contains(address)) {
            self.look_around(context, carriers).await;
        }
    }

    /// Brings routes and names up to what a new base says.
    pub async fn take_up<H: Host>(&mut self, context: &Context<H>, dialled: Dialled) -> Result<(), Fault> {
        let Dialled { cluster, direct, near } = dialled;
        (self.direct, self.near) = (direct, near);
        self.carriers = context.host.carriers(&context.wish).await;
        self.linked_over.clone_from(&self.carriers);
        self.apply(context, cluster).await
    }

    /// Dials a manager. `step` hears what is being waited for.
    pub async fn dial<H: Host>(context: &Context<H>, step: &(dyn Fn(&str) + Sync)) -> Result<Dialled, Fault> {
        // Has deadlines of its own: somebody may have to log in.
        let ways = context.host.ways(&context.wish, step).await?;
        let (cluster, near) = in_time(async {
            match &*context.plane.read().await {
                Some(plane) => link_beside(plane, ways.base, ways.native).await,
                None => Err(Fault::new(Code::Internal, "the data plane is gone while the connection lives")),
            }
        })
        .await?;
        Ok(Dialled { cluster, direct: ways.direct, near })
    }

    /// Undoes everything: names first, so that nobody asks a name server that is going away.
    pub async fn take_down<H: Host>(self, context: &Context<H>) {
        context.host.withdraw_names(&context.wish.id).await;
        if let Some(plane) = context.plane.write().await.take()
            && tokio::time::timeout(limits::FAREWELL, plane.stop()).await.is_err()
        {
            tracing::warn!(device = self.device, "the data plane did not end in time");
        }
        context.unset_cluster();
        context.set_trouble(Trouble::Routes, None);
        context.set_trouble(Trouble::Names, None);
        context.set_device(None);
        context.host.leave(&context.wish).await;
    }

    /// Brings routes and names up to what the manager says now. Nothing is begun beside something else that has a part of it; what
    /// is there already goes on beside that.
    pub async fn apply<H: Host>(&mut self, context: &Context<H>, said: ClusterInfo) -> Result<(), Fault> {
        let mut plan = self.plan(context, &said, &context.routing()).await?;
        self.said = Some(Box::new(said));
        if let Some(refusal) = plan.refusal().filter(|_| self.routed.is_empty()) {
            plan.placements.retain(|placement| placement.disposition != Disposition::Routed);
            context.set_placements(plan.placements);
            return Err(refusal);
        }
        let count = plan.cluster.subnets.len();
        context.step(format!("routing {count} {}", if count == 1 { "subnet" } else { "subnets" }));
        // Routes of a former cluster are repeated: somebody else may have taken them away meanwhile.
        let cluster = self.follow(context, plan, true).await?;
        self.has_names = self.apply_names(context, &cluster).await?;
        Ok(())
    }

    /// Routes other subnets of the user's choice from now on, and keeps that. Flows by routes that stay notice nothing.
    ///
    /// # Errors
    /// `subnet-conflict`, `limit-reached`, `network-change`, `state-unwritable`; then everything is as it was.
    pub async fn reroute<H: Host>(&mut self, context: &Context<H>, routing: Routing) -> Result<(), Fault> {
        let said =
            self.said.clone().ok_or_else(|| Fault::new(Code::LinkLost, "nothing is known of the cluster yet"))?;
        let mut plan = self.plan(context, &said, &routing).await?;
        plan.refusal_beside(&self.routed).map_or(Ok(()), Err)?;
        let former = self.routed.clone();
        plan.cluster.subnets = plan.possible(&former);
        let add = self.due(&plan, &plan.cluster.subnets, true);
        let rerouted = match self.route(context, add, &plan.cluster.subnets).await {
            Ok(()) => context.keep(routing),
            failed => failed,
        };
        if let Err(fault) = rerouted {
            if let Err(fault) = self.route(context, former.clone(), &former).await {
                tracing::warn!(connection = context.wish.id.name, %fault, "some routes are not as they were");
            }
            self.routed = former;
            return Err(fault);
        }
        context.tell_of(Trouble::Routes, plan.refusal());
        context.set_placements(plan.placements);
        context.set_cluster(plan.cluster);
        Ok(())
    }

    /// Brings the routes up to what is so on the host now: something may have come to stand in their way, such as a VPN, or be
    /// gone, and the way to the cluster may lead over other addresses.
    pub async fn look_around<H: Host>(&mut self, context: &Context<H>, carriers: Vec<IpAddr>) {
        let Some(said) = self.said.clone() else { return };
        self.carriers = carriers;
        self.carriers.extend(&self.linked_over);
        let looked = async {
            let plan = self.plan(context, &said, &context.routing()).await?;
            self.follow(context, plan, false).await
        };
        if let Err(fault) = looked.await {
            context.tell_of(Trouble::Routes, Some(fault));
        }
    }

    /// Routes what of a plan can be routed, and says what can't. With `again` also what is there already.
    async fn follow<H: Host>(&mut self, context: &Context<H>, plan: Plan, again: bool) -> Result<ClusterInfo, Fault> {
        context.tell_of(Trouble::Routes, plan.refusal());
        let subnets = plan.possible(&self.routed);
        let add = self.due(&plan, &subnets, again);
        context.set_placements(plan.placements);
        if !add.is_empty() || self.routed.iter().any(|net| !subnets.contains(net)) {
            self.route(context, add, &subnets).await?;
        }
        let cluster = ClusterInfo { subnets, ..plan.cluster };
        context.set_cluster(cluster.clone());
        Ok(cluster)
    }

    /// Of these subnets, those to be routed now: what isn't yet and, with `again`, what is. Where something else has come to have a part
    /// of what is, nobody takes it from the other.
    fn due(&self, plan: &Plan, subnets: &[IpNet], again: bool) -> Vec<IpNet> {
        let is_due = |net: &&IpNet| !self.routed.contains(net) || again && !plan.is_disputed(net);
        subnets.iter().filter(is_due).copied().collect()
    }

    /// Has these subnets routed to the device, and no others; of them `add` are not there yet, or may be gone.
    async fn route<H: Host>(&mut self, context: &Context<H>, add: Vec<IpNet>, subnets: &[IpNet]) -> Result<(), Fault> {
        let gone: Vec<IpNet> = self.routed.iter().filter(|net| !subnets.contains(net)).copied().collect();
        // Known at once, so that the next plan finds what is dropped half done.
        let new: Vec<IpNet> = add.iter().filter(|net| !self.routed.contains(net)).copied().collect();
        self.routed.extend(new);
        context.host.route(&self.device, &self.addresses, &add, &gone).await?;
        self.routed = subnets.to_vec();
        Ok(())
    }

    /// The subnets that this laptop can route, without doubles.
    pub(super) fn routable(&self, cluster: &ClusterInfo) -> Result<Vec<IpNet>, Fault> {
        within("subnets", cluster.subnets.len(), limits::SUBNETS)?;
        within("domains", cluster.names.domains.len(), limits::DOMAINS)?;
        let mut subnets: Vec<IpNet> = Vec::new();
        for net in cluster.subnets.iter().map(IpNet::trunc) {
            if let Some(what) = address::unroutable(&net) {
                let detail = format!("the manager announces {net}, which stands for {what}");
                return Err(Fault::new(Code::SubnetInvalid, detail));
            }
            if (self.v6 || matches!(net, IpNet::V4(_))) && !subnets.contains(&net) {
                subnets.push(net);
            }
        }
        Ok(subnets)
    }

    fn describe(&self) -> Device {
        let both = |v4: std::net::Ipv4Addr, v6: std::net::Ipv6Addr| {
            [Some(v4.into()), self.v6.then_some(v6.into())].into_iter().flatten().collect()
        };
        Device {
            name: self.device.clone(),
            addresses: both(self.addresses.v4, self.addresses.v6),
            dns_servers: both(self.addresses.dns_v4, self.addresses.dns_v6),
        }
    }
}

/// Makes a link, and finds out meanwhile whether the host reaches the cluster by itself. Such a way is shorter than the link's, so
/// nothing is waited for once that is there.
async fn link_beside<P: DataPlane>(
    plane: &P,
    base: Vec<Way>,
    native: Vec<Way>,
) -> Result<(ClusterInfo, Option<IpAddr>), Fault> {
    let (link, probe) = (pin!(plane.link(base)), pin!(plane.reaches(native)));
    match select(link, probe).await {
        Either::Left((cluster, probe)) => Ok((cluster?, probe.now_or_never().flatten())),
        Either::Right((near, link)) => Ok((link.await?, near)),
    }
}

pub(super) async fn in_time<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    match tokio::time::timeout(limits::ATTEMPT, work).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let detail = format!("connecting took longer than {} s", limits::ATTEMPT.as_secs());
            Err(Fault::new(Code::ManagerUnreachable, detail))
        }
    }
}

pub(super) fn within(what: &str, count: usize, limit: usize) -> Result<(), Fault> {
    if count <= limit {
        return Ok(());
    }
    let detail = format!("the manager announces {count} {what}; {limit} can be used");
    Err(Fault::new(Code::LimitReached, detail))
}
