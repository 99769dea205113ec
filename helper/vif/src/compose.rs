//! Packets that the data plane makes itself: datagrams, echo replies, resets and ICMP errors.

use std::net::{IpAddr, SocketAddr};

use smoltcp::wire::checksum;
use smoltcp::wire::{IpAddress, IpProtocol};

use crate::limits::MTU;
use crate::packet::{Segment, Tuple};
use crate::stack::PacketSink;

/// Why something could not be delivered, as ICMP says it (RFC 792; RFC 1122, section 3.2.2.1; RFC 4443, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    Host,
    Port,
    Prohibited,
}

impl Unreachable {
    fn code(self, v4: bool) -> u8 {
        match (self, v4) {
            (Self::Host, true) => 1,
            (Self::Port, true) => 3,
            (Self::Prohibited, true) => 13,
            (Self::Host, false) => 3,
            (Self::Port, false) => 4,
            (Self::Prohibited, false) => 1,
        }
    }
}

/// Makes packets in one reused buffer and hands them to a sink.
#[derive(Default)]
pub struct Composer {
    buffer: Vec<u8>,
    identification: u32,
}

const HOP_LIMIT: u8 = 64;
const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
const V6_FRAGMENT_HEADER: usize = 8;
/// How much of a packet an ICMP error quotes: enough for every kernel to find the socket.
const QUOTE: usize = 512;

impl Composer {
    /// A datagram from the flow's far side to the laptop, in fragments if it is larger than the device's MTU.
    pub fn udp(&mut self, tuple: &Tuple, payload: &[u8], sink: &mut impl PacketSink) {
        let mut message = Vec::with_capacity(8 + payload.len());
        udp_message(&mut message, tuple.destination, tuple.source, payload);
        self.send(tuple.destination.ip(), tuple.source.ip(), IpProtocol::Udp, &message, sink);
    }

    /// The answer to an echo request; `data` begins with the sequence number.
    pub fn echo_reply(&mut self, tuple: &Tuple, data: &[u8], sink: &mut impl PacketSink) {
        let (from, to) = (tuple.destination.ip(), tuple.source.ip());
        let mut message = Vec::with_capacity(6 + data.len());
        let kind = if to.is_ipv4() { 0 } else { 129 };
        message.extend_from_slice(&[kind, 0, 0, 0]);
        message.extend_from_slice(&tuple.source.port().to_be_bytes());
        message.extend_from_slice(data);
        self.icmp(from, to, message, sink);
    }

    /// The reset that answers a segment nobody expects (RFC 9293, section 3.10.7.1).
    pub fn reset(&mut self, segment: &Segment, sink: &mut impl PacketSink) {
        if segment.rst {
            return;
        }
        let (sequence, acknowledged, flags) = match segment.ack {
            true => (segment.acknowledged, 0, RST),
            false => (0, segment.sequence.wrapping_add(segment.length), RST | ACK),
        };
        let (from, to) = (segment.tuple.destination, segment.tuple.source);
        let mut message = tcp_header(from.port(), to.port(), sequence, acknowledged, flags);
        let sum = transport_checksum(from.ip(), to.ip(), IpProtocol::Tcp, &message);
        message[16..18].copy_from_slice(&sum.to_be_bytes());
        self.send(from.ip(), to.ip(), IpProtocol::Tcp, &message, sink);
    }

    /// An ICMP error from the flow's far side about `packet`, which the laptop sent.
    pub fn unreachable(&mut self, packet: &[u8], what: Unreachable, sink: &mut impl PacketSink) {
        let Some(parsed) = crate::packet::Packet::parse(packet) else { return };
        let (from, to) = (parsed.destination, parsed.source);
        let kind = if to.is_ipv4() { 3 } else { 1 };
        let mut message = vec![kind, what.code(to.is_ipv4()), 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&packet[..packet.len().min(QUOTE)]);
        self.icmp(from, to, message, sink);
    }

    /// The beginning of a packet of this flow as the laptop sent it, for quoting in an ICMP error.
    pub fn quote(&mut self, tuple: &Tuple) -> Vec<u8> {
        let (from, to) = (tuple.source, tuple.destination);
        let (protocol, message) = match tuple.protocol {
            crate::packet::Protocol::Tcp => (IpProtocol::Tcp, tcp_header(from.port(), to.port(), 0, 0, SYN)),
            crate::packet::Protocol::Udp => {
                let mut message = Vec::new();
                udp_message(&mut message, from, to, &[]);
                (IpProtocol::Udp, message)
            }
            crate::packet::Protocol::Echo => {
                let mut message = vec![if from.is_ipv4() { 8 } else { 128 }, 0, 0, 0];
                message.extend_from_slice(&from.port().to_be_bytes());
                message.extend_from_slice(&[0, 0]);
                (icmp_protocol(from.ip()), message)
            }
        };
        let mut packet = Vec::new();
        header(&mut packet, from.ip(), to.ip(), protocol, message.len(), 0);
        packet.extend_from_slice(&message);
        packet
    }

    fn icmp(&mut self, from: IpAddr, to: IpAddr, mut message: Vec<u8>, sink: &mut impl PacketSink) {
        let sum = match to.is_ipv4() {
            true => !checksum::data(&message),
            false => transport_checksum(from, to, IpProtocol::Icmpv6, &message),
        };
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        self.send(from, to, icmp_protocol(from), &message, sink);
    }

    fn send(&mut self, from: IpAddr, to: IpAddr, protocol: IpProtocol, message: &[u8], sink: &mut impl PacketSink) {
        self.identification = self.identification.wrapping_add(1);
        let identification = self.identification;
        let largest = MTU - if from.is_ipv4() { V4_HEADER } else { V6_HEADER };
        if message.len() <= largest {
            self.buffer.clear();
            header(&mut self.buffer, from, to, protocol, message.len(), identification as u16);
            self.buffer.extend_from_slice(message);
            return sink.send(&mut self.buffer);
        }
        let step = (largest - V6_FRAGMENT_HEADER) / 8 * 8;
        let pieces = message.chunks(step).enumerate();
        for (index, piece) in pieces {
            let (offset, more) = (index * step, (index + 1) * step < message.len());
            self.buffer.clear();
            match from.is_ipv4() {
                true => {
                    header(&mut self.buffer, from, to, protocol, piece.len(), identification as u16);
                    let field = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
                    self.buffer[6..8].copy_from_slice(&field.to_be_bytes());
                    v4_checksum(&mut self.buffer);
                }
                false => {
                    let length = V6_FRAGMENT_HEADER + piece.len();
                    header(&mut self.buffer, from, to, IpProtocol::Ipv6Frag, length, 0);
                    let field = offset as u16 | u16::from(more);
                    self.buffer.extend_from_slice(&[protocol.into(), 0]);
                    self.buffer.extend_from_slice(&field.to_be_bytes());
                    self.buffer.extend_from_slice(&identification.to_be_bytes());
                }
            }
            self.buffer.extend_from_slice(piece);
            sink.send(&mut self.buffer);
        }
    }
}

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

fn tcp_header(from: u16, to: u16, sequence: u32, acknowledged: u32, flags: u8) -> Vec<u8> {
    let mut header = Vec::with_capacity(20);
    header.extend_from_slice(&from.to_be_bytes());
    header.extend_from_slice(&to.to_be_bytes());
    header.extend_from_slice(&sequence.to_be_bytes());
    header.extend_from_slice(&acknowledged.to_be_bytes());
    header.extend_from_slice(&[5 << 4, flags, 0, 0, 0, 0, 0, 0]);
    header
}

fn udp_message(message: &mut Vec<u8>, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
    let length = (8 + payload.len()) as u16;
    message.extend_from_slice(&from.port().to_be_bytes());
    message.extend_from_slice(&to.port().to_be_bytes());
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(&[0, 0]);
    message.extend_from_slice(payload);
    let sum = transport_checksum(from.ip(), to.ip(), IpProtocol::Udp, message);
    // Zero says "no checksum" (RFC 768).
    let sum = if sum == 0 { u16::MAX } else { sum };
    message[6..8].copy_from_slice(&sum.to_be_bytes());
}

fn icmp_protocol(address: IpAddr) -> IpProtocol {
    if address.is_ipv4() { IpProtocol::Icmp } else { IpProtocol::Icmpv6 }
}

pub fn transport_checksum(from: IpAddr, to: IpAddr, protocol: IpProtocol, message: &[u8]) -> u16 {
    let pseudo = pseudo_header(from, to, protocol, message.len() as u32);
    !checksum::combine(&[pseudo, checksum::data(message)])
}

pub fn pseudo_header(from: IpAddr, to: IpAddr, protocol: IpProtocol, length: u32) -> u16 {
    checksum::pseudo_header(&IpAddress::from(from), &IpAddress::from(to), protocol, length)
}

fn header(out: &mut Vec<u8>, from: IpAddr, to: IpAddr, protocol: IpProtocol, length: usize, identification: u16) {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend_from_slice(&[0x45, 0]);
            out.extend_from_slice(&((V4_HEADER + length) as u16).to_be_bytes());
            out.extend_from_slice(&identification.to_be_bytes());
            out.extend_from_slice(&[0, 0, HOP_LIMIT, protocol.into(), 0, 0]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
            v4_checksum(out);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend_from_slice(&[0x60, 0, 0, 0]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&[protocol.into(), HOP_LIMIT]);
            out.extend_from_slice(&from.octets());
            out.extend_from_slice(&to.octets());
        }
        _ => unreachable!("both addresses of a flow come from one packet"),
    }
}

fn v4_checksum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = !checksum::data(&packet[..V4_HEADER]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}
