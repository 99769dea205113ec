//! The two commands of the page. Neither understands what passes.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tauri::ipc::{Channel, InvokeBody, InvokeResponseBody, Request};
use tauri::{Builder, Runtime, State};
use tokio::sync::oneshot;

use crate::wire::{self, FromWindow};

/// What came of an act: nothing, or a problem as JSON.
type Answer = Option<String>;

/// The page that is attached, if one is, and what it waits for.
pub(crate) struct Page {
    application: Mutex<File>,
    channel: Mutex<Option<Channel>>,
    asked: Mutex<BTreeMap<u64, oneshot::Sender<Answer>>>,
    last: AtomicU64,
}

impl Page {
    /// Of nobody yet. What the page asks for is written to `application`.
    pub(crate) fn new(application: File) -> Self {
        Self {
            application: Mutex::new(application),
            channel: Mutex::default(),
            asked: Mutex::default(),
            last: AtomicU64::default(),
        }
    }

    /// Sends an update to the page, if there is one.
    pub(crate) fn publish(&self, update: String) {
        let channel = lock(&self.channel).clone();
        if let Some(channel) = channel
            && let Err(error) = channel.send(InvokeResponseBody::Json(update))
        {
            tracing::debug!(%error, "the page has gone");
        }
    }

    /// Gives the page what came of an act.
    pub(crate) fn answer(&self, id: u64, answer: Answer) {
        if let Some(waiting) = lock(&self.asked).remove(&id) {
            // A page that was loaded anew waits no more.
            let _ = waiting.send(answer);
        }
    }

    /// Says something to the application.
    pub(crate) fn say(&self, message: &FromWindow) {
        // Without an application this process is about to end.
        let _ = wire::write(&mut *lock(&self.application), message);
    }

    fn ask(&self, act: String) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        lock(&self.asked).insert(id, sender);
        self.say(&FromWindow::Act { id, act });
        receiver
    }
}

/// Lets the page call both commands.
pub(crate) fn serve<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder.invoke_handler(tauri::generate_handler![attach, act])
}

/// The page is there: everything is sent to it, from now on.
#[tauri::command]
fn attach(channel: Channel, page: State<'_, Page>) {
    // The former is dropped outside of the lock: it tells its page.
    let former = lock(&page.channel).replace(channel);
    drop(former);
    page.say(&FromWindow::Attach);
}

/// The page asks for something.
#[tauri::command]
async fn act(request: Request<'_>, page: State<'_, Page>) -> Result<(), Value> {
    let act = match request.body() {
        InvokeBody::Json(body) => body.get("act").map(Value::to_string).unwrap_or_default(),
        InvokeBody::Raw(_) => String::new(),
    };
    match page.ask(act).await {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => Err(serde_json::from_str(&problem).unwrap_or_else(|_| json!(problem))),
        Err(_) => Err(json!("the window is closing")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
