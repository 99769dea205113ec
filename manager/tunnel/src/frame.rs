//! The wire format inside a link: frames in a row, all numbers big-endian.
//!
//! | frame | type | fields after it |
//! |---|---|---|
//! | OPEN | 1 | flow u32, kind u8, family u8 (4 or 6), address, port u16 |
//! | OPEN_OK | 2 | flow u32, round trip to the target in microseconds u32 |
//! | OPEN_ERR | 3 | flow u32, reason u8 |
//! | DATA | 4 | flow u32, length u16, bytes |
//! | FIN | 5 | flow u32 |
//! | RST | 6 | flow u32, reason u8 |
//! | CREDIT | 7 | flow u32, consumed u64, limit u64: absolute offsets of the flow's byte stream |
//! | DGRAM | 8 | flow u32, length u16, bytes |
//! | PING, PONG | 9, 10 | token u64 |
//! | GOAWAY | 11 | |
//! | QUERY | 12 | id u32, length u16, DNS message |
//! | ANSWER | 13 | id u32, length u16, DNS message; empty if there is none |
//!
//! Frames travel in gRPC messages whose borders mean nothing: a receiver sees one stream of bytes. CREDIT says how far the
//! receiver has got (`consumed`), which is what resuming a flow on a new link would need.

mod decode;

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

pub use decode::{Decoder, WireError};

/// Number of a flow on its link: odd when the client opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u32);

/// What kind of flow is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A TCP connection.
    Tcp = 1,
    /// A UDP association.
    Udp = 2,
    /// An exchange of ICMP echoes; its datagrams are a sequence number u16 and the payload.
    Echo = 3,
}

/// Why a flow could not be opened, or ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The target refused: nothing listens there.
    Refused = 1,
    /// No route to the target, or a router said that it cannot be reached.
    Unreachable = 2,
    /// The target did not answer.
    TimedOut = 3,
    /// The manager does not serve this target.
    Forbidden = 4,
    /// A bound was reached.
    Limit = 5,
    /// The target, or the program on the laptop, reset the connection.
    Reset = 6,
}

impl Reason {
    /// The reason in words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed out",
            Self::Forbidden => "forbidden",
            Self::Limit => "limit",
            Self::Reset => "reset",
        }
    }
}

/// One frame as it was received. The payload of a DATA frame may come in several pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Frame {
    Open { flow: FlowId, kind: Kind, target: SocketAddr },
    OpenOk { flow: FlowId, round_trip_us: u32 },
    OpenErr { flow: FlowId, reason: Reason },
    Data { flow: FlowId, bytes: Bytes },
    Fin { flow: FlowId },
    Rst { flow: FlowId, reason: Reason },
    Credit { flow: FlowId, consumed: u64, limit: u64 },
    Datagram { flow: FlowId, bytes: Bytes },
    Ping { token: u64 },
    Pong { token: u64 },
    GoAway,
    Query { id: u32, message: Bytes },
    Answer { id: u32, message: Bytes },
}

pub(crate) mod kind {
    pub const OPEN: u8 = 1;
    pub const OPEN_OK: u8 = 2;
    pub const OPEN_ERR: u8 = 3;
    pub const DATA: u8 = 4;
    pub const FIN: u8 = 5;
    pub const RST: u8 = 6;
    pub const CREDIT: u8 = 7;
    pub const DGRAM: u8 = 8;
    pub const PING: u8 = 9;
    pub const PONG: u8 = 10;
    pub const GOAWAY: u8 = 11;
    pub const QUERY: u8 = 12;
    pub const ANSWER: u8 = 13;
}

/// Bytes of a DATA or DGRAM frame before its payload.
pub const PAYLOAD_HEADER: usize = 7;
/// Bytes of payload in one frame at most: its length has 16 bits.
pub const LONGEST_PAYLOAD: usize = 65_535;

impl Frame {
    /// Appends the frame's bytes. A payload beyond 65,535 bytes is cut: nothing in this crate makes one.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Open { flow, kind: what, target } => {
                head(out, kind::OPEN, flow.0);
                out.put_u8(*what as u8);
                put_address(out, target.ip());
                out.put_u16(target.port());
            }
            Self::OpenOk { flow, round_trip_us } => {
                head(out, kind::OPEN_OK, flow.0);
                out.put_u32(*round_trip_us);
            }
            Self::OpenErr { flow, reason } => {
                head(out, kind::OPEN_ERR, flow.0);
                out.put_u8(*reason as u8);
            }
            Self::Data { flow, bytes } => payload(out, kind::DATA, flow.0, bytes),
            Self::Fin { flow } => head(out, kind::FIN, flow.0),
            Self::Rst { flow, reason } => {
                head(out, kind::RST, flow.0);
                out.put_u8(*reason as u8);
            }
            Self::Credit { flow, consumed, limit } => {
                head(out, kind::CREDIT, flow.0);
                out.put_u64(*consumed);
                out.put_u64(*limit);
            }
            Self::Datagram { flow, bytes } => payload(out, kind::DGRAM, flow.0, bytes),
            Self::Ping { token } => token_frame(out, kind::PING, *token),
            Self::Pong { token } => token_frame(out, kind::PONG, *token),
            Self::GoAway => out.put_u8(kind::GOAWAY),
            Self::Query { id, message } => payload(out, kind::QUERY, *id, message),
            Self::Answer { id, message } => payload(out, kind::ANSWER, *id, message),
        }
    }
}

fn head(out: &mut BytesMut, kind: u8, flow: u32) {
    out.put_u8(kind);
    out.put_u32(flow);
}

fn token_frame(out: &mut BytesMut, kind: u8, token: u64) {
    out.put_u8(kind);
    out.put_u64(token);
}

fn payload(out: &mut BytesMut, kind: u8, flow: u32, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    head(out, kind, flow);
    out.put_u16(length);
    out.put_slice(&bytes[..usize::from(length)]);
}

fn put_address(out: &mut BytesMut, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            out.put_u8(4);
            out.put_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.put_u8(6);
            out.put_slice(&address.octets());
        }
    }
}

pub(crate) fn socket_address(family: u8, bytes: &[u8]) -> Option<SocketAddr> {
    let (address, port) = match family {
        4 => (IpAddr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?), bytes.get(4..6)?),
        6 => (IpAddr::from(<[u8; 16]>::try_from(bytes.get(..16)?).ok()?), bytes.get(16..18)?),
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_be_bytes([port[0], port[1]])))
}
