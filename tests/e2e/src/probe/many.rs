//! Many connections: at once, at rest, and in quick succession.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{ports, process};

/// Longest wait for one connection of a storm.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections in flight while churning.
const CHURNERS: usize = 64;

/// Raises the limit of open files to what the system allows.
pub fn allow_many_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Opens `count` connections at once and exchanges a byte on each.
pub fn storm(target: SocketAddr, count: usize) -> Result<Value> {
    allow_many_files();
    runtime()?.block_on(async {
        let started = Instant::now();
        let (open, failed) = open_many(target, count).await;
        let seconds = started.elapsed().as_secs_f64();
        // Reset, not closed: thousands of waiting client ports would spoil the next storm.
        open.iter().for_each(reset);
        Ok(json!({ "open": open.len(), "failed": failed, "seconds": seconds }))
    })
}

/// Opens `count` connections, lets them rest, and measures the helper meanwhile.
pub fn idle(target: SocketAddr, count: usize, seconds: u64) -> Result<Value> {
    allow_many_files();
    let before = process::helper()?;
    runtime()?.block_on(async {
        let (open, failed) = open_many(target, count).await;
        ensure!(failed.is_empty(), "of {count} connections some failed: {failed:?}");
        // Buffers of the opening bytes go back after a moment of rest.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let resting = process::helper()?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let rested = process::helper()?;
        let span = seconds as f64;
        open.iter().for_each(reset);
        Ok(json!({
            "flows": open.len(),
            "base_mb": before.resident_mb,
            "above_base_mb": rested.resident_mb - before.resident_mb,
            "wakeups_s": (rested.switches - resting.switches) as f64 / span,
            "cpu_percent": (rested.running - resting.running).as_secs_f64() / span * 100.0,
        }))
    })
}

/// Opens and ends connections in each possible way.
pub fn churn(target: IpAddr, count: usize) -> Result<Value> {
    allow_many_files();
    let next = Arc::new(AtomicUsize::new(0));
    runtime()?.block_on(async {
        let started = Instant::now();
        let mut churners = JoinSet::new();
        for _ in 0..CHURNERS {
            let next = next.clone();
            churners.spawn(async move {
                let mut failed = BTreeMap::new();
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= count {
                        return failed;
                    }
                    let outcome = tokio::time::timeout(PATIENCE, short_life(target, turn)).await;
                    let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                    if let Err(error) = outcome {
                        *failed.entry(format!("way {}: {error}", turn % 8)).or_insert(0usize) += 1;
                    }
                }
            });
        }
        let mut failed: BTreeMap<String, usize> = BTreeMap::new();
        while let Some(part) = churners.join_next().await {
            part?.into_iter().for_each(|(error, times)| *failed.entry(error).or_default() += times);
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(json!({ "count": count, "failed": failed, "per_second": count as f64 / seconds }))
    })
}

/// One connection; `turn` chooses who ends it, and how.
async fn short_life(target: IpAddr, turn: usize) -> io::Result<()> {
    match turn % 8 {
        0 => match TcpStream::connect((target, ports::CLOSED)).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("a closed port took a connection")),
        },
        1 => {
            let mut stream = TcpStream::connect((target, ports::RESET)).await?;
            stream.write_all(b"x").await?;
            match stream.read(&mut [0; 1]).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
                other => Err(io::Error::other(format!("expected a reset, got {other:?}"))),
            }
        }
        2 => {
            let mut stream = open(SocketAddr::new(target, ports::ECHO)).await?;
            stream.shutdown().await?;
            expect_end(&mut stream).await
        }
        turn if turn < 5 => {
            reset(&open(SocketAddr::new(target, ports::ECHO)).await?);
            Ok(())
        }
        _ => expect_end(&mut open(SocketAddr::new(target, ports::CLOSE)).await?).await,
    }
}

async fn expect_end(stream: &mut TcpStream) -> io::Result<()> {
    match stream.read(&mut [0; 1]).await? {
        0 => Ok(()),
        _ => Err(io::Error::other("bytes after the end")),
    }
}

async fn open_many(target: SocketAddr, count: usize) -> (Vec<TcpStream>, BTreeMap<String, usize>) {
    let mut opening = JoinSet::new();
    for _ in 0..count {
        opening.spawn(async move { tokio::time::timeout(PATIENCE, open(target)).await });
    }
    let (mut open, mut failed) = (Vec::with_capacity(count), BTreeMap::new());
    while let Some(outcome) = opening.join_next().await {
        match outcome.context("a connecting task").map_err(|error| error.to_string()) {
            Ok(Ok(Ok(stream))) => open.push(stream),
            Ok(Ok(Err(error))) => *failed.entry(error.to_string()).or_default() += 1,
            Ok(Err(_)) => *failed.entry("timed out".to_owned()).or_default() += 1,
            Err(error) => *failed.entry(error).or_default() += 1,
        }
    }
    (open, failed)
}

async fn open(target: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(target).await?;
    stream.write_all(b"x").await?;
    stream.read_exact(&mut [0; 1]).await?;
    Ok(stream)
}

/// The stream's end will be a reset, which leaves no port waiting.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
