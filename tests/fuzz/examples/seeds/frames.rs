//! Frames in a row, after the byte that says how they are cut.

use bytes::{Bytes, BytesMut};
use hawser_tunnel::frame::{FlowId, Frame, Kind, Reason};

use crate::Seed;

/// Hands over everything at once.
const WHOLE: u8 = 255;

pub fn all() -> Vec<Seed> {
    let flow = FlowId(1);
    let open = |id: u32, kind, target: &str| Frame::Open {
        flow: FlowId(id),
        kind,
        target: target.parse().expect("a socket address"),
    };
    let tcp = || open(1, Kind::Tcp, "10.96.0.11:80");
    let data = |bytes: &'static [u8]| Frame::Data { flow, bytes: Bytes::from_static(bytes) };
    let datagram = |bytes: &'static [u8]| Frame::Datagram { flow: FlowId(3), bytes: Bytes::from_static(bytes) };
    let credit = |consumed, limit| Frame::Credit { flow, consumed, limit };
    let query = Bytes::from_static(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x00\x00\x01\x00\x01");
    vec![
        ("open-v4", cut(WHOLE, &[tcp()])),
        ("open-v6", cut(WHOLE, &[open(1, Kind::Tcp, "[fd00:96::11]:443")])),
        ("exchange", cut(WHOLE, &[tcp(), credit(0, 1 << 20), data(b"GET / HTTP/1.1\r\n\r\n"), Frame::Fin { flow }])),
        ("byte-by-byte", cut(1, &[tcp(), credit(0, 4096), data(b"hello"), credit(5, 8192), Frame::Fin { flow }])),
        ("reset", cut(3, &[tcp(), Frame::Rst { flow, reason: Reason::Reset }])),
        ("datagrams", cut(WHOLE, &[open(3, Kind::Udp, "10.96.0.13:7"), datagram(b""), datagram(&[9; 1200])])),
        ("echo", cut(WHOLE, &[open(3, Kind::Echo, "10.96.0.11:0"), datagram(b"\x00\x01are you there?")])),
        ("pings", cut(5, &[Frame::Ping { token: 7 }, Frame::Pong { token: 8 }, Frame::GoAway])),
        ("query", cut(WHOLE, &[Frame::Query { id: 1, message: query.clone() }])),
        (
            "query-twice",
            cut(9, &[Frame::Query { id: 1, message: query.clone() }, Frame::Query { id: 1, message: query }]),
        ),
        ("same-flow-twice", cut(WHOLE, &[tcp(), tcp()])),
        ("unopened-flow", cut(WHOLE, &[data(b"nobody asked"), Frame::Fin { flow }, credit(9, 3)])),
        ("credit-back", cut(WHOLE, &[tcp(), credit(0, 1 << 40), credit(0, 1)])),
        (
            "answers",
            cut(
                WHOLE,
                &[
                    Frame::OpenOk { flow, round_trip_us: 300 },
                    Frame::OpenErr { flow, reason: Reason::Refused },
                    Frame::Answer { id: 1, message: Bytes::new() },
                ],
            ),
        ),
    ]
}

fn cut(at: u8, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = BytesMut::from(&[at][..]);
    frames.iter().for_each(|frame| frame.encode(&mut bytes));
    bytes.to_vec()
}
