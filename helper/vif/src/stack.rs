//! The TCP/IP stack that all flows share: one smoltcp interface, polled against the one-socket set of the flow at hand,
//! so that the cost of a packet does not grow with the number of flows.

use smoltcp::iface::{Config, Interface, PollResult, SocketSet};
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as StackTime;
use smoltcp::wire::HardwareAddress;

use crate::limits::MTU;

/// Where packets for the laptop's kernel go.
pub trait PacketSink {
    /// Sends one IP packet. With checksum offload the checksum of a TCP segment is still to be filled in.
    fn send(&mut self, packet: &mut [u8]);
}

pub struct Stack {
    interface: Interface,
    capabilities: DeviceCapabilities,
    buffer: Vec<u8>,
}

impl Stack {
    pub fn new(checksum_offload: bool, seed: u64) -> Self {
        let mut checksums = ChecksumCapabilities::default();
        if checksum_offload {
            checksums.tcp = Checksum::None;
            checksums.ipv4 = Checksum::Tx;
        }
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities.checksum = checksums;
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut nothing = Nothing;
        let mut device =
            Wire { packet: None, sink: &mut nothing, buffer: &mut Vec::new(), capabilities: &capabilities };
        let mut interface = Interface::new(config, &mut device, StackTime::ZERO);
        interface.set_any_ip(true);
        Self { interface, capabilities, buffer: vec![0; MTU] }
    }

    /// Gives one packet to the flow's socket; what it answers at once goes to the sink.
    pub fn ingress(&mut self, packet: &[u8], sockets: &mut SocketSet<'_>, now: StackTime, sink: &mut impl PacketSink) {
        let Self { interface, capabilities, buffer } = self;
        let mut device = Wire { packet: Some(packet), sink, buffer, capabilities };
        interface.poll_ingress_single(now, &mut device, sockets);
    }

    /// Sends all that the flow's socket has to send. Says when it has something to do next, if nothing comes.
    pub fn egress(
        &mut self,
        sockets: &mut SocketSet<'_>,
        now: StackTime,
        sink: &mut impl PacketSink,
    ) -> Option<StackTime> {
        let Self { interface, capabilities, buffer } = self;
        let mut device = Wire { packet: None, sink, buffer, capabilities };
        loop {
            let next = interface.poll_at(now, sockets);
            if next.is_none_or(|at| at > now) {
                return next;
            }
            if interface.poll_egress(now, &mut device, sockets) == PollResult::None {
                return interface.poll_at(now, sockets);
            }
        }
    }
}

/// A device of at most one packet.
struct Wire<'a, S> {
    packet: Option<&'a [u8]>,
    sink: &'a mut S,
    buffer: &'a mut Vec<u8>,
    capabilities: &'a DeviceCapabilities,
}

struct Received<'a>(&'a [u8]);

struct Sending<'a, S> {
    sink: &'a mut S,
    buffer: &'a mut Vec<u8>,
}

struct Nothing;

impl PacketSink for Nothing {
    fn send(&mut self, _: &mut [u8]) {}
}

impl<S: PacketSink> Device for Wire<'_, S> {
    type RxToken<'b>
        = Received<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Sending<'b, S>
    where
        Self: 'b;

    fn receive(&mut self, _: StackTime) -> Option<(Received<'_>, Sending<'_, S>)> {
        let packet = self.packet.take()?;
        Some((Received(packet), Sending { sink: self.sink, buffer: self.buffer }))
    }

    fn transmit(&mut self, _: StackTime) -> Option<Sending<'_, S>> {
        Some(Sending { sink: self.sink, buffer: self.buffer })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.capabilities.clone()
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

impl<S: PacketSink> TxToken for Sending<'_, S> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        let packet = &mut self.buffer[..length];
        let result = write(packet);
        self.sink.send(packet);
        result
    }
}
