//! What the application and its window's process say to each other: a line of JSON each, on the process's standard input and
//! output. The process's arguments are a [`Part`] and the application's version.

use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;

use hawser_controller::Picked;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest line; updates are about 1 MiB where contexts and workloads are many.
const LONGEST: u64 = 8 << 20;

/// The process's exit code if it is of another version than the application, which has been upgraded then.
pub(crate) const ANOTHER_VERSION: u8 = 3;

/// What the process is started for.
pub(crate) struct Part;

impl Part {
    /// The window.
    pub(crate) const WINDOW: &str = "window";
    /// Offering a text that was copied.
    pub(crate) const CLIPBOARD: &str = "clipboard";
}

/// To the window.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) enum ToWindow {
    /// An update for the page, as JSON.
    Update(String),
    /// What came of an act: nothing, or a problem as JSON.
    Answer { id: u64, problem: Option<String> },
    /// Come to the front.
    Front,
    /// Put a text where it can be pasted from.
    Copy(String),
    /// Let the user choose.
    Pick { id: u64, what: Picked },
}

/// From the window.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) enum FromWindow {
    /// A page is there and knows nothing yet.
    Attach,
    /// The page asks for something, as JSON.
    Act { id: u64, act: String },
    /// The window is in front.
    Fronted,
    /// What the user chose.
    Picked { id: u64, path: Option<PathBuf> },
}

/// Writes a message.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads a message; `None` at the end.
pub(crate) fn read<M: DeserializeOwned>(from: &mut impl BufRead) -> std::io::Result<Option<M>> {
    let mut line = Vec::new();
    if from.take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_one_a_line() {
        let mut line = Vec::new();
        write(&mut line, &ToWindow::Update("{\"kind\":\"a\\nb\"}".to_owned())).unwrap();
        write(&mut line, &ToWindow::Front).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 2);
        let mut from = line.as_slice();
        assert!(matches!(read(&mut from).unwrap(), Some(ToWindow::Update(text)) if text == "{\"kind\":\"a\\nb\"}"));
        assert!(matches!(read(&mut from).unwrap(), Some(ToWindow::Front)));
        assert!(read::<ToWindow>(&mut from).unwrap().is_none());
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for wrong in ["\n", "{}\n", "[]\n", "\"Fro", "{\"Update\":7}\n"] {
            assert!(read::<ToWindow>(&mut wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
