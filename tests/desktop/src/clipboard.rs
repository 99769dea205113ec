//! What was copied, as another program would paste it.

use anyhow::{Result, ensure};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, CreateWindowAux, WindowClass};

use crate::{Session, until};

/// As many words of four bytes as are read.
const MOST: u32 = 1 << 16;

/// The text that was copied last (ICCCM 2.4).
///
/// # Errors
/// When nothing was, or its owner doesn't answer.
pub fn copied(session: &Session) -> Result<String> {
    let (connection, number) = x11rb::connect(Some(session.display()))?;
    let (root, window) = (connection.setup().roots[number].root, connection.generate_id()?);
    let values = CreateWindowAux::new();
    connection.create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &values)?;
    let atom = |name: &str| -> Result<u32> { Ok(connection.intern_atom(false, name.as_bytes())?.reply()?.atom) };
    let (clipboard, text, place) = (atom("CLIPBOARD")?, atom("UTF8_STRING")?, atom("HAWSER_PASTED")?);
    connection.convert_selection(window, clipboard, text, place, x11rb::CURRENT_TIME)?.check()?;
    let answer = until("the clipboard answers", || {
        Ok(connection.poll_for_event()?.and_then(|event| match event {
            Event::SelectionNotify(answer) => Some(answer),
            _ => None,
        }))
    })?;
    ensure!(answer.property != x11rb::NONE, "nothing was copied that is text");
    let pasted = connection.get_property(true, window, place, AtomEnum::ANY, 0, MOST)?.reply()?;
    Ok(String::from_utf8(pasted.value)?)
}
