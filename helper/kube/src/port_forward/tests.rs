//! A server written by hand on the other end of a pipe.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const DATA: u8 = 0;
const ERROR: u8 = 1;

/// A frame as a server sends it.
fn frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![opcode | if last { 0x80 } else { 0 }];
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..65_536 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

fn data(payload: &[u8]) -> Vec<u8> {
    frame(2, true, &[&[DATA], payload].concat())
}

/// What a kubelet says first.
fn greeting() -> Vec<u8> {
    [frame(2, true, &[DATA, 0x84, 0x1c]), frame(2, true, &[ERROR, 0x84, 0x1c])].concat()
}

fn pair(early: &[u8]) -> (PortForward, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    (PortForward::new(Box::new(near), &Bytes::copy_from_slice(early), Protocol::Channels, 7300), far)
}

/// Reads a client's frame: opcode and payload.
async fn read_frame(far: &mut DuplexStream) -> (u8, Vec<u8>) {
    let first = far.read_u8().await.unwrap();
    let length = match far.read_u8().await.unwrap() & 0x7f {
        126 => far.read_u16().await.unwrap().into(),
        127 => far.read_u64().await.unwrap(),
        length => length.into(),
    };
    let mut mask = [0; 4];
    far.read_exact(&mut mask).await.unwrap();
    let mut payload = vec![0; length as usize];
    far.read_exact(&mut payload).await.unwrap();
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    (first & 0x0f, payload)
}

#[tokio::test]
async fn bytes_arrive_however_they_are_cut() {
    let sent: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let mut wire = greeting();
    // In one message, in parts with a ping between, with empty messages, and one that is as long as can be.
    wire.extend(data(&sent[..10]));
    wire.extend(frame(2, false, &[&[DATA], &sent[10..500]].concat()));
    wire.extend(frame(9, true, b"here?"));
    wire.extend(frame(0, false, &[]));
    wire.extend(frame(0, true, &sent[500..1_000]));
    wire.extend(data(&[]));
    wire.extend(frame(2, true, &[]));
    wire.extend(data(&sent[1_000..]));
    wire.extend(frame(8, true, &[3, 232]));
    for cut in [1, 2, 3, 7, 1_000, 100_000, wire.len()] {
        let (mut forward, mut far) = pair(&wire[..cut.min(20)]);
        let rest = wire[cut.min(20)..].to_vec();
        let server = tokio::spawn(async move {
            for piece in rest.chunks(cut) {
                far.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert_eq!(read_frame(&mut far).await, (10, b"here?".to_vec()));
        });
        let mut heard = Vec::new();
        forward.read_to_end(&mut heard).await.unwrap();
        assert!(heard == sent, "cut at {cut}: {} bytes", heard.len());
        server.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_written_arrives_in_messages_of_the_data_channel() {
    let (mut forward, mut far) = pair(&[]);
    let sent: Vec<u8> = (0..200_000u32).map(|n| (n % 249) as u8).collect();
    let copy = sent.clone();
    let writer = tokio::spawn(async move {
        forward.write_all(&copy).await.unwrap();
        forward.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    loop {
        let (opcode, payload) = read_frame(&mut far).await;
        if opcode == 8 {
            break;
        }
        assert_eq!((opcode, payload[0]), (2, DATA));
        assert!(payload.len() <= limits::MESSAGE + 1);
        heard.extend_from_slice(&payload[1..]);
    }
    assert!(heard == sent);
    writer.await.unwrap();
}

#[tokio::test]
async fn slices_go_out_in_one_message() {
    let (mut forward, mut far) = pair(&[]);
    let slices: Vec<IoSlice<'_>> = [b"ab".as_slice(), b"", b"cde"].iter().map(|part| IoSlice::new(part)).collect();
    assert_eq!(forward.write_vectored(&slices).await.unwrap(), 5);
    assert_eq!(read_frame(&mut far).await, (2, b"\0abcde".to_vec()));
}

#[tokio::test]
async fn a_dead_port_is_an_error_with_its_reason() {
    let said = b"error forwarding port 7300 to pod x: dial tcp4 127.0.0.1:7300: connect: connection refused";
    let mut wire = greeting();
    wire.extend(frame(2, true, &[&[ERROR], said.as_slice()].concat()));
    let (mut forward, _far) = pair(&wire);
    let error = forward.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("port 7300 to pod x"));
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_an_error() {
    for wire in [frame(2, true, &[9, 9]), frame(3, true, &[]), vec![0x82, 0x81, 0, 0, 0, 0, 0]] {
        let (mut forward, _far) = pair(&wire);
        let error = forward.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{wire:x?}");
    }
}

#[tokio::test]
async fn pings_of_a_server_that_does_not_read_do_not_pile_up() {
    let wire = frame(9, true, &[0; 125]).repeat(2_000);
    let (near, _far) = duplex(1);
    let mut forward = PortForward::new(Box::new(near), &Bytes::from(wire), Protocol::Channels, 7300);
    let read = tokio::time::timeout(std::time::Duration::from_millis(50), forward.read_u8());
    assert!(read.await.is_err());
    assert!(forward.socket.waiting() <= limits::MESSAGE + 200);
}

/// A SPDY frame of data.
fn spdy_data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = stream.to_be_bytes().to_vec();
    bytes.push(flags);
    bytes.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.extend_from_slice(payload);
    bytes
}

/// A SPDY control frame.
fn spdy_control(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, 3, 0, kind, 0];
    bytes.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    bytes.extend_from_slice(payload);
    bytes
}

fn spdy_pair(early: &[u8]) -> (PortForward, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    (PortForward::new(Box::new(near), &Bytes::copy_from_slice(early), Protocol::Spdy, 7300), far)
}

#[tokio::test]
async fn spdy_frames_arrive_however_they_are_cut() {
    let sent: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let mut wire = spdy_control(2, &[0, 0, 0, 1, 0, 0, 0, 0]);
    wire.extend(spdy_data(3, 0, &sent[..100]));
    wire.extend(spdy_control(6, &[0, 0, 0, 2]));
    wire.extend(spdy_data(1, 1, &[]));
    wire.extend(spdy_data(3, 0, &[]));
    wire.extend(spdy_data(3, 1, &sent[100..]));
    for cut in [1, 2, 3, 7, 1_000, 100_000, wire.len()] {
        let (mut forward, mut far) = spdy_pair(&[]);
        let rest = wire.clone();
        let server = tokio::spawn(async move {
            // Borders of messages are none of frames.
            for piece in rest.chunks(cut) {
                far.write_all(&frame(2, true, piece)).await.unwrap();
                tokio::task::yield_now().await;
            }
            let (_, greeting) = read_frame(&mut far).await;
            assert_eq!(&greeting[..4], [0x80, 3, 0, 1]);
            assert_eq!(read_frame(&mut far).await, (2, spdy_control(6, &[0, 0, 0, 2])), "the ping is answered");
        });
        let mut heard = Vec::new();
        forward.read_to_end(&mut heard).await.unwrap();
        assert!(heard == sent, "cut at {cut}: {} bytes", heard.len());
        server.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_written_arrives_in_frames_of_the_data_stream() {
    let (mut forward, mut far) = spdy_pair(&[]);
    let slices: Vec<IoSlice<'_>> = [b"ab".as_slice(), b"", b"cde"].iter().map(|part| IoSlice::new(part)).collect();
    assert_eq!(forward.write_vectored(&slices).await.unwrap(), 5);
    let (_, greeting) = read_frame(&mut far).await;
    assert!(greeting.windows(4).any(|part| part == b"7300"), "{greeting:x?}");
    assert_eq!(read_frame(&mut far).await, (2, spdy_data(3, 0, b"abcde")));
}

#[tokio::test]
async fn a_dead_port_is_an_error_with_its_reason_over_spdy_too() {
    let said = b"error forwarding port 7300 to pod x: connect: connection refused";
    for (ends, kind) in [
        ([spdy_data(1, 0, said), spdy_data(1, 1, &[])].concat(), io::ErrorKind::ConnectionRefused),
        ([spdy_data(1, 0, said), spdy_data(3, 1, &[])].concat(), io::ErrorKind::ConnectionRefused),
        (
            [spdy_data(1, 0, said), spdy_control(3, &[0, 0, 0, 3, 0, 0, 0, 5])].concat(),
            io::ErrorKind::ConnectionRefused,
        ),
        (spdy_control(3, &[0, 0, 0, 3, 0, 0, 0, 5]), io::ErrorKind::ConnectionReset),
        (spdy_data(5, 0, b"x"), io::ErrorKind::InvalidData),
        (spdy_control(7, &[0; 8]), io::ErrorKind::UnexpectedEof),
    ] {
        let (mut forward, _far) = spdy_pair(&frame(2, true, &ends));
        assert_eq!(forward.read_u8().await.unwrap_err().kind(), kind, "{ends:x?}");
    }
}
