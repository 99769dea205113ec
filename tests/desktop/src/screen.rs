//! The X screen: its windows, and what is to be seen.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, ImageFormat, MapState, Window,
    WindowClass,
};
use x11rb::rust_connection::RustConnection;

use crate::Session;

/// A view of the whole screen.
pub struct Screen {
    connection: RustConnection,
    root: Window,
}

impl Screen {
    /// Of a session.
    ///
    /// # Errors
    /// When its display has gone.
    pub fn of(session: &Session) -> Result<Self> {
        let (connection, number) = x11rb::connect(Some(session.display()))?;
        let root = connection.setup().roots.get(number).context("a screen")?.root;
        Ok(Self { connection, root })
    }

    /// The window with this title that is on screen.
    ///
    /// # Errors
    /// When the display has gone.
    pub fn window(&self, title: &str) -> Result<Option<Window>> {
        for window in self.connection.query_tree(self.root)?.reply()?.children {
            // Windows come and go.
            let Ok(attributes) = self.connection.get_window_attributes(window)?.reply() else { continue };
            if attributes.map_state == MapState::VIEWABLE && self.title(window).is_ok_and(|found| found == title) {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    /// Asks a window to close, as a click on its cross does (ICCCM 4.2.8.1).
    ///
    /// # Errors
    /// When the display has gone.
    pub fn close(&self, window: Window) -> Result<()> {
        let data = [self.atom("WM_DELETE_WINDOW")?, x11rb::CURRENT_TIME, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, self.atom("WM_PROTOCOLS")?, data);
        self.connection.send_event(false, window, EventMask::NO_EVENT, message)?.check()?;
        Ok(())
    }

    /// How many colours a window has. One that is blank has one.
    ///
    /// # Errors
    /// When it is not on screen.
    pub fn colours(&self, window: Window) -> Result<usize> {
        let shape = self.connection.get_geometry(window)?.reply()?;
        let image = self.connection.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, shape.width, shape.height, u32::MAX);
        let pixels = image?.reply()?.data;
        Ok(pixels.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect::<BTreeSet<_>>().len())
    }

    /// Whether somebody offers a text that was copied, and which window it is.
    ///
    /// # Errors
    /// When the display has gone.
    pub fn clipboard(&self) -> Result<Option<Window>> {
        let owner = self.connection.get_selection_owner(self.atom("CLIPBOARD")?)?.reply()?.owner;
        Ok(Some(owner).filter(|owner| *owner != x11rb::NONE))
    }

    /// Copies something else, as another program would.
    ///
    /// # Errors
    /// When the display has gone.
    pub fn copy(&self) -> Result<()> {
        let (window, values) = (self.connection.generate_id()?, CreateWindowAux::new());
        self.connection.create_window(0, window, self.root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &values)?;
        self.connection.set_selection_owner(window, self.atom("CLIPBOARD")?, x11rb::CURRENT_TIME)?.check()?;
        Ok(())
    }

    fn title(&self, window: Window) -> Result<String> {
        let name = self.connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256)?.reply()?;
        Ok(String::from_utf8_lossy(&name.value).into_owned())
    }

    fn atom(&self, name: &str) -> Result<u32> {
        Ok(self.connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    }
}
