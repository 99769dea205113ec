//! What every answer of the companion needs, and its answers to the user's own programs.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hawser_fault::Fault;
use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Handover;
use super::log::Log;
use super::logins::Logins;
use super::protocol::{self, Answer, Question};
use crate::connecting::LOGIN_TIME;
use crate::kubeconfig::{self, Environment, Interaction, Selection};
use crate::secrets::Login;

pub(super) struct Desk {
    /// This process's own environment, for connections of which nothing was handed over.
    pub(super) own: Environment,
    /// What was handed over of connections.
    pub(super) handed: Mutex<HashMap<String, Environment>>,
    pub(super) logins: Logins,
    pub(super) log: Log,
    /// The user's programs that wait for an answer.
    pub(super) callers: AtomicUsize,
}

impl Desk {
    pub(super) fn new(own: Environment, logins: Logins, log: Log) -> Self {
        Self { own, handed: Mutex::default(), logins, log, callers: AtomicUsize::new(0) }
    }

    /// Where the connection was asked for.
    pub(super) fn environment(&self, connection: &str) -> Environment {
        self.handed.lock().get(connection).unwrap_or(&self.own).clone()
    }

    /// Serves one of the user's programs. What it asked for is given up when it goes.
    pub(super) async fn serve(self: &Arc<Self>, mut stream: UnixStream) -> io::Result<()> {
        let question = protocol::question(&mut stream).await?;
        self.callers.fetch_add(1, Ordering::Relaxed);
        let (mut from, mut to) = stream.split();
        // Of what is said faster than it is heard the last counts.
        let (say, mut said) = watch::channel(String::new());
        let answering = self.answer(question, &say);
        tokio::pin!(answering);
        let answer = loop {
            tokio::select! {
                answer = &mut answering => break Some(answer),
                _ = from.read_u8() => break None,
                Ok(()) = said.changed() => {
                    let text = said.borrow_and_update().clone();
                    if protocol::write(&mut to, &Answer::Says(text)).await.is_err() {
                        break None;
                    }
                }
            }
        };
        self.callers.fetch_sub(1, Ordering::Relaxed);
        match answer {
            Some(answer) => protocol::write(&mut to, &answer).await,
            None => Ok(()),
        }
    }

    async fn answer(self: &Arc<Self>, question: Question, say: &watch::Sender<String>) -> Answer {
        match question {
            Question::HandOver(handover) => {
                self.take(handover);
                Answer::Done
            }
            Question::LogIn { connection, selection, hears } => {
                let watched = |text| drop(say.send_replace(text));
                let interaction = if hears { Interaction::Watched(&watched) } else { Interaction::Unattended };
                self.log_in(&connection, &selection, interaction).await.into()
            }
            Question::Kept => self.logins.kept().await.into(),
            Question::Forget { connections } => self.logins.forget(&connections).await.into(),
            Question::Unlock => self.logins.unlock().await.into(),
        }
    }

    fn take(self: &Arc<Self>, Handover { connection, environment, login }: Handover) {
        let what = if login.is_some() { "a login" } else { "the environment" };
        self.log.say(&format!("{what} of {connection} was handed over"));
        self.handed.lock().insert(connection.clone(), environment);
        if let Some(login) = login {
            self.keep(connection, login);
        }
    }

    async fn log_in(
        self: &Arc<Self>,
        connection: &str,
        selection: &Selection,
        interaction: Interaction<'_>,
    ) -> Result<(), Fault> {
        let environment = self.environment(connection);
        let access = kubeconfig::load(selection, &environment)?;
        let began = Instant::now();
        let outcome = access.credential(&environment, interaction, LOGIN_TIME).await;
        // What a plugin said can be secret; its fault's code isn't.
        let came = outcome.as_ref().map_or_else(|fault| fault.code.as_str(), |_| "obtained");
        self.log.say(&format!("login of {connection}: {came} after {:.1?}", began.elapsed()));
        if let Some(login) = Login::of(&access, outcome?) {
            self.keep(connection.to_owned(), login);
        }
        Ok(())
    }

    /// It counts at once, however long the keyring takes.
    fn keep(self: &Arc<Self>, connection: String, login: Login) {
        self.logins.remember(&connection, login);
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            let kept = desk.logins.keep(&connection).await;
            let how = kept.as_ref().map_or_else(|fault| fault.code.as_str(), |()| "kept");
            desk.log.say(&format!("login of {connection} for the next start: {how}"));
        });
    }
}
