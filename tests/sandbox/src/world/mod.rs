//! Namespaces and the processes in them.
//!
//! [`enter`] leaves the calling process outside, waiting, and runs the rest as process 1 of a new pid namespace. That
//! process makes two [`Place`]s, starts programs in them and waits for them. When the waiting process dies, by
//! whatever signal, the kernel kills process 1, and with it everything in its namespace.

mod children;
mod mounts;
mod outside;
mod session;
mod sockets;
mod tuning;

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::sched::{CloneFlags, setns, unshare};

pub use children::{Child, Outcome, log_path};
pub use outside::enter;
pub use sockets::{Listening, listening};

use crate::{
    SandboxError,
    link::{self, Shape},
    network, shop,
};
use children::Children;

/// Where the files of the world lie; a fresh `tmpfs`.
pub const RUN_DIRECTORY: &str = "/run/hawser";

/// A network namespace and a mount namespace that go together.
pub struct Place {
    /// Its name, for people.
    pub name: &'static str,
    network: OwnedFd,
    mounts: OwnedFd,
}

impl Place {
    /// Its network namespace, for devices that are to appear there.
    pub(crate) fn network(&self) -> BorrowedFd<'_> {
        self.network.as_fd()
    }

    /// Moves the calling process, which must have one thread, to this place. The working directory is kept.
    fn go(&self) -> io::Result<()> {
        let directory = std::env::current_dir();
        setns(&self.mounts, CloneFlags::CLONE_NEWNS)?;
        setns(&self.network, CloneFlags::CLONE_NEWNET)?;
        std::env::set_current_dir(directory.unwrap_or_else(|_| "/".into()))
    }
}

/// What a world is to be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// What the link does to packets.
    pub shape: Shape,
    /// Whether the laptop gets plain routes to the cluster's subnets and the cluster's name server: a baseline.
    pub direct: bool,
}

/// A laptop, a cluster and a link, seen by process 1 of the world.
pub struct World {
    /// Where the user sits.
    pub laptop: Place,
    /// Where the services are.
    pub cluster: Place,
    /// Where every place's file of name servers is mounted.
    pub resolv_conf: PathBuf,
    children: Children,
}

impl World {
    /// Makes both places, the link and the shop, and returns when the shop's doors are open.
    fn build(plan: Plan) -> Result<Self, SandboxError> {
        // Before the first child, whose end would be missed otherwise.
        let children = Children::watch()?;
        let directory = std::env::current_dir();
        let base = mounts::Base::make()?;
        let cluster_net = new_network(&base, "cluster")?;
        let laptop_net = new_network(&base, "laptop")?;
        let cluster_mounts = base.with_resolv_conf("cluster", &network::cluster_resolv_conf())?;
        let laptop_mounts = base.with_resolv_conf("laptop", &network::laptop_resolv_conf(plan.direct))?;
        let mut world = Self {
            laptop: Place { name: "laptop", network: laptop_net, mounts: laptop_mounts },
            cluster: Place { name: "cluster", network: cluster_net, mounts: cluster_mounts },
            resolv_conf: base.resolv_conf().to_owned(),
            children,
        };
        // Each change of the mount namespace led to its root.
        let _ = directory.and_then(std::env::set_current_dir);
        world.connect(plan)?;
        world.open_shop()?;
        Ok(world)
    }

    fn connect(&mut self, plan: Plan) -> Result<(), SandboxError> {
        for place in [&self.cluster, &self.laptop] {
            place.go().map_err(SandboxError::unsupported("a place of the world cannot be entered"))?;
            tuning::set_network_limits();
        }
        if plan.shape.is_plain() {
            network::join_by_wire(self.cluster.network())?;
        } else {
            let laptop_end = link::Tun::create(crate::plan::LINK_DEVICE, plan.shape)?;
            self.visit_cluster()?;
            let cluster_end = link::Tun::create(crate::plan::LINK_DEVICE, plan.shape)?;
            self.fork(&self.cluster, "link", move || {
                let error = link::run(laptop_end, cluster_end, plan.shape);
                eprintln!("the link broke: {error}");
                1
            })?;
        }
        self.visit_cluster()?;
        network::furnish_cluster()?;
        self.laptop.go().map_err(SandboxError::unsupported("the laptop cannot be entered"))?;
        network::furnish_laptop(plan.direct)
    }

    fn visit_cluster(&self) -> Result<(), SandboxError> {
        self.cluster.go().map_err(SandboxError::unsupported("the cluster cannot be entered"))
    }

    fn open_shop(&mut self) -> Result<(), SandboxError> {
        let (open, opened) = nix::unistd::pipe().map_err(SandboxError::unsupported("no pipe could be made"))?;
        self.fork(&self.cluster, "shop", move || {
            let error = shop::run(opened);
            eprintln!("the shop closed: {error}");
            1
        })?;
        let mut byte = [0];
        match nix::unistd::read(&open, &mut byte) {
            Ok(1) => Ok(()),
            _ => Err(SandboxError::Unsupported {
                what: "the shop did not open",
                source: io::ErrorKind::UnexpectedEof.into(),
            }),
        }
    }
}

/// A network namespace that the calling process is in afterwards.
fn new_network(base: &mounts::Base, name: &str) -> Result<OwnedFd, SandboxError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(SandboxError::unsupported("no network namespace can be made"))?;
    base.name_network(name);
    namespace("net")
}

/// Keeps the namespace of this kind that the calling process is in.
fn namespace(kind: &str) -> Result<OwnedFd, SandboxError> {
    let file = File::open(Path::new("/proc/self/ns").join(kind));
    Ok(file.map_err(SandboxError::unsupported("/proc shows no namespaces"))?.into())
}
