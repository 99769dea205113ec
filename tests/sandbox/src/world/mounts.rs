//! What the world sees of the file system: the host's, but for `/proc`, `/run` and the list of name servers.

use std::{
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
    sys::statvfs::statvfs,
};

use super::{RUN_DIRECTORY, namespace, session::Session};
use crate::SandboxError;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where `ip netns` and `nsenter --net` look for network namespaces.
const NETWORKS: &str = "/run/netns";
/// What a remount in a user namespace may not take away.
const LOCKED: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// The mounts that laptop and cluster share.
pub(super) struct Base {
    mounts: OwnedFd,
    resolv_conf: PathBuf,
}

impl Base {
    /// Gives the calling process, alone in a new mount namespace, its own `/proc` and `/run`.
    pub(super) fn make() -> Result<Self, SandboxError> {
        let resolv_conf = resolv_conf_target()?;
        let nothing: Option<&str> = None;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
            .map_err(SandboxError::unsupported("the file system cannot be kept apart"))?;
        let session = Session::hold();
        let inert = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("proc"), "/proc", Some("proc"), inert | MsFlags::MS_NOEXEC, nothing)
            .map_err(SandboxError::unsupported("/proc cannot be mounted"))?;
        mount(Some("run"), "/run", Some("tmpfs"), inert, Some("mode=0755"))
            .map_err(SandboxError::unsupported("a private /run cannot be mounted"))?;
        make_directory(Path::new(RUN_DIRECTORY))?;
        session.map_or(Ok(()), |session| session.show())?;
        let _ = keep_unwritten("/etc");
        if !resolv_conf.exists() {
            // It was a link to a file below /run, which is empty now.
            make_directory(resolv_conf.parent().unwrap_or(Path::new("/run")))?;
            write(&resolv_conf, "")?;
        }
        Ok(Self { mounts: namespace("mnt")?, resolv_conf })
    }

    /// Gives the network namespace that the calling process is in a name for `ip netns exec`. Only scripts miss it.
    pub(super) fn name_network(&self, name: &str) {
        let nothing: Option<&str> = None;
        let place = Path::new(NETWORKS).join(name);
        if make_directory(Path::new(NETWORKS)).and_then(|()| write(&place, "")).is_ok() {
            let _ = mount(Some("/proc/self/ns/net"), &place, nothing, MsFlags::MS_BIND, nothing);
        }
    }

    /// The file itself, where `/etc/resolv.conf` may be a link to it.
    pub(super) fn resolv_conf(&self) -> &Path {
        &self.resolv_conf
    }

    /// A mount namespace like this one with its own list of name servers. The calling process is in it afterwards.
    pub(super) fn with_resolv_conf(&self, place: &str, text: &str) -> Result<OwnedFd, SandboxError> {
        let own = Path::new(RUN_DIRECTORY).join(format!("{place}.resolv.conf"));
        write(&own, text)?;
        setns(&self.mounts, CloneFlags::CLONE_NEWNS)
            .and_then(|()| unshare(CloneFlags::CLONE_NEWNS))
            .map_err(SandboxError::unsupported("no mount namespace can be made"))?;
        let nothing: Option<&str> = None;
        mount(Some(&own), &self.resolv_conf, nothing, MsFlags::MS_BIND, nothing)
            .map_err(SandboxError::unsupported("/etc/resolv.conf cannot be covered"))?;
        namespace("mnt")
    }
}

/// Makes a part of the host's file system read-only, so that not even root in the world can change it. Where that is
/// refused, nobody in the world has root's rights outside either.
fn keep_unwritten(path: &str) -> nix::Result<()> {
    let nothing: Option<&str> = None;
    let inherited = MsFlags::from_bits_truncate(statvfs(path)?.flags().bits() as _) & LOCKED;
    mount(Some(path), path, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing)?;
    mount(nothing, path, nothing, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | inherited, nothing)
}

/// Where the file lies once links are followed, even if its target isn't there at the moment.
fn resolv_conf_target() -> Result<PathBuf, SandboxError> {
    let path = Path::new(RESOLV_CONF);
    fs::canonicalize(path)
        .or_else(|_| fs::read_link(path).map(|target| Path::new("/etc").join(target)))
        .map_err(SandboxError::unsupported("/etc/resolv.conf is needed to mount another one over it"))
}

fn make_directory(path: &Path) -> Result<(), SandboxError> {
    fs::create_dir_all(path).map_err(|source| SandboxError::File { path: path.display().to_string(), source })
}

fn write(path: &Path, text: &str) -> Result<(), SandboxError> {
    fs::write(path, text).map_err(|source| SandboxError::File { path: path.display().to_string(), source })
}
