//! A TUN device whose packets carry a virtio-net header, so that segmentation and checksums can be left undone.

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsRawFd, BorrowedFd},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
};

use super::Shape;
use crate::SandboxError;

/// The largest read: an IP packet of 65,535 bytes behind a `virtio_net_hdr` of 10.
pub(super) const LARGEST_PACKET: usize = HEADER + 65_535;
/// Length of the header that is no part of the packet.
pub(super) const HEADER: usize = 10;

/// One end of the emulated link. The device is gone when this is dropped.
pub struct Tun(File);

impl Tun {
    /// Whether devices can be made by this process at all.
    pub fn available() -> Result<(), SandboxError> {
        open().map(drop)
    }

    /// Makes the device in the network namespace that the calling thread is in.
    pub fn create(name: &str, shape: Shape) -> Result<Self, SandboxError> {
        let tun = Self(open()?);
        tun.attach(name).map_err(SandboxError::tun("the link's device cannot be made"))?;
        let checksum_and_segments = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
        let datagrams = libc::TUN_F_USO4 | libc::TUN_F_USO6;
        if !shape.offloads() {
            tun.offload(libc::TUN_F_CSUM)
        } else {
            // Kernels before 6.2 know nothing of UDP segmentation.
            tun.offload(checksum_and_segments | datagrams).or_else(|_| tun.offload(checksum_and_segments))
        }
        .map_err(SandboxError::tun("the link's device cannot pass offloads on"))?;
        Ok(tun)
    }

    /// The next packet with its header, as long as there is one.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &self.0, buffer)
    }

    /// Hands a packet with its header to the namespace's kernel.
    pub(super) fn write(&self, packet: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &self.0, packet)
    }

    fn attach(&self, name: &str) -> io::Result<()> {
        // SAFETY: an ifreq of zeros is a valid one.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        if name.len() >= request.ifr_name.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
        // SAFETY: the descriptor is open and the request lives until the call returns.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
    }

    fn offload(&self, flags: libc::c_uint) -> io::Result<()> {
        // SAFETY: the descriptor is open and the argument is a plain number.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(flags)) })
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn open() -> Result<File, SandboxError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .map_err(SandboxError::tun("/dev/net/tun cannot be opened"))
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
