//! What stays: the controller on the main thread, and what listens for it on others.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use hawser_client::companion;
use hawser_controller::{Act, Controller, Handle, Screen, Surroundings};
use hawser_fault::{Code, Fault};

use crate::desk::Desk;
use crate::options::Options;
use crate::single::{self, Claim};
use crate::tray::Hosting;
use crate::window::Window;

/// How long a tray host may take to take the icon of an application that was started hidden.
const TRAY: Duration = Duration::from_secs(5);

/// Runs until the user ends it, unless it runs already.
///
/// # Errors
/// `internal` if this user's socket can't be made, or a system call fails that never should.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Fault> {
    let Claim::First(instance) = single::claim(&companion::folder()?, options.screen)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Fault::new(Code::Internal, format!("the controller cannot run: {error}")))?;
    let speaker = Speaker { handle: Arc::default(), runtime: runtime.handle().clone() };
    let window = Window::new(speaker.clone(), options.safe_graphics);
    let hosting = Hosting::new(speaker.clone());
    let desk = Desk::new(speaker.clone(), window.clone(), hosting.clone());
    let (controller, handle) = Controller::new(desk, Surroundings::of_this_process(options.demo)?);
    // Set here and nowhere else.
    let _ = speaker.handle.set(handle);

    if let Some(screen) = options.screen {
        show_screen(&speaker, screen);
    }
    if options.hidden {
        show_without_tray(window.clone(), hosting);
    } else {
        window.show();
    }
    instance.serve(move |screen| {
        if let Some(screen) = screen {
            show_screen(&speaker, screen);
        }
        window.show();
    });
    runtime.block_on(controller.run());
    Ok(ExitCode::SUCCESS)
}

/// Speaks to the controller, from any thread.
#[derive(Clone)]
pub(crate) struct Speaker {
    handle: Arc<OnceLock<Handle>>,
    runtime: tokio::runtime::Handle,
}

impl Speaker {
    pub(crate) fn handle(&self) -> &Handle {
        self.handle.get().expect("the controller's handle is there before anything runs")
    }

    /// Asks for something and hands on what came of it.
    pub(crate) fn ask(&self, act: Act, answer: impl FnOnce(Result<(), hawser_controller::Problem>) + Send + 'static) {
        let handle = self.handle().clone();
        self.runtime.spawn(async move { answer(handle.act(act).await) });
    }

    /// Asks for something that nobody waits for.
    pub(crate) fn tell(&self, act: Act) {
        self.ask(act, |answer| {
            if let Err(problem) = answer {
                tracing::warn!(problem.detail, "the controller refused");
            }
        });
    }
}

fn show_screen(speaker: &Speaker, screen: Screen) {
    speaker.tell(Act::Show { screen });
}

/// Without a tray, an application that was started hidden could never be reached.
fn show_without_tray(window: Window, hosting: Hosting) {
    thread::spawn(move || {
        thread::sleep(TRAY);
        if !hosting.is_hosted() {
            window.show();
        }
    });
}
