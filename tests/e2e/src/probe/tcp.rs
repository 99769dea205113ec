//! Single TCP connections: how they open, what they carry, how they end.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use socket2::{SockRef, TcpKeepalive};

use super::statistics::summary;
use super::{flood, server};

/// No single read or connect may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects until it works.
pub fn wait(target: SocketAddr) -> Result<Value> {
    let started = Instant::now();
    loop {
        match TcpStream::connect_timeout(&target, Duration::from_secs(1)) {
            Ok(_) => return Ok(json!({ "ms": started.elapsed().as_secs_f64() * 1e3 })),
            Err(error) if started.elapsed() > PATIENCE => bail!("{target} takes no connection: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Times failing connects; all have to be refused.
pub fn refused(target: SocketAddr, count: usize) -> Result<Value> {
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        match TcpStream::connect_timeout(&target, PATIENCE) {
            Ok(_) => bail!("{target} took a connection although nobody listens there"),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => samples.push(started.elapsed()),
            Err(error) => bail!("{target} should refuse, but: {error}"),
        }
    }
    Ok(summary(samples))
}

/// Bytes in one direction.
pub fn flood(target: SocketAddr, direction: flood::Direction, seconds: u64) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(target).await.with_context(|| format!("connecting to {target}"))?;
        flood::measure(stream, direction, Duration::from_secs(seconds)).await
    })
}

/// The server's echo has to arrive in full after the client has closed its side.
pub fn half_close(target: SocketAddr, bytes: usize) -> Result<Value> {
    let started = Instant::now();
    let stream = connect(target)?;
    let sent: Vec<u8> = Pattern::new(7).take(bytes).collect();
    let mut received = Vec::with_capacity(bytes);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (&stream).write_all(&sent)?;
            stream.shutdown(Shutdown::Write)
        });
        (&stream).read_to_end(&mut received).context("reading the echo")?;
        writer.join().expect("the writer does not panic").context("sending")
    })?;
    ensure!(received == sent, "{} bytes of {bytes} came back, or others", received.len());
    Ok(json!({ "ms": started.elapsed().as_secs_f64() * 1e3 }))
}

/// The server's reset has to arrive as a reset.
pub fn reset_in(target: SocketAddr) -> Result<Value> {
    let mut stream = connect(target)?;
    stream.write_all(b"x")?;
    let started = Instant::now();
    match stream.read(&mut [0; 1]) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {
            Ok(json!({ "ms": started.elapsed().as_secs_f64() * 1e3 }))
        }
        Ok(length) => bail!("expected a reset, read {length} bytes"),
        Err(error) => bail!("expected a reset: {error}"),
    }
}

/// The client's reset has to reach the server as a reset.
pub fn reset_out(target: SocketAddr) -> Result<Value> {
    let token = format!("{}-{}", std::process::id(), target.is_ipv6());
    let mut watched = connect(target)?;
    writeln!(watched, "watch {token}")?;
    ensure!(read_line(&watched)? == "watching", "the witness does not watch");
    SockRef::from(&watched).set_linger(Some(Duration::ZERO))?;
    drop(watched);
    let mut asking = connect(target)?;
    writeln!(asking, "ask {token}")?;
    let ending = read_line(&asking)?;
    ensure!(ending == "reset", "the server saw the connection end as {ending:?}");
    Ok(json!({ "ending": ending }))
}

/// Times small requests, one after another on one connection.
pub fn ping_pong(target: SocketAddr, size: usize, count: usize, pause: u64) -> Result<Value> {
    let mut stream = connect(target)?;
    let mut buffer = vec![b'x'; size];
    let mut samples = Vec::with_capacity(count);
    // The first hundred warm caches and wake sleeping threads.
    for round in 0..count + 100 {
        let started = Instant::now();
        stream.write_all(&buffer)?;
        stream.read_exact(&mut buffer)?;
        if round >= 100 {
            samples.push(started.elapsed());
        }
        if pause > 0 {
            std::thread::sleep(Duration::from_micros(pause));
        }
    }
    Ok(summary(samples))
}

/// Keeps one connection busy until it breaks, and tells how and when it did.
pub fn linger(target: SocketAddr, seconds: u64) -> Result<Value> {
    let started = Instant::now();
    let mut stream = connect(target)?;
    // Whoever answers may die between taking a byte and echoing it, with nothing left to retransmit.
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(1)))?;
    while started.elapsed() < Duration::from_secs(seconds) {
        let outcome = stream.write_all(b"x").and_then(|()| stream.read_exact(&mut [0; 1]));
        if let Err(error) = outcome {
            return Ok(json!({
                "ended": format!("{:?}", error.kind()),
                "unix_ms": unix_milliseconds(),
                "ms": started.elapsed().as_secs_f64() * 1e3,
            }));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(json!({ "ended": null }))
}

/// Connects and exchanges one byte until that succeeds.
pub fn recover(target: SocketAddr, seconds: u64) -> Result<Value> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(seconds) {
        if exchange(target, Duration::from_millis(200)).is_ok() {
            return Ok(json!({ "ms": started.elapsed().as_secs_f64() * 1e3, "unix_ms": unix_milliseconds() }));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("{target} does not answer after {seconds} s")
}

/// Writes until nothing more is taken; every queue on the way has to have a bound.
pub fn stall(target: SocketAddr) -> Result<Value> {
    let mut stream = connect(target)?;
    stream.set_write_timeout(Some(Duration::from_millis(1500)))?;
    let block = vec![b'x'; 64 * 1024];
    let mut taken: usize = 0;
    loop {
        match stream.write(&block) {
            Ok(length) => taken += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => bail!("after {taken} bytes: {error}"),
        }
        ensure!(taken < 1 << 30, "a gigabyte was taken for a server that does not read");
    }
    Ok(json!({ "bytes": taken }))
}

/// Sends `up` checked bytes, then takes `down` checked bytes.
pub fn checksum(target: SocketAddr, up: u64, down: u64) -> Result<Value> {
    let started = Instant::now();
    let mut stream = connect(target)?;
    let seed = 0x9e37_79b9_7f4a_7c15 ^ u64::from(std::process::id());
    for number in [seed, up, down] {
        stream.write_all(&number.to_be_bytes())?;
    }
    let sent = send(&mut stream, seed, up)?;
    let seen = read_number(&mut stream).context("waiting for the server's checksum")?;
    ensure!(seen == sent, "the server got other bytes than were sent");
    let received = receive(&mut stream, down)?;
    ensure!(received == read_number(&mut stream)?, "other bytes arrived than the server sent");
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({ "bytes": up + down, "mbit_s": (up + down) as f64 * 8e-6 / seconds }))
}

/// The other side of [`checksum`].
pub fn serve_checksums(address: SocketAddr) -> Result<()> {
    let listener: TcpListener = server::listen(address)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_checksum(stream));
        }
    });
    Ok(())
}

fn answer_checksum(mut stream: TcpStream) -> Result<()> {
    let seed = read_number(&mut stream)?;
    let up = read_number(&mut stream)?;
    let down = read_number(&mut stream)?;
    let received = receive(&mut stream, up)?;
    stream.write_all(&received.to_be_bytes())?;
    let sent = send(&mut stream, !seed, down)?;
    stream.write_all(&sent.to_be_bytes())?;
    Ok(())
}

fn exchange(target: SocketAddr, limit: Duration) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&target, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"x")?;
    stream.read_exact(&mut [0; 1])
}

fn connect(target: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&target, PATIENCE).with_context(|| format!("connecting to {target}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn read_line(stream: &TcpStream) -> Result<String> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn read_number(stream: &mut TcpStream) -> Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn send(stream: &mut TcpStream, seed: u64, bytes: u64) -> Result<u64> {
    let (mut pattern, mut sum) = (Words(seed), Sum::default());
    let mut block = vec![0; 128 * 1024];
    let mut left = bytes;
    while left > 0 {
        block.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&pattern.next().to_le_bytes()));
        let part = &block[..left.min(block.len() as u64) as usize];
        sum.add(part);
        stream.write_all(part)?;
        left -= part.len() as u64;
    }
    Ok(sum.0)
}

/// Reads in blocks of the size that [`send`] sums over, so that both sums cut the bytes alike.
fn receive(stream: &mut TcpStream, bytes: u64) -> Result<u64> {
    let mut sum = Sum::default();
    let mut block = vec![0; 128 * 1024];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(block.len() as u64) as usize;
        stream.read_exact(&mut block[..part]).with_context(|| format!("{left} of {bytes} bytes were still to come"))?;
        sum.add(&block[..part]);
        left -= part as u64;
    }
    Ok(sum.0)
}

/// Pseudo-random words (xorshift64).
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A sum that depends on each byte's place.
#[derive(Default)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        for &byte in words.remainder() {
            self.0 = (self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }
}

/// Bytes that repeat late.
struct Pattern(Words);

impl Pattern {
    fn new(seed: u64) -> Pattern {
        Pattern(Words(seed))
    }
}

impl Iterator for Pattern {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        Some(self.0.next() as u8)
    }
}

fn unix_milliseconds() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0.0, |now| now.as_secs_f64() * 1e3)
}
