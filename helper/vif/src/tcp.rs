//! One TCP flow: a parked SYN until the far side has answered, then a smoltcp socket between the laptop and the link.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use hawser_tunnel::mux::Pull;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, Socket, State};
use smoltcp::time::{Duration as StackDuration, Instant as StackTime};

use crate::limits;
use crate::platform::{Memory, RingSlot};
use crate::stack::{PacketSink, Stack};

/// A flow whose SYN waits for the manager's dial.
pub struct Parked {
    pub syn: Vec<u8>,
    pub sequence: u32,
}

/// A flow with a socket.
pub struct Connected {
    // Before `rings`: a socket must go before its memory does.
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    rings: RingSlot,
    /// Bytes from the link that the socket has no room for yet: bounded by the credit that was granted.
    waiting: VecDeque<Bytes>,
    far_end: FarEnd,
    /// The laptop has sent its FIN.
    laptop_finished: bool,
    /// Payload that came from the laptop, and that was taken out: equal when no hole is in the receive ring.
    segments: u64,
    taken: u64,
    turns: Turns,
}

/// Whether both ends speak in turns, request and answer: then an acknowledgement that waits a moment goes with the answer, and
/// the laptop's kernel gets one packet in place of two. Who sends two small segments in a row may be waiting for the
/// acknowledgement of the first (RFC 896), and gets it at once ever after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turns {
    /// Nothing was answered yet.
    Unknown,
    /// The laptop has spoken, and wasn't answered yet.
    Asked,
    /// The last segment was answered.
    Answered,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FarEnd {
    Open,
    /// It has sent all; what waits is still to be delivered.
    Finished,
    /// The laptop was told.
    Closed,
}

impl Connected {
    /// Answers the SYN that was parked.
    ///
    /// # Errors
    /// Fails if the system has no memory for the rings.
    pub fn accept(
        parked: &Parked,
        destination: SocketAddr,
        memory: &Memory,
        stack: &mut Stack,
        now: StackTime,
        sink: &mut impl PacketSink,
    ) -> io::Result<Self> {
        let mut rings = memory.take()?;
        // SAFETY: the socket lives in `sockets`, which is dropped before `rings`, and it is the only one.
        let mut socket = unsafe { rings.socket() };
        socket.set_ack_delay(Some(StackDuration::ZERO));
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(CongestionControl::None);
        socket.listen(destination).map_err(|_| io::Error::other("a SYN to port 0"))?;
        let mut sockets = SocketSet::new(Vec::with_capacity(1));
        let handle = sockets.add(socket);
        stack.ingress(&parked.syn, &mut sockets, now, sink);
        Ok(Self {
            sockets,
            handle,
            rings,
            waiting: VecDeque::new(),
            far_end: FarEnd::Open,
            laptop_finished: false,
            segments: 0,
            taken: 0,
            turns: Turns::Unknown,
        })
    }

    pub fn ingress(
        &mut self,
        packet: &[u8],
        payload: usize,
        stack: &mut Stack,
        now: StackTime,
        sink: &mut impl PacketSink,
    ) {
        self.segments += payload as u64;
        if payload > 0 {
            let delay = self.acknowledge_after(payload);
            self.sockets.get_mut::<Socket>(self.handle).set_ack_delay(Some(delay));
        }
        stack.ingress(packet, &mut self.sockets, now, sink);
        self.laptop_finished |=
            matches!(self.socket().state(), State::CloseWait | State::LastAck | State::Closing | State::TimeWait);
    }

    fn acknowledge_after(&mut self, payload: usize) -> StackDuration {
        let waits = self.turns == Turns::Answered && payload <= limits::SMALL_SEGMENT;
        self.turns = match self.turns {
            Turns::Asked | Turns::Never => Turns::Never,
            Turns::Unknown | Turns::Answered => Turns::Asked,
        };
        if waits { limits::ACKNOWLEDGE_AFTER } else { StackDuration::ZERO }
    }

    /// Sends what the socket has for the laptop. Says when it has something to do next.
    pub fn egress(&mut self, stack: &mut Stack, now: StackTime, sink: &mut impl PacketSink) -> Option<StackTime> {
        stack.egress(&mut self.sockets, now, sink)
    }

    /// Bytes from the link. Says how many bytes found room in the socket.
    pub fn deliver(&mut self, mut bytes: Bytes) -> usize {
        if self.turns == Turns::Asked {
            self.turns = Turns::Answered;
        }
        let mut moved = 0;
        if self.waiting.is_empty() {
            moved = self.sockets.get_mut::<Socket>(self.handle).send_slice(&bytes).unwrap_or(0);
            bytes.advance(moved);
        }
        if bytes.is_empty() {
            return moved;
        }
        self.waiting.push_back(own_if_small(bytes));
        moved + self.fill()
    }

    /// Moves waiting bytes into the socket, and the end after them. Says how many bytes.
    pub fn fill(&mut self) -> usize {
        let socket = self.sockets.get_mut::<Socket>(self.handle);
        if matches!(socket.state(), State::Listen | State::SynReceived) {
            // A target that speaks first is faster than the laptop's ACK.
            return 0;
        }
        let mut moved = 0;
        while let Some(bytes) = self.waiting.front_mut() {
            let sent = socket.send_slice(bytes).unwrap_or(0);
            moved += sent;
            bytes.advance(sent);
            if !bytes.is_empty() {
                // A socket that cannot send any more never will: what waits for it is dropped.
                if !socket.may_send() {
                    moved += self.waiting.drain(..).map(|bytes| bytes.len()).sum::<usize>();
                }
                break;
            }
            self.waiting.pop_front();
        }
        if self.far_end == FarEnd::Finished && self.waiting.is_empty() {
            socket.close();
            self.far_end = FarEnd::Closed;
        }
        moved
    }

    /// The far side has sent all.
    pub fn finish(&mut self) {
        if self.far_end == FarEnd::Open {
            self.far_end = FarEnd::Finished;
        }
        self.fill();
    }

    pub fn abort(&mut self) {
        self.waiting.clear();
        self.sockets.get_mut::<Socket>(self.handle).abort();
    }

    /// Takes what the laptop sent.
    pub fn pull(&mut self, room: usize, out: &mut BytesMut) -> Pull {
        let begin = out.len();
        let socket = self.sockets.get_mut::<Socket>(self.handle);
        // Twice at most: the ring may wrap.
        while out.len() - begin < room && socket.can_recv() {
            let left = room - (out.len() - begin);
            let copied = socket.recv(|bytes| {
                let part = &bytes[..bytes.len().min(left)];
                out.put_slice(part);
                (part.len(), part.len())
            });
            if copied.is_err() {
                break;
            }
        }
        self.taken += (out.len() - begin) as u64;
        match (socket.can_recv(), self.laptop_finished) {
            (true, _) => Pull::More,
            (false, true) => Pull::End,
            (false, false) => Pull::Empty,
        }
    }

    /// Whether [`Connected::pull`] has bytes or the end to give.
    pub fn has_input(&self) -> bool {
        self.socket().can_recv() || self.laptop_finished
    }

    /// The laptop has reset the connection.
    pub fn is_reset(&self) -> bool {
        self.socket().state() == State::Closed && !self.both_finished()
    }

    /// Both sides have sent their end, all of it is delivered, and the laptop has seen ours.
    pub fn is_done(&self) -> bool {
        self.both_finished()
            && !self.socket().can_recv()
            && matches!(self.socket().state(), State::TimeWait | State::Closed)
    }

    pub fn is_half_closed(&self) -> bool {
        self.far_end != FarEnd::Open || self.laptop_finished
    }

    /// Gives memory back if both rings are empty and no hole waits to be filled.
    pub fn hand_back_memory(&mut self) -> bool {
        let socket = self.socket();
        let empty = socket.recv_queue() == 0 && socket.send_queue() == 0 && self.segments == self.taken;
        if empty {
            self.rings.hand_back();
        }
        empty
    }

    fn both_finished(&self) -> bool {
        self.far_end == FarEnd::Closed && self.laptop_finished
    }

    fn socket(&self) -> &Socket<'static> {
        self.sockets.get::<Socket>(self.handle)
    }
}

/// A small slice would keep the whole chunk alive that it came in.
fn own_if_small(bytes: Bytes) -> Bytes {
    const SMALL: usize = 2 * 1024;
    if bytes.len() < SMALL { Bytes::copy_from_slice(&bytes) } else { bytes }
}
