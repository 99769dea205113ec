//! What a packet from the kernel is: addresses, protocol and payload, without a copy.

use std::net::{IpAddr, SocketAddr};

use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv6FragmentHeader, Ipv6Packet, TcpPacket, UdpPacket};

/// The protocols that become flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// Echo of ICMP (RFC 792) or ICMPv6 (RFC 4443); the port of the source is the identifier.
    Echo,
}

/// A flow as the laptop sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    pub protocol: Protocol,
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

/// An IP packet after its header.
pub struct Packet<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: IpProtocol,
    pub payload: &'a [u8],
    pub fragment: Option<Fragment>,
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug)]
pub struct Fragment {
    pub identification: u32,
    pub offset: usize,
    pub more: bool,
}

impl<'a> Packet<'a> {
    /// `None` for what is no whole IPv4 or IPv6 packet.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::parse_v4(bytes),
            6 => Self::parse_v6(bytes),
            _ => None,
        }
    }

    fn parse_v4(bytes: &'a [u8]) -> Option<Self> {
        let packet = Ipv4Packet::new_checked(bytes).ok()?;
        let fragment = (packet.more_frags() || packet.frag_offset() > 0).then(|| Fragment {
            identification: u32::from(packet.ident()),
            offset: usize::from(packet.frag_offset()),
            more: packet.more_frags(),
        });
        Some(Self {
            source: packet.src_addr().into(),
            destination: packet.dst_addr().into(),
            protocol: packet.next_header(),
            payload: packet.payload(),
            fragment,
        })
    }

    fn parse_v6(bytes: &'a [u8]) -> Option<Self> {
        let packet = Ipv6Packet::new_checked(bytes).ok()?;
        let (mut protocol, mut payload, mut fragment) = (packet.next_header(), packet.payload(), None);
        if protocol == IpProtocol::Ipv6Frag {
            // Next header, reserved, then offset, flag and identification (RFC 8200, section 4.5).
            protocol = IpProtocol::from(*payload.first()?);
            let header = Ipv6FragmentHeader::new_checked(payload.get(2..8)?).ok()?;
            fragment = Some(Fragment {
                identification: header.ident(),
                offset: usize::from(header.frag_offset()) * 8,
                more: header.more_frags(),
            });
            payload = payload.get(8..)?;
        }
        Some(Self {
            source: packet.src_addr().into(),
            destination: packet.dst_addr().into(),
            protocol,
            payload,
            fragment,
        })
    }
}

/// What the data plane wants to know of a TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub tuple: Tuple,
    pub syn: bool,
    pub ack: bool,
    pub rst: bool,
    pub sequence: u32,
    pub acknowledged: u32,
    /// Payload, with one more for each of SYN and FIN.
    pub length: u32,
    pub payload: usize,
}

impl Segment {
    pub fn parse(packet: &Packet<'_>) -> Option<Self> {
        let tcp = TcpPacket::new_checked(packet.payload).ok()?;
        let payload = tcp.payload().len();
        Some(Self {
            tuple: Tuple {
                protocol: Protocol::Tcp,
                source: SocketAddr::new(packet.source, tcp.src_port()),
                destination: SocketAddr::new(packet.destination, tcp.dst_port()),
            },
            syn: tcp.syn(),
            ack: tcp.ack(),
            rst: tcp.rst(),
            sequence: tcp.seq_number().0 as u32,
            acknowledged: tcp.ack_number().0 as u32,
            length: payload as u32 + u32::from(tcp.syn()) + u32::from(tcp.fin()),
            payload,
        })
    }
}

/// A UDP datagram and its flow. Ports of zero are no flow.
pub fn parse_udp(source: IpAddr, destination: IpAddr, payload: &[u8]) -> Option<(Tuple, &[u8])> {
    let udp = UdpPacket::new_checked(payload).ok()?;
    let (from, to) = (udp.src_port(), udp.dst_port());
    let length = usize::from(udp.len());
    if from == 0 || to == 0 {
        return None;
    }
    let tuple = Tuple {
        protocol: Protocol::Udp,
        source: SocketAddr::new(source, from),
        destination: SocketAddr::new(destination, to),
    };
    Some((tuple, payload.get(8..length)?))
}

/// An echo request: its flow, its sequence number and its data.
pub fn parse_echo(source: IpAddr, destination: IpAddr, payload: &[u8]) -> Option<(Tuple, &[u8])> {
    let request = if source.is_ipv4() { 8 } else { 128 };
    let (head, after_identifier) = payload.split_at_checked(6)?;
    if head[0] != request || head[1] != 0 || after_identifier.len() < 2 {
        return None;
    }
    let identifier = u16::from_be_bytes([head[4], head[5]]);
    let tuple = Tuple {
        protocol: Protocol::Echo,
        source: SocketAddr::new(source, identifier),
        destination: SocketAddr::new(destination, 0),
    };
    Some((tuple, after_identifier))
}
