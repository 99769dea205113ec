//! What waits for the window's process. Of each kind of update only the last matters, so that a slow window loses nothing and
//! nothing piles up.

use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use hawser_controller::Update;

use crate::wire::ToWindow;

/// How many other messages may wait. The controller does fewer things at once; what is above is dropped.
const WAITING: usize = 128;

#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<ToWindow>,
    updates: VecDeque<(Discriminant<Update>, String)>,
    closed: bool,
}

impl Outbox {
    /// Takes the place of an update of the same kind.
    pub(crate) fn update(&self, update: &Update) {
        let Ok(text) = serde_json::to_string(update) else { return };
        if let Update::Toast(_) = update {
            return self.send(ToWindow::Update(text));
        }
        let kind = discriminant(update);
        let mut waiting = self.lock();
        match waiting.updates.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, former)) => *former = text,
            None => waiting.updates.push_back((kind, text)),
        }
        self.changed.notify_one();
    }

    pub(crate) fn send(&self, message: ToWindow) {
        let mut waiting = self.lock();
        if waiting.messages.len() < WAITING {
            waiting.messages.push_back(message);
            self.changed.notify_one();
        }
    }

    /// Nothing more is sent.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for the next message; `None` once it is closed.
    pub(crate) fn next(&self) -> Option<ToWindow> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(message) = waiting.messages.pop_front() {
                return Some(message);
            }
            if let Some((_, text)) = waiting.updates.pop_front() {
                return Some(ToWindow::Update(text));
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hawser_controller::view::Subnets;

    use super::*;

    fn next(outbox: &Outbox) -> String {
        match outbox.next().unwrap() {
            ToWindow::Update(text) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn of_each_kind_the_last_update_counts_and_others_go_first() {
        let outbox = Outbox::default();
        for _ in 0..3 {
            outbox.update(&Update::Subnets(Subnets { connections: Vec::new() }));
        }
        outbox.send(ToWindow::Front);
        assert_eq!(next(&outbox), "Front");
        assert!(next(&outbox).contains("subnets"));
        assert!(outbox.lock().updates.is_empty());
        outbox.close();
        assert!(outbox.next().is_none());
    }

    #[test]
    fn messages_have_a_bound() {
        let outbox = Outbox::default();
        for _ in 0..1000 {
            outbox.send(ToWindow::Front);
        }
        assert_eq!(outbox.lock().messages.len(), WAITING);
    }
}
