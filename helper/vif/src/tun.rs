//! The shell around the device: batched reads on a tokio runtime, writes at once.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

use crate::limits::MTU;
use crate::platform::Device;
use crate::stack::PacketSink;

/// Packets read before others get their turn.
const BATCH_PACKETS: usize = 64;
const BATCH_BYTES: usize = 1024 * 1024;

/// The device and its readiness.
pub struct Tun {
    device: Device,
    buffer: Vec<u8>,
}

/// Waits for packets. Apart from the [`Tun`], which is shared with the link's outgoing side.
pub struct Readiness(AsyncFd<OwnedFd>);

impl Tun {
    /// Makes a device of this name, down and without addresses.
    ///
    /// # Errors
    /// Fails if `/dev/net/tun` may not be opened or the name is taken.
    pub fn create(name: &str) -> io::Result<Self> {
        Ok(Self { device: Device::create(name)?, buffer: vec![0; MTU] })
    }

    /// To be called on the runtime that will wait.
    ///
    /// # Errors
    /// Fails when the process has no descriptor left.
    pub fn readiness(&self) -> io::Result<Readiness> {
        self.device.readiness().map(Readiness)
    }

    /// Reads what is there, up to a batch. True if there may be more.
    ///
    /// # Errors
    /// Fails when the device is gone.
    pub fn read_batch(&mut self, mut handle: impl FnMut(&Device, &[u8], bool)) -> io::Result<bool> {
        let mut bytes = 0;
        for _ in 0..BATCH_PACKETS {
            match self.device.read(&mut self.buffer) {
                Ok(received) => {
                    bytes += received.length;
                    handle(&self.device, &self.buffer[..received.length], received.trusted);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok(true)
    }

    /// Where packets for the laptop's kernel go.
    pub fn sink(&self) -> TunSink<'_> {
        TunSink(&self.device)
    }
}

/// Writes to the device.
pub struct TunSink<'a>(pub &'a Device);

impl PacketSink for TunSink<'_> {
    fn send(&mut self, packet: &mut [u8]) {
        self.0.write(packet);
    }
}

impl Readiness {
    /// Waits until there is a packet.
    ///
    /// # Errors
    /// Fails when the runtime's reactor is gone.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.readable().await.map(|mut guard| guard.retain_ready())
    }

    /// There was no packet left: wait for the next one.
    pub fn drained(&self) {
        // Clears the readiness through a guard that is ready at once.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(Ok(mut guard)) = self.0.poll_read_ready(&mut context) {
            guard.clear_ready();
        }
    }
}
