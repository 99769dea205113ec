//! The laptop's side: packets as its kernel makes them, and what comes back.

use std::net::{Ipv4Addr, SocketAddrV4};

use hawser_vif::PacketSink;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
    UdpPacket, UdpRepr,
};

/// The target of every flow.
pub const TARGET: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 96, 0, 11), 80);
const OWN: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const IP_HEADER: usize = 20;
const HEADERS: usize = IP_HEADER + 20;

/// Packets that came from the core: the first bytes and the length of each.
#[derive(Default)]
pub struct Arrived(pub Vec<([u8; HEADERS], usize)>);

impl PacketSink for Arrived {
    fn send(&mut self, packet: &mut [u8]) {
        let mut head = [0; HEADERS];
        let known = packet.len().min(HEADERS);
        head[..known].copy_from_slice(&packet[..known]);
        self.0.push((head, packet.len()));
    }
}

/// The laptop's end of a TCP connection.
pub struct Stream {
    port: u16,
    next: u32,
    expected: u32,
}

impl Stream {
    /// A stream before its SYN.
    pub fn new(port: u16) -> Self {
        Self { port, next: 1_000, expected: 0 }
    }

    pub fn syn(&mut self) -> Vec<u8> {
        self.segment(TcpControl::Syn, &[])
    }

    pub fn data(&mut self, payload: &[u8]) -> Vec<u8> {
        self.segment(TcpControl::Psh, payload)
    }

    pub fn ack(&mut self) -> Vec<u8> {
        self.segment(TcpControl::None, &[])
    }

    pub fn fin(&mut self) -> Vec<u8> {
        self.segment(TcpControl::Fin, &[])
    }

    /// Takes a segment, which has to be the next one, and says how many bytes of the stream it held.
    pub fn hear(&mut self, (head, length): &([u8; HEADERS], usize)) -> usize {
        let packet = TcpPacket::new_unchecked(&head[IP_HEADER..]);
        let sequence = packet.seq_number().0 as u32;
        let payload = length - IP_HEADER - usize::from(packet.header_len());
        assert!(!packet.rst() && (packet.syn() || sequence == self.expected), "a segment that does not fit");
        let marks = u32::from(packet.syn()) + u32::from(packet.fin());
        self.expected = sequence.wrapping_add(payload as u32 + marks);
        payload
    }

    fn segment(&mut self, control: TcpControl, payload: &[u8]) -> Vec<u8> {
        let syn = control == TcpControl::Syn;
        let tcp = TcpRepr {
            src_port: self.port,
            dst_port: TARGET.port(),
            control,
            seq_number: TcpSeqNumber(self.next as i32),
            ack_number: (!syn).then_some(TcpSeqNumber(self.expected as i32)),
            window_len: u16::MAX,
            window_scale: syn.then_some(7),
            max_seg_size: syn.then_some(65_480),
            sack_permitted: syn,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        self.next = self.next.wrapping_add(tcp.segment_len() as u32);
        ip(IpProtocol::Tcp, tcp.buffer_len(), |bytes| {
            let mut packet = TcpPacket::new_unchecked(bytes);
            tcp.emit(&mut packet, &OWN.into(), &(*TARGET.ip()).into(), &ChecksumCapabilities::ignored());
        })
    }
}

/// A UDP datagram.
pub fn datagram(payload: &[u8]) -> Vec<u8> {
    let udp = UdpRepr { src_port: 5_000, dst_port: TARGET.port() };
    ip(IpProtocol::Udp, udp.header_len() + payload.len(), |bytes| {
        let mut packet = UdpPacket::new_unchecked(bytes);
        let (from, to) = (OWN.into(), (*TARGET.ip()).into());
        let fill = |bytes: &mut [u8]| bytes.copy_from_slice(payload);
        udp.emit(&mut packet, &from, &to, payload.len(), fill, &ChecksumCapabilities::ignored());
    })
}

/// An echo request.
pub fn echo(sequence: u16, data: &[u8]) -> Vec<u8> {
    let echo = Icmpv4Repr::EchoRequest { ident: 5_000, seq_no: sequence, data };
    ip(IpProtocol::Icmp, echo.buffer_len(), |bytes| {
        echo.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::ignored());
    })
}

fn ip(next_header: IpProtocol, payload_len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let header = Ipv4Repr { src_addr: OWN, dst_addr: *TARGET.ip(), next_header, payload_len, hop_limit: 64 };
    let mut bytes = vec![0; IP_HEADER + payload_len];
    header.emit(&mut Ipv4Packet::new_unchecked(&mut bytes), &ChecksumCapabilities::default());
    fill(&mut bytes[IP_HEADER..]);
    bytes
}
