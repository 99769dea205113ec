//! From the bytes of gRPC messages, however they were cut, back to frames.

use bytes::{Buf, Bytes, BytesMut};

use super::{FlowId, Frame, Kind, Reason, kind, socket_address};

/// What no peer of this protocol sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A frame of an unknown type.
    #[error("unknown frame type {0}")]
    UnknownFrame(u8),
    /// A field with a value that is not defined.
    #[error("a frame of type {0} has an undefined field")]
    BadField(u8),
    /// gRPC compression, which was never offered.
    #[error("a compressed message")]
    Compressed,
    /// A flow sent more than it had credit for.
    #[error("flow {0} sent beyond its credit")]
    BeyondCredit(u32),
    /// A flow number that this peer may not open, or that is in use.
    #[error("flow {0} cannot be opened by this side")]
    BadFlow(u32),
    /// Bytes after the end of a flow's stream.
    #[error("flow {0} sent after its end")]
    AfterEnd(u32),
    /// Answers pile up because the peer does not read them.
    #[error("the peer does not read what it asked for")]
    NotReading,
}

const GRPC_HEADER: usize = 5;

/// Cuts frames out of the stream of gRPC messages.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What is left of the gRPC message at hand.
    message_left: usize,
    grpc_header: BytesMut,
    /// The beginning of a frame whose end has not come yet.
    partial: BytesMut,
    /// A DATA frame whose payload has not come whole.
    data: Option<(FlowId, usize)>,
}

impl Decoder {
    /// Takes what came from the wire and hands over each frame in it.
    ///
    /// # Errors
    /// The first thing that is not of the protocol; the link is to be ended then.
    pub fn receive<E: From<WireError>>(
        &mut self,
        mut chunk: Bytes,
        mut deliver: impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        while !chunk.is_empty() {
            if self.message_left == 0 {
                let missing = GRPC_HEADER - self.grpc_header.len();
                self.grpc_header.extend_from_slice(&chunk.split_to(missing.min(chunk.len())));
                if self.grpc_header.len() < GRPC_HEADER {
                    return Ok(());
                }
                if self.grpc_header.get_u8() != 0 {
                    return Err(WireError::Compressed.into());
                }
                self.message_left = self.grpc_header.get_u32() as usize;
                self.grpc_header.clear();
                continue;
            }
            let here = chunk.split_to(self.message_left.min(chunk.len()));
            self.message_left -= here.len();
            self.frames(here, &mut deliver)?;
        }
        Ok(())
    }

    fn frames<E: From<WireError>>(
        &mut self,
        mut bytes: Bytes,
        deliver: &mut impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            if let Some((flow, left)) = self.data {
                if bytes.is_empty() {
                    return Ok(());
                }
                let piece = bytes.split_to(left.min(bytes.len()));
                self.data = (left > piece.len()).then(|| (flow, left - piece.len()));
                deliver(Frame::Data { flow, bytes: piece })?;
                continue;
            }
            if !self.partial.is_empty() {
                if !self.complete_partial(&mut bytes, deliver)? {
                    return Ok(());
                }
                continue;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            match parse(&bytes)? {
                Parsed::Frame(frame, length) => {
                    bytes.advance(length);
                    deliver(frame)?;
                }
                Parsed::Payload { head, kind, number, length } if kind == kind::DATA => {
                    bytes.advance(head);
                    self.data = (length > 0).then_some((FlowId(number), length));
                }
                Parsed::Payload { head, kind, number, length } if bytes.len() >= head + length => {
                    bytes.advance(head);
                    deliver(with_payload(kind, number, bytes.split_to(length)))?;
                }
                Parsed::Payload { .. } | Parsed::Incomplete => {
                    self.partial.extend_from_slice(&bytes);
                    return Ok(());
                }
            }
        }
    }

    /// Adds to the frame that began in an earlier chunk. False if its end is still to come.
    fn complete_partial<E: From<WireError>>(
        &mut self,
        bytes: &mut Bytes,
        deliver: &mut impl FnMut(Frame) -> Result<(), E>,
    ) -> Result<bool, E> {
        loop {
            let wanted = match parse(&self.partial)? {
                Parsed::Frame(frame, length) => {
                    debug_assert_eq!(length, self.partial.len());
                    self.partial.clear();
                    deliver(frame)?;
                    return Ok(true);
                }
                Parsed::Payload { kind, number, length, .. } if kind == kind::DATA => {
                    self.partial.clear();
                    self.data = (length > 0).then_some((FlowId(number), length));
                    return Ok(true);
                }
                Parsed::Payload { head, kind, number, length } if self.partial.len() >= head + length => {
                    self.partial.advance(head);
                    let payload = self.partial.split_to(length).freeze();
                    self.partial.clear();
                    deliver(with_payload(kind, number, payload))?;
                    return Ok(true);
                }
                Parsed::Payload { head, length, .. } => head + length - self.partial.len(),
                // One byte at a time: a head is short, and not a byte of the next frame may be taken.
                Parsed::Incomplete => 1,
            };
            if bytes.is_empty() {
                return Ok(false);
            }
            self.partial.extend_from_slice(&bytes.split_to(wanted.min(bytes.len())));
        }
    }
}

enum Parsed {
    Frame(Frame, usize),
    Payload { head: usize, kind: u8, number: u32, length: usize },
    Incomplete,
}

fn parse(bytes: &[u8]) -> Result<Parsed, WireError> {
    Ok(parse_complete(bytes)?.unwrap_or(Parsed::Incomplete))
}

/// `None` if the head of the frame is not all there.
fn parse_complete(bytes: &[u8]) -> Result<Option<Parsed>, WireError> {
    let Some((&kind, rest)) = bytes.split_first() else { return Ok(None) };
    let bad = WireError::BadField(kind);
    let fixed = match kind {
        kind::GOAWAY => 0,
        kind::FIN => 4,
        kind::OPEN_ERR | kind::RST => 5,
        kind::DATA | kind::DGRAM | kind::QUERY | kind::ANSWER | kind::OPEN => 6,
        kind::OPEN_OK | kind::PING | kind::PONG => 8,
        kind::CREDIT => 20,
        unknown => return Err(WireError::UnknownFrame(unknown)),
    };
    let Some(mut fields) = rest.get(..fixed) else { return Ok(None) };
    let length = 1 + fixed;
    let frame = match kind {
        kind::GOAWAY => Frame::GoAway,
        kind::PING => Frame::Ping { token: fields.get_u64() },
        kind::PONG => Frame::Pong { token: fields.get_u64() },
        kind::FIN => Frame::Fin { flow: FlowId(fields.get_u32()) },
        kind::OPEN_OK => Frame::OpenOk { flow: FlowId(fields.get_u32()), round_trip_us: fields.get_u32() },
        kind::OPEN_ERR => {
            Frame::OpenErr { flow: FlowId(fields.get_u32()), reason: reason(fields.get_u8()).ok_or(bad)? }
        }
        kind::RST => Frame::Rst { flow: FlowId(fields.get_u32()), reason: reason(fields.get_u8()).ok_or(bad)? },
        kind::CREDIT => {
            Frame::Credit { flow: FlowId(fields.get_u32()), consumed: fields.get_u64(), limit: fields.get_u64() }
        }
        kind::OPEN => {
            let flow = FlowId(fields.get_u32());
            let what = flow_kind(fields.get_u8()).ok_or(bad.clone())?;
            let family = fields.get_u8();
            let size = match family {
                4 => 6,
                6 => 18,
                _ => return Err(bad),
            };
            let Some(target) = rest.get(fixed..fixed + size) else { return Ok(None) };
            let target = socket_address(family, target).ok_or(bad)?;
            return Ok(Some(Parsed::Frame(Frame::Open { flow, kind: what, target }, length + size)));
        }
        _ => {
            let number = fields.get_u32();
            return Ok(Some(Parsed::Payload { head: length, kind, number, length: usize::from(fields.get_u16()) }));
        }
    };
    Ok(Some(Parsed::Frame(frame, length)))
}

fn with_payload(kind: u8, number: u32, payload: Bytes) -> Frame {
    match kind {
        kind::QUERY => Frame::Query { id: number, message: payload },
        kind::ANSWER => Frame::Answer { id: number, message: payload },
        _ => Frame::Datagram { flow: FlowId(number), bytes: payload },
    }
}

fn flow_kind(value: u8) -> Option<Kind> {
    [Kind::Tcp, Kind::Udp, Kind::Echo].into_iter().find(|kind| *kind as u8 == value)
}

fn reason(value: u8) -> Option<Reason> {
    use Reason::{Forbidden, Limit, Refused, Reset, TimedOut, Unreachable};
    [Refused, Unreachable, TimedOut, Forbidden, Limit, Reset].into_iter().find(|reason| *reason as u8 == value)
}

#[cfg(test)]
mod tests;
