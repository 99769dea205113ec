//! The window as a process that is there while it is open: it is started, spoken to and seen to end. A web view that crashes, hangs
//! or stays blank takes nothing with it but the window.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use hawser_controller::{Act, Picked, Update};
use tokio::sync::oneshot;

use crate::outbox::Outbox;
use crate::resident::Speaker;
use crate::wire::{self, FromWindow, Part, ToWindow};
use crate::{asked, platform};

/// How long a page may take to draw before WebKit is taken to be unable to.
const FIRST_PAINT: Duration = Duration::from_secs(10);
/// How long the process may take to end once it's asked.
const ENDS: Duration = Duration::from_secs(3);

/// The window, whether it is open or not.
#[derive(Clone)]
pub(crate) struct Window {
    speaker: Speaker,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// How many were opened; tells one from the next.
    number: u64,
    /// Without the graphics card, from now on.
    safe_graphics: bool,
    /// To the one process that offers a copied text, which ends with it.
    offer: Option<ChildStdin>,
}

struct Open {
    child: Child,
    outbox: Arc<Outbox>,
    picks: BTreeMap<u64, oneshot::Sender<Option<PathBuf>>>,
    painted: bool,
    /// It was asked to end.
    closing: bool,
    /// It was asked to come to the front and hasn't said that it did: if it ends instead, it's opened again.
    wanted: bool,
}

impl State {
    fn kill(&mut self) {
        if let Some(open) = &mut self.open {
            // It may have ended by itself.
            let _ = open.child.kill();
        }
    }
}

impl Window {
    pub(crate) fn new(speaker: Speaker, safe_graphics: bool) -> Self {
        Self { speaker, state: Arc::new(Mutex::new(State { safe_graphics, ..State::default() })) }
    }

    /// Opens it, or brings it to the front.
    pub(crate) fn show(&self) {
        let mut state = self.lock();
        match &mut state.open {
            Some(open) => {
                open.wanted = true;
                open.outbox.send(ToWindow::Front);
            }
            None => self.open(&mut state),
        }
    }

    /// Closes it, if it is open.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        let number = state.number;
        let Some(open) = &mut state.open else { return };
        open.closing = true;
        open.outbox.close();
        self.later(ENDS, number, State::kill);
    }

    /// Sends an update to the page, if there is one.
    pub(crate) fn publish(&self, update: &Update) {
        if let Some(open) = &self.lock().open {
            open.outbox.update(update);
        }
    }

    /// Puts a text where it can be pasted from.
    pub(crate) fn copy(&self, text: String) {
        let mut state = self.lock();
        if let Some(open) = &state.open {
            // Some desktops take a text only from a window in front.
            return open.outbox.send(ToWindow::Copy(text));
        }
        match offer(&text) {
            Ok(input) => state.offer = Some(input),
            Err(error) => tracing::warn!(%error, "nothing can be copied"),
        }
    }

    /// Lets the user choose; nothing is answered without a window.
    pub(crate) fn pick(&self, what: Picked, answer: oneshot::Sender<Option<PathBuf>>) {
        if let Some(open) = &mut self.lock().open {
            let id = open.picks.last_key_value().map_or(0, |(last, _)| last + 1);
            open.picks.insert(id, answer);
            open.outbox.send(ToWindow::Pick { id, what });
        }
    }

    fn open(&self, state: &mut State) {
        state.number += 1;
        let (child, input, output) = match start(state.safe_graphics) {
            Ok(started) => started,
            Err(error) => return tracing::error!(%error, "no window can be opened"),
        };
        let outbox = Arc::new(Outbox::default());
        thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || send(&outbox, input)
        });
        thread::spawn({
            let (window, outbox, number) = (self.clone(), Arc::clone(&outbox), state.number);
            move || window.attend(number, &outbox, output)
        });
        tracing::debug!(process = child.id(), "a window is opened");
        let picks = BTreeMap::new();
        state.open = Some(Open { child, outbox, picks, painted: false, closing: false, wanted: false });
        self.watch(state.number);
    }

    /// Reads what the window says until it ends.
    fn attend(&self, number: u64, outbox: &Arc<Outbox>, output: ChildStdout) {
        let mut output = BufReader::new(output);
        loop {
            match wire::read(&mut output) {
                Ok(Some(message)) => self.heard(message, outbox),
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "the window is not understood");
                    self.lock().kill();
                    break;
                }
            }
        }
        self.ended(number);
    }

    fn heard(&self, message: FromWindow, outbox: &Arc<Outbox>) {
        match message {
            FromWindow::Attach => self.speaker.handle().attached(),
            FromWindow::Act { id, act } => self.act(id, &act, outbox),
            FromWindow::Fronted => {
                if let Some(open) = &mut self.lock().open {
                    open.wanted = false;
                }
            }
            FromWindow::Picked { id, path } => {
                let answer = self.lock().open.as_mut().and_then(|open| open.picks.remove(&id));
                if let Some(answer) = answer {
                    // The controller may not wait any more.
                    let _ = answer.send(path);
                }
            }
        }
    }

    fn act(&self, id: u64, act: &str, outbox: &Arc<Outbox>) {
        let act = match asked::parse(act) {
            Ok(act) => act,
            Err(problem) => return outbox.send(asked::answer(id, Err(problem))),
        };
        if let Act::Painted { after_ms } = act {
            tracing::info!(after_ms, "the page has been drawn");
            if let Some(open) = &mut self.lock().open {
                open.painted = true;
            }
        }
        let outbox = Arc::clone(outbox);
        self.speaker.ask(act, move |result| outbox.send(asked::answer(id, result)));
    }

    fn ended(&self, number: u64) {
        let mut state = self.lock();
        if state.number != number {
            return;
        }
        let Some(mut open) = state.open.take() else { return };
        open.outbox.close();
        let status = open.child.wait();
        self.speaker.handle().detached();
        if status.is_ok_and(|status| status.code() == Some(wire::ANOTHER_VERSION.into())) {
            start_anew();
        }
        if open.wanted {
            self.open(&mut state);
        } else if !open.closing {
            self.speaker.tell(Act::Close);
        }
    }

    /// Opens it again without the graphics card if the window with this number has drawn nothing in time.
    fn watch(&self, number: u64) {
        self.later(FIRST_PAINT, number, |state| {
            let Some(open) = state.open.as_mut().filter(|open| !open.painted && !open.closing) else { return };
            if state.safe_graphics {
                return tracing::error!("the window stays blank, without the graphics card too");
            }
            tracing::warn!("the window stays blank: it is opened again without the graphics card");
            open.wanted = true;
            state.safe_graphics = true;
            state.kill();
        });
    }

    /// Does something in a while, if the window with this number is still the last.
    fn later(&self, limit: Duration, number: u64, job: fn(&mut State)) {
        let window = self.clone();
        thread::spawn(move || {
            thread::sleep(limit);
            let mut state = window.lock();
            if state.number == number {
                job(&mut state);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(safe_graphics: bool) -> io::Result<(Child, ChildStdin, ChildStdout)> {
    let mut command = command(Part::WINDOW)?;
    command.envs(platform::graphics(safe_graphics)).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(input), Some(output)) => Ok((child, input, output)),
        _ => Err(io::Error::other("the window's process has no pipes")),
    }
}

/// Offers a text to others by a process that ends when something else is copied, and with what is returned.
fn offer(text: &str) -> io::Result<ChildStdin> {
    let mut child = command(Part::CLIPBOARD)?.stdout(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().ok_or_else(|| io::Error::other("the process has no pipe"))?;
    thread::spawn(move || child.wait());
    wire::write(&mut input, &text)?;
    Ok(input)
}

/// The window's program, which is beside this one.
fn command(part: &str) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("hawser-window"));
    command.args([part, env!("CARGO_PKG_VERSION")]).stdin(Stdio::piped());
    Ok(command)
}

/// Set in a process that was started so.
const ANEW: &str = "HAWSER_STARTED_ANEW";

/// Starts what is installed now in place of this process. Connections and intercepts go on.
fn start_anew() {
    // Once: an installation that stays half done would have it do so for ever.
    if std::env::var_os(ANEW).is_some() {
        return tracing::error!("the window's program is another version than this one: install both anew");
    }
    tracing::info!("another version was installed: starting anew");
    let own = std::env::current_exe().map(|path| path.with_file_name("hawser-app"));
    if let Ok(own) = own {
        let error = Command::new(own).args(std::env::args_os().skip(1)).env(ANEW, "1").exec();
        tracing::error!(%error, "it cannot be started anew");
    }
}

fn send(outbox: &Outbox, mut input: ChildStdin) {
    while let Some(message) = outbox.next() {
        if wire::write(&mut input, &message).is_err() {
            return;
        }
    }
}
