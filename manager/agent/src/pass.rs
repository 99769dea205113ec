//! A connection that is the app's, byte for byte, until something is wanted of its requests.
//!
//! Clients keep connections for hours. When an intercept begins, none is cut: one of HTTP/1.1 is given back where its next request
//! begins, and a client of HTTP/2 is told in the server's name to make another one, as servers do before they stop (GOAWAY,
//! RFC 9113, section 6.8). Nothing else is looked at.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::board::Board;
use crate::frames::{self, Frames};
use crate::http::sniff;
use crate::tap::Tap;

/// What one turn of a direction reads. All connections share it, as they take turns: an idle one has no buffer.
const BUFFER: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
}

/// How carrying a connection came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both directions have ended.
    Over,
    /// The client's next bytes are a request of HTTP/1.1 that an intercept may want; all before it are answered.
    Request,
}

/// Carries a connection to the app.
///
/// # Errors
/// Of either socket.
pub async fn carry(
    client: &mut TcpStream,
    app: &mut TcpStream,
    mut taps: Vec<Tap>,
    board: &Board,
    port: u16,
) -> io::Result<End> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_app, mut to_app) = app.split();
    let (answered, begun, http2) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    // More than one request may be unanswered: there is no telling any more where an answer is the last one.
    let mut pipelined = false;
    let requests = async {
        loop {
            from_client.readable().await?;
            if answered.load(Relaxed)
                && !pipelined
                && board.wants_requests(port)
                && sniff::begins_request(&mut from_client).await?
            {
                return Ok::<_, io::Error>(End::Request);
            }
            let left = turn(&mut from_client, &to_app, |bytes| {
                let waits = begun.load(Relaxed) && !answered.swap(false, Relaxed);
                pipelined |= !http2.load(Relaxed) && sniff::holds_another_request(bytes, waits);
                if !begun.swap(true, Relaxed) {
                    http2.store(bytes.starts_with(sniff::PREFACE), Relaxed);
                }
                taps.iter_mut().for_each(|tap| tap.offer(bytes));
            })
            .await?;
            let Some(left) = left else {
                taps.clear();
                to_app.shutdown().await?;
                return Ok(End::Over);
            };
            to_app.write_all(&left).await?;
        }
    };
    let answers = async {
        let mut changes = board.follow();
        let (mut frames, mut told) = (Frames::default(), false);
        loop {
            let is_http2 = http2.load(Relaxed);
            if is_http2 && !told && frames.is_between() && board.wants_requests(port) {
                to_client.write_all(&frames::GO_AWAY).await?;
                told = true;
            }
            let mut is_answer = true;
            let left = tokio::select! {
                biased;
                left = turn(&mut from_app, &to_client, |bytes| {
                    if http2.load(Relaxed) { frames.pass(bytes) }
                    // 100 and its like ask for the rest of a request.
                    is_answer = !bytes.starts_with(b"HTTP/1.1 1");
                }) => left?,
                _ = changes.changed(), if is_http2 && !told => continue,
            };
            let Some(left) = left else { return to_client.shutdown().await };
            to_client.write_all(&left).await?;
            if is_answer {
                answered.store(true, Relaxed);
            }
        }
    };
    tokio::pin!(requests, answers);
    let mut ended = false;
    loop {
        tokio::select! {
            end = &mut requests => match end? {
                End::Request => return Ok(End::Request),
                End::Over if ended => return Ok(End::Over),
                End::Over => return answers.await.map(|()| End::Over),
            },
            end = &mut answers, if !ended => { end?; ended = true; }
        }
    }
}

/// Moves what can be read now, or soon. Gives what could not be written at once; `None` at the end of the stream.
async fn turn(from: &mut ReadHalf<'_>, to: &WriteHalf<'_>, mut look: impl FnMut(&[u8])) -> io::Result<Option<Vec<u8>>> {
    poll_fn(|context| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *from).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            if bytes.is_empty() {
                return Poll::Ready(Ok(None));
            }
            look(bytes);
            let written = match to.try_write(bytes) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Poll::Ready(Err(error)),
            };
            Poll::Ready(Ok(Some(bytes[written..].to_vec())))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use bytes::Bytes;
    use hawser_tunnel::frame::{Kind, Reason};
    use hawser_tunnel::proto::{HttpFilter, Order, OrderPort};
    use hawser_tunnel::sockets::{Answer, Gate, Lead, Opener, Side, Sockets};
    use parking_lot::Mutex;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// Nobody is asked for anything here.
    struct Shut;

    impl Gate for Shut {
        fn lead(&self, _: Kind, _: SocketAddr) -> Result<Lead, Reason> {
            Err(Reason::Forbidden)
        }

        fn resolve(&self, _: Bytes) -> Answer<'_> {
            Box::pin(std::future::ready(None))
        }
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    fn filter(board: &Board) {
        let port = OrderPort { port: 80, udp: false, local_port: 9000 };
        let http = Some(HttpFilter { method: "GET".to_owned(), ..HttpFilter::default() });
        let order = Order { number: 1, linked: true, ports: vec![port], http, ..Order::default() };
        let opener = Opener::default();
        let sockets = Sockets::new(Side::Client, Arc::new(Shut), opener.clone());
        board.post("manager", &opener, &Arc::new(Mutex::new(sockets)), vec![order]);
    }

    async fn says(stream: &mut TcpStream, wanted: &[u8]) {
        let mut read = vec![0; wanted.len()];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(read, wanted);
    }

    #[tokio::test]
    async fn a_connection_is_given_back_where_a_request_begins() {
        let board = Board::default();
        let ((mut client, mut outer), (mut inner, mut app)) = (pair().await, pair().await);
        let talk = async {
            client.write_all(b"POST /1 HTTP/1.1\r\n\r\n").await.unwrap();
            says(&mut app, b"POST /1 HTTP/1.1\r\n\r\n").await;
            filter(&board);
            // What asks for the rest of a request answers none.
            app.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
            says(&mut client, b"HTTP/1.1 100 Continue\r\n\r\n").await;
            client.write_all(b"the rest").await.unwrap();
            says(&mut app, b"the rest").await;
            app.write_all(b"answer").await.unwrap();
            says(&mut client, b"answer").await;
            client.write_all(b"GET /3 HTTP/1.1\r\n\r\n").await.unwrap();
        };
        let (end, ()) = tokio::join!(carry(&mut outer, &mut inner, Vec::new(), &board, 80), talk);
        assert_eq!(end.unwrap(), End::Request);
        says(&mut outer, b"GET /3 HTTP/1.1\r\n\r\n").await;
    }

    #[tokio::test]
    async fn a_connection_whose_requests_do_not_wait_stays_the_app_s() {
        let board = Board::default();
        let ((mut client, mut outer), (mut inner, mut app)) = (pair().await, pair().await);
        let get = b"GET /1 HTTP/1.1\r\n\r\n";
        let talk = async {
            client.write_all(&get.repeat(2)).await.unwrap();
            says(&mut app, &get.repeat(2)).await;
            filter(&board);
            app.write_all(b"one answer").await.unwrap();
            says(&mut client, b"one answer").await;
            client.write_all(get).await.unwrap();
            says(&mut app, get).await;
            drop((client, app));
        };
        let (end, ()) = tokio::join!(carry(&mut outer, &mut inner, Vec::new(), &board, 80), talk);
        assert_eq!(end.unwrap(), End::Over);
    }

    #[tokio::test]
    async fn a_client_of_http2_is_told_to_come_again_between_two_frames() {
        let board = Board::default();
        let ((mut client, mut outer), (mut inner, mut app)) = (pair().await, pair().await);
        let frame = [0, 0, 4, 6, 0, 0, 0, 0, 0, b'p', b'i', b'n', b'g'];
        let talk = async {
            client.write_all(sniff::PREFACE).await.unwrap();
            says(&mut app, sniff::PREFACE).await;
            app.write_all(&frame[..11]).await.unwrap();
            says(&mut client, &frame[..11]).await;
            filter(&board);
            app.write_all(&frame[11..]).await.unwrap();
            says(&mut client, &frame[11..]).await;
            says(&mut client, &frames::GO_AWAY).await;
            app.write_all(&frame).await.unwrap();
            says(&mut client, &frame).await;
            drop((client, app));
        };
        let (end, ()) = tokio::join!(carry(&mut outer, &mut inner, Vec::new(), &board, 80), talk);
        assert_eq!(end.unwrap(), End::Over);
    }

    #[tokio::test]
    async fn all_bytes_arrive_at_a_slow_reader_and_ends_cross_one_by_one() {
        let board = Board::default();
        let ((mut client, mut outer), (mut inner, mut app)) = (pair().await, pair().await);
        let sent: Vec<u8> = (0..8_000_000_u32).map(|number| number.to_be_bytes()[3]).collect();
        let talk = async {
            let sending = async {
                client.write_all(&sent).await.unwrap();
                client.shutdown().await.unwrap();
            };
            let mut received = Vec::new();
            let receiving = async {
                tokio::task::yield_now().await;
                app.read_to_end(&mut received).await.unwrap();
            };
            tokio::join!(sending, receiving);
            assert!(received == sent);
            app.write_all(b"still here").await.unwrap();
            app.shutdown().await.unwrap();
            says(&mut client, b"still here").await;
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        };
        let (end, ()) = tokio::join!(carry(&mut outer, &mut inner, Vec::new(), &board, 80), talk);
        assert_eq!(end.unwrap(), End::Over);
    }
}
