//! `hawser-window`, which `hawser-app` starts: a page, and a pipe to the application. It knows nothing of Hawser, and ends with
//! the window and with the application.

#[cfg(not(target_os = "linux"))]
compile_error!("the window needs a file chooser and a clipboard of this system, which are written for Linux only");

mod clipboard;
mod dialogs;
mod page;
#[path = "../../wire.rs"]
mod wire;

use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hawser_fault::{Code, Fault};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder};

use page::Page;
use wire::{FromWindow, Part, ToWindow};

/// The window's label, which the capability file names.
const LABEL: &str = "main";

/// How long the window may take to end.
const LAST_WORDS: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next();
    if arguments.next().as_deref() != Some(env!("CARGO_PKG_VERSION")) {
        return ExitCode::from(wire::ANOTHER_VERSION);
    }
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let ended = match part.as_deref() {
        Some(Part::WINDOW) => run(),
        Some(Part::CLIPBOARD) => clipboard::keep(),
        _ => Err(Fault::new(Code::BadArgument, "hawser-window is started by hawser-app")),
    };
    ended.unwrap_or_else(|fault| {
        tracing::error!("{fault}");
        ExitCode::FAILURE
    })
}

/// Shows the window until it is closed.
///
/// # Errors
/// `internal` if there is no display.
fn run() -> Result<ExitCode, Fault> {
    let failed = |error: tauri::Error| Fault::new(Code::Internal, format!("no window can be made: {error}"));
    let output =
        take_output().map_err(|error| Fault::new(Code::Internal, format!("no way to the application: {error}")))?;
    let builder = page::serve(tauri::Builder::default()).manage(Page::new(output));
    let app = builder.build(tauri::generate_context!()).map_err(failed)?;
    make(app.handle()).map_err(failed)?;
    thread::spawn({
        let app = app.handle().clone();
        move || {
            listen(&app);
            app.exit(0);
            // A main thread that hangs would outlive the application.
            thread::sleep(LAST_WORDS);
            std::process::exit(1);
        }
    });
    let code = app.run_return(|_, _| {});
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The pipe to the application, for this process alone: libraries print where it was, and the web view's processes inherit that.
fn take_output() -> io::Result<File> {
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(output.into())
}

fn make(app: &AppHandle) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Hawser")
        .inner_size(1040.0, 720.0)
        .min_inner_size(360.0, 520.0)
        .disable_drag_drop_handler()
        .on_navigation(|address| address.scheme() == "tauri")
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()
        .map(drop)
}

/// Does what the application says until it says no more.
fn listen(app: &AppHandle) {
    let mut input = BufReader::new(std::io::stdin());
    loop {
        match wire::read(&mut input) {
            Ok(Some(message)) => obey(app, message),
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "the application is not understood"),
        }
    }
}

fn obey(app: &AppHandle, message: ToWindow) {
    let page = app.state::<Page>();
    match message {
        ToWindow::Update(update) => page.publish(update),
        ToWindow::Answer { id, problem } => page.answer(id, problem),
        ToWindow::Front => on_main_thread(app, front),
        ToWindow::Copy(text) => on_main_thread(app, move |_| clipboard::set(&text)),
        ToWindow::Pick { id, what } => on_main_thread(app, move |app| {
            let parent = app.get_webview_window(LABEL).and_then(|window| window.gtk_window().ok());
            let app = app.clone();
            dialogs::pick(parent.as_ref(), what, move |path| app.state::<Page>().say(&FromWindow::Picked { id, path }));
        }),
    }
}

fn front(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    for done in [window.unminimize(), window.show(), window.set_focus()] {
        if let Err(error) = done {
            tracing::debug!(%error, "the window did not follow");
        }
    }
    app.state::<Page>().say(&FromWindow::Fronted);
}

/// Runs something on GTK's thread. Without it the window is gone.
fn on_main_thread(app: &AppHandle, job: impl FnOnce(&AppHandle) + Send + 'static) {
    let on_main = app.clone();
    if let Err(error) = app.run_on_main_thread(move || job(&on_main)) {
        tracing::debug!(%error, "the window is gone");
    }
}
