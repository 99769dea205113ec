//! Delays what two network namespaces say to each other: `slow-link NAMESPACE NAMESPACE DEVICE MILLISECONDS`.
//!
//! Makes the device in both, up and without an address, and carries packets between them until it is killed; each
//! direction takes half of the time. `tests/cluster/link` routes over it.

use std::fs::File;
use std::process::ExitCode;
use std::time::Duration;

use hawser_sandbox::link::{self, Shape, Tun};
use nix::sched::{CloneFlags, setns};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [one, other, device, milliseconds] = arguments.as_slice() else {
        eprintln!("slow-link NAMESPACE NAMESPACE DEVICE MILLISECONDS");
        return ExitCode::from(2);
    };
    let outcome = milliseconds.parse().map_err(|_| format!("{milliseconds} is no number of milliseconds"));
    let outcome = outcome.and_then(|milliseconds| {
        let shape = Shape { round_trip: Duration::from_millis(milliseconds), ..Shape::default() };
        Ok((end(one, device, shape)?, end(other, device, shape)?, shape))
    });
    match outcome {
        Ok((one, other, shape)) => eprintln!("the link broke: {}", link::run(one, other, shape)),
        Err(error) => eprintln!("{error}"),
    }
    ExitCode::FAILURE
}

/// The device in the namespace of this path.
fn end(namespace: &str, device: &str, shape: Shape) -> Result<Tun, String> {
    let file = File::open(namespace).map_err(|error| format!("{namespace}: {error}"))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| format!("{namespace} cannot be entered: {error}"))?;
    Tun::create(device, shape).map_err(|error| error.to_string())
}
