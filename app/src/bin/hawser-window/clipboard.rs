//! The clipboard. A text is there for as long as a process offers it.

use std::cell::Cell;
use std::io::Read as _;
use std::process::ExitCode;

use gtk::Clipboard;
use gtk::gdk::SELECTION_CLIPBOARD;
use gtk::glib::ObjectExt as _;
use hawser_fault::{Code, Fault};

/// Offers what comes on standard input until something else is copied.
///
/// # Errors
/// `internal` without a display, or text.
pub(crate) fn keep() -> Result<ExitCode, Fault> {
    let internal = |error: String| Fault::new(Code::Internal, format!("nothing can be copied: {error}"));
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| internal(error.to_string()))?;
    gtk::init().map_err(|error| internal(error.to_string()))?;
    set(&text);
    // The first change of owner is this one.
    let owned = Cell::new(false);
    Clipboard::get(&SELECTION_CLIPBOARD).connect_local("owner-change", false, move |_| {
        if owned.replace(true) {
            gtk::main_quit();
        }
        None
    });
    gtk::main();
    Ok(ExitCode::SUCCESS)
}

/// Copies a text in this process, where GTK runs. Main thread only.
pub(crate) fn set(text: &str) {
    let clipboard = Clipboard::get(&SELECTION_CLIPBOARD);
    clipboard.set_text(text);
    // It outlives this process where the desktop keeps clipboards.
    clipboard.store();
}
