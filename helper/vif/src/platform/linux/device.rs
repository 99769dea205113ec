//! The TUN device with its virtio header: packets of up to 64 KiB cross the file in one piece and with the checksum of
//! TCP left to be filled in, which the kernel then never computes.
//!
//! Header layout: virtio specification 1.2, section 5.1.6; flags and ioctl: Linux, `include/uapi/linux/if_tun.h`.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use smoltcp::wire::IpProtocol;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::compose::pseudo_header;
use crate::limits::MTU;
use crate::packet::Packet;

const HEADER: usize = 10;
const NEEDS_CHECKSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const TUN_F_CSUM: libc::c_ulong = 1;
const TUNSETOFFLOAD: libc::c_ulong = 0x4004_54d0;
const TCP_CHECKSUM: usize = 16;

/// An open TUN device. It exists as long as this value does.
pub struct Device {
    device: tun::Device,
    name: String,
}

/// One packet that was read.
pub struct Received {
    /// Its length.
    pub length: usize,
    /// Whether the kernel vouches for its checksums: it made the packet itself or has verified it.
    pub trusted: bool,
}

impl Device {
    /// Makes a device of this name, down and without addresses.
    ///
    /// # Errors
    /// Fails if `/dev/net/tun` may not be opened or the name is taken.
    pub fn create(name: &str) -> io::Result<Self> {
        let mut config = tun::Configuration::default();
        config.tun_name(name).mtu(MTU as u16);
        config.platform_config(|platform| {
            platform.vnet_hdr(true).ensure_root_privileges(false);
        });
        let device = tun::create(&config).map_err(|error| match error {
            tun::Error::Io(error) => error,
            other => io::Error::other(other),
        })?;
        device.set_nonblock().map_err(io::Error::other)?;
        // SAFETY: the descriptor is open, and the ioctl takes its argument by value.
        if unsafe { libc::ioctl(device.as_raw_fd(), TUNSETOFFLOAD, TUN_F_CSUM) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { device, name: name.to_owned() })
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A second descriptor of the same device, for waiting on it. To be called on the runtime that will wait.
    ///
    /// # Errors
    /// Fails when the process has no descriptor left.
    pub fn readiness(&self) -> io::Result<AsyncFd<OwnedFd>> {
        // SAFETY: the descriptor is open for as long as `self.device` lives, which is longer than this borrow.
        let file = unsafe { BorrowedFd::borrow_raw(self.device.as_raw_fd()) }.try_clone_to_owned()?;
        // SAFETY: an `OwnedFd` names the same open file until it is dropped, and `AsyncFd` owns it until then.
        Ok(unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) }?)
    }

    /// Reads one packet into `buffer`, which takes [`MTU`] bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if none is there.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut header = [0; HEADER];
        let parts = [part(&mut header), part(buffer)];
        // SAFETY: both parts are writable for their lengths.
        let read = unsafe { libc::readv(self.device.as_raw_fd(), parts.as_ptr(), 2) };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        let trusted = header[0] & (NEEDS_CHECKSUM | DATA_VALID) != 0;
        Ok(Received { length: read.saturating_sub(HEADER), trusted })
    }

    /// Writes one packet. A packet that the kernel does not take is lost, as on any wire.
    pub fn write(&self, packet: &mut [u8]) {
        let mut header = [0; HEADER];
        if let Some(start) = partial_checksum(packet) {
            header[0] = NEEDS_CHECKSUM;
            header[6..8].copy_from_slice(&(start as u16).to_ne_bytes());
            header[8..10].copy_from_slice(&(TCP_CHECKSUM as u16).to_ne_bytes());
        }
        let parts = [part(&mut header), part(packet)];
        // SAFETY: both parts are readable for their lengths.
        let written = unsafe { libc::writev(self.device.as_raw_fd(), parts.as_ptr(), 2) };
        if written < 0 {
            tracing::trace!(error = %io::Error::last_os_error(), "packet lost");
        }
    }
}

impl AsRawFd for Device {
    fn as_raw_fd(&self) -> RawFd {
        self.device.as_raw_fd()
    }
}

fn part(bytes: &mut [u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

/// For a TCP segment: puts the sum of the pseudo header in place and says where the segment starts.
fn partial_checksum(packet: &mut [u8]) -> Option<usize> {
    let (start, sum) = {
        let parsed = Packet::parse(packet)?;
        if parsed.protocol != IpProtocol::Tcp || parsed.fragment.is_some() || parsed.payload.len() < TCP_CHECKSUM + 2 {
            return None;
        }
        let length = parsed.payload.len();
        let (from, to): (IpAddr, IpAddr) = (parsed.source, parsed.destination);
        (packet.len() - length, pseudo_header(from, to, IpProtocol::Tcp, length as u32))
    };
    packet.get_mut(start + TCP_CHECKSUM..start + TCP_CHECKSUM + 2)?.copy_from_slice(&sum.to_be_bytes());
    Some(start)
}
