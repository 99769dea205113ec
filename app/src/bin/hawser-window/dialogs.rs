//! The desktop's file chooser.

use std::cell::RefCell;
use std::path::PathBuf;

use gtk::prelude::{Cast as _, FileChooserExt as _, NativeDialogExt as _};
use gtk::{FileChooserAction, FileChooserNative, ResponseType};
use hawser_controller::Picked;

/// Lets the user choose. Main thread only.
pub(crate) fn pick(
    parent: Option<&gtk::ApplicationWindow>,
    what: Picked,
    answer: impl FnOnce(Option<PathBuf>) + 'static,
) {
    let (title, action, name) = match what {
        Picked::MountFolder => ("An empty folder for the files", FileChooserAction::SelectFolder, None),
        Picked::EnvironmentFile => ("A new file for the environment", FileChooserAction::Save, Some("environment")),
        Picked::Kubeconfig => ("A kubeconfig", FileChooserAction::Open, None),
        Picked::Export => ("A new file for the report", FileChooserAction::Save, Some("hawser-logs.zip")),
    };
    let parent = parent.map(|window| window.upcast_ref::<gtk::Window>());
    let chooser = FileChooserNative::new(Some(title), parent, action, None, None);
    chooser.set_modal(true);
    chooser.set_do_overwrite_confirmation(true);
    if let Some(name) = name {
        chooser.set_current_name(name);
    }
    let answer = RefCell::new(Some(answer));
    // The handler owns the chooser, which lives until it is answered.
    let shown = RefCell::new(Some(chooser.clone()));
    chooser.connect_response(move |chooser, response| {
        let chosen = if response == ResponseType::Accept { chooser.filename() } else { None };
        if let Some(answer) = answer.take() {
            answer(chosen);
        }
        chooser.hide();
        shown.take();
    });
    chooser.show();
}
