//! Many bytes, both ways.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use hawser_sandbox::plan;

use super::Found;
use super::probe::{connect, trying};
use crate::output::units;

/// What is moved, unless time is up before.
const AMOUNT: u64 = 500_000_000;
const TIME: Duration = Duration::from_secs(3);
const CHUNK: usize = 256 << 10;

pub(super) fn down() -> Found {
    let mut stream = connect((plan::BULK.v4[0], plan::SOURCE_PORT).into())?;
    let began = Instant::now();
    stream.write_all(&AMOUNT.to_be_bytes()).map_err(trying("asking"))?;
    let mut buffer = vec![0; CHUNK];
    let mut moved = 0;
    while began.elapsed() < TIME {
        match stream.read(&mut buffer).map_err(trying("reading"))? {
            0 if moved == AMOUNT => break,
            0 => return Err(format!("the stream ended after {} bytes of {AMOUNT}", moved)),
            length => moved += length as u64,
        }
    }
    Ok(rate(moved, began.elapsed()))
}

pub(super) fn up() -> Found {
    let mut stream = connect((plan::BULK.v4[0], plan::DISCARD_PORT).into())?;
    let began = Instant::now();
    let buffer = vec![0; CHUNK];
    let mut moved = 0;
    while moved < AMOUNT && began.elapsed() < TIME {
        moved += stream.write(&buffer).map_err(trying("sending"))? as u64;
    }
    stream.shutdown(Shutdown::Write).map_err(trying("ending"))?;
    let mut count = [0; 8];
    stream.read_exact(&mut count).map_err(trying("waiting for the receiver's count"))?;
    let received = u64::from_be_bytes(count);
    if received != moved {
        return Err(format!("{received} bytes arrived of {moved}"));
    }
    Ok(format!("{}, each byte counted at the other end", rate(moved, began.elapsed())))
}

fn rate(moved: u64, took: Duration) -> String {
    let bits = moved as f64 * 8.0 / took.as_secs_f64();
    let rate = if bits >= 1e9 { format!("{:.2} Gbit/s", bits / 1e9) } else { format!("{:.0} Mbit/s", bits / 1e6) };
    format!("{rate}, {} moved", units::bytes(moved))
}
