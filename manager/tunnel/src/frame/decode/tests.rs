use bytes::BufMut;
use proptest::prelude::*;

use super::*;

fn address() -> impl Strategy<Value = std::net::SocketAddr> {
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(|(ip, port)| (ip, port).into()),
        any::<([u8; 16], u16)>().prop_map(|(ip, port)| (ip, port).into()),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    let flow = any::<u32>().prop_map(FlowId);
    let kind = prop_oneof![Just(Kind::Tcp), Just(Kind::Udp), Just(Kind::Echo)];
    let reason = prop_oneof![Just(Reason::Refused), Just(Reason::Limit), Just(Reason::Reset)];
    let bytes = proptest::collection::vec(any::<u8>(), 1..300).prop_map(Bytes::from);
    prop_oneof![
        (flow.clone(), kind, address()).prop_map(|(flow, kind, target)| Frame::Open { flow, kind, target }),
        (flow.clone(), any::<u32>()).prop_map(|(flow, round_trip_us)| Frame::OpenOk { flow, round_trip_us }),
        (flow.clone(), reason.clone()).prop_map(|(flow, reason)| Frame::OpenErr { flow, reason }),
        (flow.clone(), bytes.clone()).prop_map(|(flow, bytes)| Frame::Data { flow, bytes }),
        flow.clone().prop_map(|flow| Frame::Fin { flow }),
        (flow.clone(), reason).prop_map(|(flow, reason)| Frame::Rst { flow, reason }),
        (flow.clone(), any::<(u64, u64)>()).prop_map(|(flow, (consumed, limit))| Frame::Credit {
            flow,
            consumed,
            limit
        }),
        (flow, bytes.clone()).prop_map(|(flow, bytes)| Frame::Datagram { flow, bytes }),
        any::<u64>().prop_map(|token| Frame::Ping { token }),
        any::<u64>().prop_map(|token| Frame::Pong { token }),
        Just(Frame::GoAway),
        (any::<u32>(), bytes.clone()).prop_map(|(id, message)| Frame::Query { id, message }),
        (any::<u32>(), bytes).prop_map(|(id, message)| Frame::Answer { id, message }),
    ]
}

fn wire(frames: &[Frame], message: usize) -> Bytes {
    let mut bytes = BytesMut::new();
    frames.iter().for_each(|frame| frame.encode(&mut bytes));
    let mut wire = BytesMut::new();
    for part in bytes.chunks(message) {
        wire.put_u8(0);
        wire.put_u32(part.len() as u32);
        wire.put_slice(part);
    }
    wire.freeze()
}

/// Joins the pieces of a DATA frame again, so that two cuts of the same wire can be compared.
fn joined(frames: Vec<Frame>) -> Vec<Frame> {
    let mut whole: Vec<Frame> = Vec::new();
    for frame in frames {
        if let (Some(Frame::Data { flow: last, bytes: before }), Frame::Data { flow, bytes }) =
            (whole.last_mut(), &frame)
            && last == flow
        {
            *before = [before.as_ref(), bytes.as_ref()].concat().into();
            continue;
        }
        whole.push(frame);
    }
    whole
}

proptest! {
    #[test]
    fn frames_survive_any_cut(frames in proptest::collection::vec(frame(), 1..20), message in 1usize..400, cut in 1usize..400) {
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        for chunk in wire(&frames, message).chunks(cut) {
            decoder
                .receive(Bytes::copy_from_slice(chunk), |frame| {
                    seen.push(frame);
                    Ok::<(), WireError>(())
                })
                .unwrap();
        }
        prop_assert_eq!(joined(seen), joined(frames));
    }

    #[test]
    fn random_bytes_end_in_an_error_or_in_frames(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut decoder = Decoder::default();
        let _ = decoder.receive(bytes.into(), |_| Ok::<(), WireError>(()));
    }
}

#[test]
fn undefined_values_are_named() {
    let cases: [(&[u8], WireError); 4] = [
        (&[99], WireError::UnknownFrame(99)),
        (&[kind::RST, 0, 0, 0, 1, 77], WireError::BadField(kind::RST)),
        (&[kind::OPEN, 0, 0, 0, 1, 9, 4], WireError::BadField(kind::OPEN)),
        (&[kind::OPEN, 0, 0, 0, 1, 1, 5], WireError::BadField(kind::OPEN)),
    ];
    for (bytes, error) in cases {
        let mut wire = vec![0, 0, 0, 0, bytes.len() as u8];
        wire.extend_from_slice(bytes);
        assert_eq!(Decoder::default().receive(wire.into(), |_| Ok(())), Err(error));
    }
    assert_eq!(Decoder::default().receive(vec![1, 0, 0, 0, 0].into(), |_| Ok(())), Err(WireError::Compressed));
}
