//! Packets, each after its length in two bytes.

use crate::Seed;

const LAPTOP: [u8; 4] = [198, 18, 0, 1];
const SERVICE: [u8; 4] = [10, 96, 0, 11];
const RESOLVER: [u8; 4] = [198, 18, 0, 53];
const LAPTOP6: [u8; 16] = [0xfd, 0x7a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const SERVICE6: [u8; 16] = [0xfd, 0, 0, 0x96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11];

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const FRAGMENT: u8 = 44;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

pub fn all() -> Vec<Seed> {
    let syn = tcp(40_000, 80, 1000, 0, SYN, &[2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7], b"");
    let ack = tcp(40_000, 80, 1001, 1, ACK, &[], b"GET / HTTP/1.1\r\n\r\n");
    let fin = tcp(40_000, 80, 1019, 1, FIN | ACK, &[], b"");
    let reset = tcp(40_000, 80, 1001, 0, RST, &[], b"");
    let lookup = udp(50_000, 53, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x00\x00\x01\x00\x01");
    let long = udp(50_001, 7, &[7; 3000]);
    vec![
        ("syn-v4", row([v4(TCP, SERVICE, &syn)])),
        ("syn-v6", row([v6(TCP, &syn)])),
        ("connection", row([v4(TCP, SERVICE, &syn), v4(TCP, SERVICE, &ack), v4(TCP, SERVICE, &fin)])),
        ("syn-again", row([v4(TCP, SERVICE, &syn), v4(TCP, SERVICE, &syn), v4(TCP, SERVICE, &reset)])),
        ("stray-ack", row([v4(TCP, SERVICE, &ack), v6(TCP, &fin)])),
        ("query-udp", row([v4(UDP, RESOLVER, &lookup)])),
        ("query-tcp", row([v4(TCP, RESOLVER, &tcp(40_001, 53, 5, 0, SYN, &[], b""))])),
        ("datagram-v4", row([v4(UDP, SERVICE, &udp(50_001, 7, b"hello"))])),
        ("datagram-v6", row([v6(UDP, &udp(50_001, 7, b""))])),
        ("echo-v4", row([v4(ICMP, SERVICE, &echo(8))])),
        ("echo-v6", row([v6(ICMPV6, &echo(128))])),
        ("fragments-v4", row([fragment_v4(&long[..1480], 0, true), fragment_v4(&long[1480..], 1480, false)])),
        ("fragments-turned", row([fragment_v4(&long[1480..], 1480, false), fragment_v4(&long[..1480], 0, true)])),
        ("fragments-overlapping", row([fragment_v4(&long[..1480], 0, true), fragment_v4(&long[800..], 800, false)])),
        ("fragments-v6", row([fragment_v6(&long[..1448], 0, true), fragment_v6(&long[1448..], 1448, false)])),
        (
            "unreachable-v4",
            row([v4(ICMP, SERVICE, &[&[3, 3, 0, 0, 0, 0, 0, 0], &v4(UDP, SERVICE, &lookup)[..]].concat())]),
        ),
        ("other-protocol", row([v4(132, SERVICE, &[0; 12]), v6(59, &[])])),
        ("options-v4", row([with_options(&syn)])),
    ]
}

fn row<const N: usize>(packets: [Vec<u8>; N]) -> Vec<u8> {
    packets.iter().flat_map(|packet| [&(packet.len() as u16).to_be_bytes()[..], packet].concat()).collect()
}

fn v4(protocol: u8, to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    header_v4(protocol, to, payload, 0x4000, &[])
}

fn with_options(payload: &[u8]) -> Vec<u8> {
    header_v4(TCP, SERVICE, payload, 0x4000, &[0x94, 4, 0, 0])
}

fn fragment_v4(payload: &[u8], offset: usize, more: bool) -> Vec<u8> {
    header_v4(UDP, SERVICE, payload, (offset / 8) as u16 | u16::from(more) << 13, &[])
}

fn header_v4(protocol: u8, to: [u8; 4], payload: &[u8], fragment: u16, options: &[u8]) -> Vec<u8> {
    let words = 5 + options.len() / 4;
    let length = (words * 4 + payload.len()) as u16;
    let mut header = vec![0x40 | words as u8, 0];
    header.extend(length.to_be_bytes());
    header.extend([0xbe, 0xef]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0]);
    header.extend(LAPTOP);
    header.extend(to);
    header.extend(options);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    header
}

fn v6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([protocol, 64]);
    packet.extend(LAPTOP6);
    packet.extend(SERVICE6);
    packet.extend(payload);
    packet
}

fn fragment_v6(payload: &[u8], offset: usize, more: bool) -> Vec<u8> {
    let mut part = vec![UDP, 0];
    part.extend((offset as u16 | u16::from(more)).to_be_bytes());
    part.extend([0xde, 0xad, 0xbe, 0xef]);
    part.extend(payload);
    v6(FRAGMENT, &part)
}

/// Checksums over the pseudo-header are left out: the kernel's offload leaves them to the device as well.
fn tcp(from: u16, to: u16, sequence: u32, acknowledged: u32, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(from.to_be_bytes());
    segment.extend(to.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([((5 + options.len() / 4) as u8) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(options);
    segment.extend(payload);
    segment
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(from.to_be_bytes());
    datagram.extend(to.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

fn echo(kind: u8) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0x12, 0x34, 0, 1];
    message.extend(b"are you there?");
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
