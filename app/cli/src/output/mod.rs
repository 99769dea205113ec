//! How things reach the screen, or whoever reads the pipe.

pub(crate) mod fault;
pub(crate) mod live;
pub(crate) mod progress;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, Write as _};

pub(crate) use hawser_client::units;
use hawser_fault::{Code, Fault};
use serde::Serialize;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the user.
    Fault(Fault),
    /// The output can't be written.
    Output(io::Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes styled text to standard output; the styles are dropped where nobody would see them.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes one JSON value to standard output, spread over lines.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(unserialisable)?;
    Ok(print(&(text + "\n"))?)
}

/// Writes one JSON value to standard output, on a line of its own.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(unserialisable)?;
    Ok(print(&(text + "\n"))?)
}

fn unserialisable(error: serde_json::Error) -> Failure {
    Fault::new(Code::Internal, format!("the output could not be written as JSON: {error}")).into()
}
