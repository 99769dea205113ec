//! The threads that move packets from one device to the other when they are due.

use std::{
    io,
    os::fd::AsFd,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::{prctl, time::TimeSpec},
};

use super::{
    Shape, Tun,
    held::Held,
    shaper::Shaper,
    tun::{HEADER, LARGEST_PACKET},
};

/// Bytes in flight one way; more are left to the device's own queue, which drops. 40 ms at 13 Gbit/s.
const IN_FLIGHT: usize = 64 << 20;
/// Packets taken in before those that are due are looked at again.
const BATCH: usize = 64;
/// Packets due within this time go together: a wake-up costs about as much.
const TOGETHER: Duration = Duration::from_micros(20);

/// Carries packets between the two devices until the process is killed. Returns only if a device fails.
pub fn run(laptop: Tun, cluster: Tun, shape: Shape) -> io::Error {
    // The threads inherit it; the default of 50 us would add to every delay.
    let _ = prctl::set_timerslack(1);
    let (laptop, cluster) = (Arc::new(laptop), Arc::new(cluster));
    let down = {
        let (laptop, cluster) = (laptop.clone(), cluster.clone());
        thread::Builder::new().name("link-down".into()).spawn(move || carry(&cluster, &laptop, shape, 1))
    };
    match down {
        Ok(_) => carry(&laptop, &cluster, shape, 2),
        Err(error) => error,
    }
}

fn carry(from: &Tun, to: &Tun, shape: Shape, seed: u64) -> io::Error {
    let mut shaper = Shaper::new(shape, seed, Instant::now());
    let mut held = Held::new(IN_FLIGHT, LARGEST_PACKET);
    loop {
        hand_over(&mut held, to, Instant::now());
        match take_in(from, &mut held, &mut shaper) {
            Ok(Intake::More) => {}
            Ok(Intake::Drained) => wait(Some(from), held.front().map(|(due, _)| due)),
            Ok(Intake::Full) => wait(None, held.front().map(|(due, _)| due)),
            Err(error) => return error,
        }
    }
}

fn hand_over(held: &mut Held, to: &Tun, now: Instant) {
    while let Some((due, packet)) = held.front() {
        if due > now + TOGETHER {
            return;
        }
        // What the kernel doesn't take (the device is down, the packet is odd) is lost, as on any wire.
        let _ = to.write(packet);
        held.pop();
    }
}

enum Intake {
    More,
    Drained,
    Full,
}

fn take_in(from: &Tun, held: &mut Held, shaper: &mut Shaper) -> io::Result<Intake> {
    let now = Instant::now();
    for _ in 0..BATCH {
        let Some(room) = held.room() else { return Ok(Intake::Full) };
        let length = match from.read(room) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Intake::Drained),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Some(due) = shaper.admit(length.saturating_sub(HEADER), now) {
            held.push(length, due);
        }
    }
    Ok(Intake::More)
}

fn wait(from: Option<&Tun>, until: Option<Instant>) {
    let timeout = until.map(|until| TimeSpec::from_duration(until.saturating_duration_since(Instant::now())));
    let mut readable = from.map(|from| [PollFd::new(from.as_fd(), PollFlags::POLLIN)]);
    // A signal ends the wait early, which does no harm: the caller looks again.
    let _ = ppoll(readable.as_mut().map_or(&mut [], |one| one.as_mut_slice()), timeout, None);
}
