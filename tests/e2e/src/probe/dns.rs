//! A DNS client that counts answers.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::statistics::summary;

/// A question without an answer is asked again after this time.
const PATIENCE: u8 = 200;

/// Each asker has a socket of its own and one question in flight; one thread serves them all.
pub fn ask(name: &str, server: Option<IpAddr>, askers: usize, seconds: u64) -> Result<Value> {
    let server = server.map_or_else(configured_server, Ok)?;
    let query = query(name)?;
    let mut askers = (0..askers).map(|_| Asker::new(server)).collect::<Result<Vec<_>>>()?;
    askers[0].ask(&query)?;
    askers[0].socket.set_nonblocking(false)?;
    askers[0].answer().context("asking for the first time")?.context("no answer")?;
    askers[0].socket.set_nonblocking(true)?;

    let (mut samples, mut lost) = (Vec::with_capacity(1 << 20), 0);
    let started = Instant::now();
    for asker in &mut askers {
        asker.ask(&query)?;
    }
    while started.elapsed() < Duration::from_secs(seconds) {
        let ready = wait(&askers)?;
        if ready.is_empty() {
            lost += askers.len();
            for asker in &mut askers {
                asker.ask(&query)?;
            }
        }
        for index in ready {
            if let Some(took) = askers[index].answer()? {
                samples.push(took);
                askers[index].ask(&query)?;
            }
        }
    }
    let rate = samples.len() as f64 / started.elapsed().as_secs_f64();
    let mut report = summary(samples);
    report["per_second"] = json!(rate);
    report["lost"] = json!(lost);
    Ok(report)
}

struct Asker {
    socket: UdpSocket,
    asked: Instant,
    id: u16,
}

impl Asker {
    fn new(server: IpAddr) -> Result<Asker> {
        let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect((server, 53))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.set_nonblocking(true)?;
        Ok(Asker { socket, asked: Instant::now(), id: 0 })
    }

    fn ask(&mut self, query: &[u8]) -> Result<()> {
        let mut message = [0; 300];
        message[..query.len()].copy_from_slice(query);
        self.id = self.id.wrapping_add(1);
        message[..2].copy_from_slice(&self.id.to_be_bytes());
        self.asked = Instant::now();
        self.socket.send(&message[..query.len()]).context("asking")?;
        Ok(())
    }

    /// How long the answer to the last question took, if it is there.
    fn answer(&mut self) -> Result<Option<Duration>> {
        let mut message = [0; 1500];
        let length = match self.socket.recv(&mut message) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("waiting for an answer"),
        };
        ensure!(length > 12, "an answer of {length} bytes");
        let (code, answers) = (message[3] & 0x0f, u16::from_be_bytes([message[6], message[7]]));
        ensure!(code == 0 && answers > 0, "response code {code} with {answers} answers");
        let late = message[..2] != self.id.to_be_bytes();
        Ok((!late).then(|| self.asked.elapsed()))
    }
}

fn wait(askers: &[Asker]) -> Result<Vec<usize>> {
    let mut waiting: Vec<PollFd> =
        askers.iter().map(|asker| PollFd::new(asker.socket.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut waiting, PollTimeout::from(PATIENCE))?;
    let ready = waiting.iter().enumerate().filter(|(_, fd)| fd.any().unwrap_or(false));
    Ok(ready.map(|(index, _)| index).collect())
}

/// A recursive question for the name's IPv4 addresses.
fn query(name: &str) -> Result<Vec<u8>> {
    let mut query = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length));
        query.push(length.with_context(|| format!("{name:?} is not a name"))?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    ensure!(query.len() <= 280, "{name:?} is too long");
    Ok(query)
}

fn configured_server() -> Result<IpAddr> {
    let configuration = std::fs::read_to_string("/etc/resolv.conf")?;
    let servers = configuration.lines().filter_map(|line| line.strip_prefix("nameserver"));
    servers.filter_map(|rest| rest.trim().parse().ok()).next().context("/etc/resolv.conf names no server")
}
