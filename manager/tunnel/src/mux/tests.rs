use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// One end with the streams that it sends and receives.
struct End {
    mux: Mux,
    outgoing: HashMap<FlowId, (Vec<u8>, bool)>,
    incoming: HashMap<FlowId, Vec<u8>>,
    finished: Vec<FlowId>,
    refused: Vec<(FlowId, Reason)>,
    datagrams: Vec<Bytes>,
    now: Instant,
}

struct Streams<'a>(&'a mut HashMap<FlowId, (Vec<u8>, bool)>);

impl Source for Streams<'_> {
    fn pull(&mut self, flow: FlowId, room: usize, out: &mut BytesMut) -> Pull {
        let Some((bytes, end)) = self.0.get_mut(&flow) else { return Pull::Empty };
        let taken: Vec<u8> = bytes.drain(..room.min(bytes.len())).collect();
        out.extend_from_slice(&taken);
        match (bytes.is_empty(), *end) {
            (true, true) => Pull::End,
            (true, false) => Pull::Empty,
            _ => Pull::More,
        }
    }
}

impl End {
    fn new(side: Side) -> Self {
        let now = Instant::now();
        Self {
            mux: Mux::new(side, now),
            outgoing: HashMap::new(),
            incoming: HashMap::new(),
            finished: Vec::new(),
            refused: Vec::new(),
            datagrams: Vec::new(),
            now,
        }
    }

    fn say(&mut self, flow: FlowId, bytes: &[u8], end: bool) {
        let stream = self.outgoing.entry(flow).or_default();
        stream.0.extend_from_slice(bytes);
        stream.1 |= end;
        self.mux.ready(flow);
    }

    fn transmit(&mut self) -> Bytes {
        let mut batch = BytesMut::new();
        batch.put_bytes(0, 5);
        self.mux.transmit(&mut batch, 65_000, self.now, &mut Streams(&mut self.outgoing));
        let length = batch.len() as u32 - 5;
        batch[1..5].copy_from_slice(&length.to_be_bytes());
        if length == 0 { Bytes::new() } else { batch.freeze() }
    }

    fn receive(&mut self, bytes: Bytes, read: bool) -> Result<(), WireError> {
        let mut events = Vec::new();
        self.mux.receive(bytes, self.now, &mut events)?;
        for event in events {
            match event {
                Event::Opened { flow, target, .. } if target.port() == 1 => self.mux.reject(flow, Reason::Refused),
                Event::Opened { flow, .. } => self.mux.accept(flow, 7),
                Event::Rejected { flow, reason } => self.refused.push((flow, reason)),
                Event::Data { flow, bytes } => {
                    if read {
                        self.mux.consumed(flow, bytes.len(), self.now);
                    }
                    self.incoming.entry(flow).or_default().extend_from_slice(&bytes);
                }
                Event::Finished { flow } => self.finished.push(flow),
                Event::Datagram { bytes, .. } => self.datagrams.push(bytes),
                _ => {}
            }
        }
        Ok(())
    }
}

fn settle(one: &mut End, two: &mut End, read: bool) {
    for _ in 0..10_000 {
        let (there, back) = (one.transmit(), two.transmit());
        if there.is_empty() && back.is_empty() {
            return;
        }
        two.receive(there, read).unwrap();
        one.receive(back, read).unwrap();
    }
    panic!("two ends do not come to rest");
}

/// The lengths of the DATA frames in a batch of so many bytes.
fn data_frames(end: &mut End, size: usize) -> Vec<usize> {
    let mut batch = BytesMut::zeroed(5);
    end.mux.transmit(&mut batch, size, end.now, &mut Streams(&mut end.outgoing));
    let length = batch.len() as u32 - 5;
    batch[1..5].copy_from_slice(&length.to_be_bytes());
    let mut lengths = Vec::new();
    let deliver = |frame| {
        if let Frame::Data { bytes, .. } = frame {
            lengths.push(bytes.len());
        }
        Ok::<(), WireError>(())
    };
    Decoder::default().receive(batch.freeze(), deliver).unwrap();
    lengths
}

fn target(port: u16) -> SocketAddr {
    ([10, 0, 0, 1], port).into()
}

#[test]
fn a_stream_crosses_whole_and_ends_in_both_directions() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let flow = client.mux.open(Kind::Tcp, target(80)).unwrap();
    settle(&mut client, &mut server, true);
    let sent: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    client.say(flow, &sent, true);
    settle(&mut client, &mut server, true);
    assert!(server.incoming[&flow] == sent, "the bytes differ");
    assert_eq!((server.finished.clone(), client.finished.len()), (vec![flow], 0));
    server.say(flow, b"bye", true);
    settle(&mut client, &mut server, true);
    assert_eq!(client.incoming[&flow], b"bye");
    assert_eq!((client.mux.flow_count(), server.mux.flow_count()), (0, 0));
}

#[test]
fn a_reader_that_stops_blocks_only_its_own_flow() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let stuck = client.mux.open(Kind::Tcp, target(80)).unwrap();
    client.say(stuck, &vec![1; 3_000_000], false);
    settle(&mut client, &mut server, false);
    assert_eq!(server.incoming[&stuck].len() as u64, limits::INITIAL_CREDIT);
    let free = client.mux.open(Kind::Tcp, target(80)).unwrap();
    client.say(free, b"hello", true);
    settle(&mut client, &mut server, false);
    assert_eq!(server.incoming[&free], b"hello");
}

#[test]
fn small_flows_overtake_bulk() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let bulk: Vec<FlowId> = (0..8).map(|_| client.mux.open(Kind::Tcp, target(80)).unwrap()).collect();
    bulk.iter().for_each(|flow| client.say(*flow, &vec![1; 500_000], false));
    for _ in 0..20 {
        let batch = client.transmit();
        server.receive(batch, true).unwrap();
    }
    let small = client.mux.open(Kind::Tcp, target(80)).unwrap();
    client.say(small, b"hello", false);
    let batch = client.transmit();
    server.receive(batch, true).unwrap();
    assert_eq!(server.incoming[&small], b"hello", "it was in the very next batch");
}

#[test]
fn bulk_flows_share_evenly() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let flows: Vec<FlowId> = (0..16).map(|_| client.mux.open(Kind::Tcp, target(80)).unwrap()).collect();
    flows.iter().for_each(|flow| client.say(*flow, &vec![1; 4_000_000], false));
    for _ in 0..200 {
        let (there, back) = (client.transmit(), server.transmit());
        server.receive(there, true).unwrap();
        client.receive(back, true).unwrap();
    }
    let amounts: Vec<usize> = flows.iter().map(|flow| server.incoming[flow].len()).collect();
    let (least, most) = (amounts.iter().min().unwrap(), amounts.iter().max().unwrap());
    assert!(*least as f64 / *most as f64 > 0.9, "{amounts:?}");
}

#[test]
fn a_batch_of_one_bulk_flow_is_one_packet_of_the_laptops_device() {
    let share = 65_411;
    assert!(share <= 65_520 - 60, "one packet, also over IPv6");
    let mut client = End::new(Side::Client);
    let flow = client.mux.open(Kind::Tcp, target(80)).unwrap();
    client.transmit();
    client.say(flow, &vec![1; 7 * share], false);
    for _ in 0..7 {
        assert_eq!(data_frames(&mut client, limits::BATCH), [share]);
    }
    assert!(!client.mux.has_output());
}

#[test]
fn no_frame_is_longer_than_its_length_can_say() {
    let mut client = End::new(Side::Client);
    let flow = client.mux.open(Kind::Tcp, target(80)).unwrap();
    client.say(flow, &vec![1; 150_000], false);
    assert_eq!(data_frames(&mut client, 200_000), [65_535, 65_535, 18_930]);
}

#[test]
fn a_batch_of_many_bulk_flows_is_two_frames() {
    let mut client = End::new(Side::Client);
    let flows: Vec<FlowId> = (0..5).map(|_| client.mux.open(Kind::Tcp, target(80)).unwrap()).collect();
    flows.iter().for_each(|flow| client.say(*flow, &vec![1; 500_000], false));
    for _ in 0..20 {
        // The first batches carry the OPENs too.
        client.mux.query(1, Bytes::from_static(&[0; 40]));
        assert_eq!(data_frames(&mut client, limits::BATCH).len(), 2);
    }
}

#[test]
fn a_refused_flow_is_gone_on_both_sides() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let flow = client.mux.open(Kind::Tcp, target(1)).unwrap();
    settle(&mut client, &mut server, true);
    assert_eq!(client.refused, [(flow, Reason::Refused)]);
    assert_eq!((client.mux.flow_count(), server.mux.flow_count()), (0, 0));
}

#[test]
fn datagrams_keep_their_borders_and_the_oldest_go_first() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let flow = client.mux.open(Kind::Udp, target(53)).unwrap();
    settle(&mut client, &mut server, true);
    let extra = 10;
    for number in 0..limits::QUEUED_DATAGRAMS + extra {
        client.mux.datagram(flow, Bytes::from(number.to_string()));
    }
    assert_eq!(client.mux.dropped_datagrams(), extra as u64);
    settle(&mut client, &mut server, true);
    let wanted: Vec<Bytes> = (extra..limits::QUEUED_DATAGRAMS + extra).map(|n| n.to_string().into()).collect();
    assert_eq!(server.datagrams, wanted);
    let largest = Bytes::from(vec![7; 65_507]);
    client.mux.datagram(flow, largest.clone());
    settle(&mut client, &mut server, true);
    assert_eq!(server.datagrams.last(), Some(&largest));
}

#[test]
fn a_link_without_a_sound_is_silent_and_a_clock_that_jumped_is_not() {
    let mut client = End::new(Side::Client);
    let begin = client.now;
    assert_eq!(client.mux.tick(begin), Ok(()));
    for second in 1..5 {
        assert_eq!(client.mux.tick(begin + Duration::from_secs(second)), Ok(()), "after {second} s");
    }
    assert_eq!(client.mux.tick(begin + limits::SILENCE), Err(Silent));
    let mut sleeper = End::new(Side::Client);
    sleeper.mux.tick(begin).unwrap();
    let woken = begin + Duration::from_secs(3600);
    assert_eq!(sleeper.mux.tick(woken), Ok(()), "asked first");
    assert_eq!(sleeper.mux.tick(woken + limits::SILENCE), Err(Silent));
}

#[test]
fn a_link_that_is_doubted_has_to_answer_soon() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let begin = client.now;
    client.mux.tick(begin).unwrap();
    settle(&mut client, &mut server, false);
    client.mux.probe(begin);
    assert_eq!(client.mux.next_deadline(), begin, "asked at once");
    client.mux.tick(begin).unwrap();
    settle(&mut client, &mut server, false);
    assert_eq!(client.mux.tick(begin + limits::PROBE), Ok(()), "it has answered");

    let again = begin + limits::PROBE;
    client.mux.probe(again);
    client.mux.tick(again).unwrap();
    assert_eq!(client.mux.next_deadline(), again + limits::PROBE);
    assert_eq!(client.mux.tick(again + limits::PROBE), Err(Silent));
}

#[test]
fn a_busy_link_that_is_doubted_need_not_answer_in_turn() {
    let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
    let begin = client.now;
    let flow = client.mux.open(Kind::Tcp, target(80)).unwrap();
    client.mux.tick(begin).unwrap();
    settle(&mut client, &mut server, true);
    client.mux.probe(begin);
    client.mux.tick(begin).unwrap();
    // The answer waits behind what was sent before.
    server.say(flow, b"a part of much", false);
    client.now = begin + limits::PROBE / 2;
    client.receive(server.transmit(), true).unwrap();
    let late = begin + 2 * limits::PROBE;
    assert_eq!(client.mux.tick(late), Ok(()), "it was heard since");
    assert_eq!(client.mux.tick(client.now + limits::SILENCE), Err(Silent), "and then no more");
}

#[test]
fn who_sends_beyond_credit_or_reuses_a_number_breaks_the_protocol() {
    let encode = |frames: &[Frame]| {
        let mut body = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut body));
        let mut wire = BytesMut::new();
        wire.put_u8(0);
        wire.put_u32(body.len() as u32);
        wire.put(body);
        wire.freeze()
    };
    let flow = FlowId(1);
    let open = Frame::Open { flow, kind: Kind::Tcp, target: target(80) };
    let much = vec![Frame::Data { flow, bytes: Bytes::from(vec![0; 60_000]) }; 9];
    let cases = [
        (encode(&[open.clone(), open.clone()]), WireError::BadFlow(1)),
        (encode(&[Frame::Open { flow: FlowId(2), kind: Kind::Tcp, target: target(80) }]), WireError::BadFlow(2)),
        (encode(&[std::slice::from_ref(&open), much.as_slice()].concat()), WireError::BeyondCredit(1)),
        (encode(&[open.clone(), Frame::Fin { flow }, Frame::Fin { flow }]), WireError::AfterEnd(1)),
    ];
    for (wire, error) in cases {
        assert_eq!(End::new(Side::Server).receive(wire, false), Err(error));
    }
}

proptest! {
    #[test]
    fn streams_cross_whole_whatever_their_sizes(sizes in proptest::collection::vec(0usize..400_000, 1..20)) {
        let (mut client, mut server) = (End::new(Side::Client), End::new(Side::Server));
        let flows: Vec<(FlowId, Vec<u8>)> = sizes
            .iter()
            .map(|size| (client.mux.open(Kind::Tcp, target(80)).unwrap(), (0..*size).map(|n| (n % 253) as u8).collect()))
            .collect();
        flows.iter().for_each(|(flow, bytes)| client.say(*flow, bytes, true));
        settle(&mut client, &mut server, true);
        for (flow, bytes) in &flows {
            prop_assert!(server.incoming.get(flow).map_or(&[][..], Vec::as_slice) == bytes.as_slice());
        }
        prop_assert_eq!(server.finished.len(), flows.len());
    }
}
