//! Bytes in one direction for some time, over any stream: how many a second.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Which way the bytes go, as the client sees it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Direction {
    /// To the server.
    Up,
    /// From the server.
    Down,
}

/// Bytes of one write, and of the most that is read at a time.
const CHUNK: usize = 256 * 1024;
/// Bytes that go before the clock starts: windows are wide open then.
const RUN_UP: u64 = 32 << 20;
/// No single read or write may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes bytes, or gives them, as the first one says, until the client goes. Upwards it tells every 4 MiB that they came.
pub async fn serve(mut stream: TcpStream) {
    let mut buffer = vec![0; CHUNK];
    let outcome = match stream.read_u8().await {
        Ok(b'd') => loop {
            if let Err(error) = stream.write_all(&buffer).await {
                break Err(error);
            }
        },
        Ok(_) => take(&mut stream, &mut buffer).await,
        Err(error) => Err(error),
    };
    // The client goes when it has measured enough.
    let _: Result<(), std::io::Error> = outcome;
}

/// How often the server tells of what has come.
const TOLD_EVERY: u64 = 4 << 20;

async fn take(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<()> {
    let (mut total, mut told) = (0, 0);
    loop {
        let length = stream.read(buffer).await? as u64;
        if length == 0 {
            return Ok(());
        }
        total += length;
        if total - told >= TOLD_EVERY {
            told = total - total % TOLD_EVERY;
            stream.write_u64(told).await?;
        }
    }
}

/// Measures a stream whose other end is [`serve`].
///
/// # Errors
/// Fails if the stream breaks or stalls.
pub async fn measure(stream: impl AsyncRead + AsyncWrite, direction: Direction, time: Duration) -> Result<Value> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let kind = if matches!(direction, Direction::Up) { b'u' } else { b'd' };
    writer.write_all(&[kind]).await.context("asking")?;
    writer.flush().await.context("asking")?;
    let measured = match direction {
        Direction::Down => {
            let mut buffer = vec![0; CHUNK];
            count(time, async || Ok(reader.read(&mut buffer).await? as u64)).await
        }
        Direction::Up => {
            let send = async {
                let buffer = vec![0; CHUNK];
                loop {
                    if let Err(error) = writer.write_all(&buffer).await {
                        return anyhow::Error::from(error);
                    }
                }
            };
            let mut told = 0;
            let measured = count(time, async || {
                let now = reader.read_u64().await?;
                Ok(now - std::mem::replace(&mut told, now))
            });
            tokio::select! {
                error = send => return Err(error).context("sending"),
                measured = measured => measured,
            }
        }
    };
    let (bytes, seconds) = measured?;
    Ok(json!({ "bytes": bytes, "seconds": seconds, "mbit_s": bytes as f64 * 8.0 / seconds / 1e6 }))
}

async fn count(time: Duration, mut next: impl AsyncFnMut() -> Result<u64>) -> Result<(u64, f64)> {
    let mut next = async || tokio::time::timeout(PATIENCE, next()).await.context("nothing comes any more")?;
    let began = Instant::now();
    let mut run_up = 0;
    while run_up < RUN_UP && began.elapsed() < time {
        run_up += next().await?;
    }
    let (began, mut bytes) = (Instant::now(), 0);
    while began.elapsed() < time {
        bytes += next().await?;
    }
    Ok((bytes, began.elapsed().as_secs_f64()))
}
