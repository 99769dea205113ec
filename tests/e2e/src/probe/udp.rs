//! Datagrams: their sizes, their refusal, their rate.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use socket2::SockRef;

use super::{ports, server};

/// As much as the system grants is asked for.
const BUFFER: usize = 8 << 20;
/// How long one rate is tried.
const TRIAL: Duration = Duration::from_millis(400);
/// Share of lost datagrams that still counts as none.
const LOSS: f64 = 0.001;

type Counts = Arc<Mutex<HashMap<u64, u64>>>;

/// Sends one datagram of each size and expects it back unchanged.
pub fn sizes(target: SocketAddr, sizes: &[usize]) -> Result<Value> {
    let socket = socket(target)?;
    let mut buffer = vec![0; 65_536];
    let mut times = Vec::new();
    for &size in sizes {
        let sent: Vec<u8> = (0..size).map(|index| (index * 31 + size) as u8).collect();
        let started = Instant::now();
        socket.send(&sent).with_context(|| format!("sending {size} bytes"))?;
        let length = socket.recv(&mut buffer).with_context(|| format!("waiting for {size} bytes"))?;
        ensure!(buffer[..length] == sent, "of {size} bytes {length} came back, or others");
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    Ok(json!({ "sizes": sizes, "us": times }))
}

/// A closed port has to be refused as on a wire.
pub fn refused(target: SocketAddr) -> Result<Value> {
    let socket = socket(target)?;
    let started = Instant::now();
    socket.send(b"anybody?")?;
    match socket.recv(&mut [0; 16]) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Ok(json!({ "ms": started.elapsed().as_secs_f64() * 1e3 }))
        }
        Ok(_) => bail!("a closed port answered"),
        Err(error) => bail!("a closed port should refuse: {error}"),
    }
}

/// Doubles the rate until datagrams are lost, then halves the interval in between.
pub fn rate(target: SocketAddr, size: usize) -> Result<Value> {
    let mut tester = RateTester { socket: socket(target)?, target, payload: vec![0; size.max(16)], run: 0 };
    let (mut good, mut sustained) = (0.0, 0.0);
    let mut bad = 10_000.0;
    while let Some(received) = tester.holds(bad)? {
        (good, sustained) = (bad, received);
        if received < 0.9 * bad {
            // The sender itself is the limit.
            return Ok(json!({ "per_second": sustained, "sender_bound": true }));
        }
        bad *= 2.0;
    }
    while bad - good > 0.06 * bad && bad > 1000.0 {
        let middle = (good + bad) / 2.0;
        match tester.holds(middle)? {
            Some(received) => (good, sustained) = (middle, received),
            None => bad = middle,
        }
    }
    Ok(json!({ "per_second": sustained, "sender_bound": false }))
}

/// Echo and counter on the cluster's address.
pub fn serve(address: IpAddr) -> Result<()> {
    let echo = UdpSocket::bind((address, ports::UDP_ECHO))?;
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            if let Ok((length, from)) = echo.recv_from(&mut buffer) {
                let _ = echo.send_to(&buffer[..length], from);
            }
        }
    });
    let counts = Counts::default();
    let counter = UdpSocket::bind((address, ports::UDP_COUNT))?;
    let _ = SockRef::from(&counter).set_recv_buffer_size(BUFFER);
    std::thread::spawn({
        let counts = counts.clone();
        move || count(&counter, &counts)
    });
    let telling = server::listen(SocketAddr::new(address, ports::UDP_COUNT))?;
    std::thread::spawn(move || {
        for mut stream in telling.incoming().flatten() {
            let mut run = [0; 8];
            if stream.read_exact(&mut run).is_ok() {
                let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                let seen = counts.get(&u64::from_be_bytes(run)).copied().unwrap_or(0);
                let _ = stream.write_all(&seen.to_be_bytes());
            }
        }
    });
    Ok(())
}

fn count(counter: &UdpSocket, counts: &Counts) {
    let mut buffer = [0; 2048];
    loop {
        let Ok(length) = counter.recv(&mut buffer) else { continue };
        if let Some(run) = buffer[..length].first_chunk() {
            *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(u64::from_be_bytes(*run)).or_default() += 1;
        }
    }
}

struct RateTester {
    socket: UdpSocket,
    target: SocketAddr,
    payload: Vec<u8>,
    run: u64,
}

impl RateTester {
    /// The rate that arrived, if almost nothing was lost in one of two trials.
    fn holds(&mut self, rate: f64) -> Result<Option<f64>> {
        for _ in 0..2 {
            let (sent, seconds) = self.send_at(rate)?;
            let received = self.received(sent)?;
            if received as f64 >= sent as f64 * (1.0 - LOSS) {
                return Ok(Some(received as f64 / seconds));
            }
        }
        Ok(None)
    }

    fn send_at(&mut self, rate: f64) -> Result<(u64, f64)> {
        self.run = (u64::from(std::process::id()) << 32) + (self.run + 1) % (1 << 32);
        self.payload[..8].copy_from_slice(&self.run.to_be_bytes());
        let started = Instant::now();
        let mut sent = 0;
        while started.elapsed() < TRIAL {
            let due = (started.elapsed().as_secs_f64() * rate) as u64;
            // A burst is bounded, or one late wake-up would overrun any receive buffer.
            let burst = due.saturating_sub(sent).min(32);
            for _ in 0..burst {
                match self.socket.send(&self.payload) {
                    Ok(_) => sent += 1,
                    Err(error) if matches!(error.raw_os_error(), Some(nix::libc::ENOBUFS | nix::libc::EAGAIN)) => {}
                    Err(error) => return Err(error).context("sending"),
                }
            }
            if sent >= due {
                std::thread::sleep(Duration::from_micros(30));
            }
        }
        Ok((sent, started.elapsed().as_secs_f64()))
    }

    /// The count when all have arrived, or when it stopped growing.
    fn received(&self, sent: u64) -> Result<u64> {
        let mut last = 0;
        for round in 0..20 {
            std::thread::sleep(Duration::from_millis(25));
            let mut stream = TcpStream::connect(self.target)?;
            stream.write_all(&self.run.to_be_bytes())?;
            let mut seen = [0; 8];
            stream.read_exact(&mut seen)?;
            let seen = u64::from_be_bytes(seen);
            if seen >= sent || (round > 3 && seen == last) {
                return Ok(seen);
            }
            last = seen;
        }
        Ok(last)
    }
}

fn socket(target: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    let _ = SockRef::from(&socket).set_send_buffer_size(BUFFER);
    socket.connect(target)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(socket)
}
