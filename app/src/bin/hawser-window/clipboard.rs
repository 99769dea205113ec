//! The clipboard. A text is there for as long as a process offers it.

use std::cell::Cell;
use std::io::{BufRead as _, BufReader};
use std::process::ExitCode;
use std::thread;

use gtk::Clipboard;
use gtk::gdk::SELECTION_CLIPBOARD;
use gtk::glib::{ObjectExt as _, idle_add_once};
use hawser_fault::{Code, Fault};

use crate::wire;

/// Offers the message on standard input until something else is copied or the input ends.
///
/// # Errors
/// `internal` without a display, or a text.
pub(crate) fn keep() -> Result<ExitCode, Fault> {
    let internal = |error: String| Fault::new(Code::Internal, format!("nothing can be copied: {error}"));
    let mut input = BufReader::new(std::io::stdin());
    let text: Option<String> = wire::read(&mut input).map_err(|error| internal(error.to_string()))?;
    let text = text.ok_or_else(|| internal("there is no text".to_owned()))?;
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
    thread::spawn(move || {
        // Whatever comes, nobody means this text any more.
        let _ = input.fill_buf();
        idle_add_once(gtk::main_quit);
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
