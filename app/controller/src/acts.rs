//! What is asked for, done: each act is checked against what is known, then does its part at once or in a task.

mod connect;
mod doctor;
mod intercept;
mod login;
mod parse;
mod window;

use std::pin::Pin;

use hawser_client::elevation::Elevation;
use hawser_client::intercept::Place;
use hawser_fault::{Code, Fault};
use hawser_ipc::from_status;
use hawser_ipc::proto::{DisconnectRequest, ExtendRequest, LeaveRequest, ProveRequest};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::controller::Controller;
use crate::desk::slow;
use crate::news::News;
use crate::view::{ContextId, Remedy, Screen, Update};
use crate::{Act, Copyable, Draft, List, Mode, Picked, Setting, Ui, Window, limits, shown};
pub(crate) use doctor::export;

/// What goes on after an act was begun; who asked waits for it.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<(), Fault>>>>;

/// What became of an act.
pub(crate) type Begun = Result<Option<Later>, Fault>;

fn later(future: impl Future<Output = Result<(), Fault>> + 'static) -> Begun {
    Ok(Some(Box::pin(future)))
}

/// Ends an intercept. One that is gone already is no error.
async fn leave(helper: &mut hawser_ipc::Client, connection: String, name: String) -> Result<(), Fault> {
    let left = timeout(limits::CALL, helper.leave(LeaveRequest { connection, name })).await;
    match left.map_err(|_| slow())?.map_err(|status| from_status(&status)) {
        Err(fault) if fault.code == Code::InterceptUnknown => Ok(()),
        other => other.map(drop),
    }
}

impl<U: Ui> Controller<U> {
    pub(crate) fn begin(&mut self, act: Act) -> Begun {
        match act {
            Act::Painted { .. } => Ok(None),
            Act::Show { screen } => self.go_to(screen),
            Act::Search { list, text } => self.search(list, text),
            Act::Connect { context } | Act::Retry { context } => self.connect(context),
            Act::Tune { context, tuning } => self.tune(context, tuning),
            Act::Disconnect { connection } => self.end(vec![self.own(&connection)?]),
            Act::StopAll => self.end(self.facts.connections().map(|connection| connection.name.clone()).collect()),
            Act::End { sure } => {
                let meant = std::mem::take(&mut self.facts.ending);
                if sure { self.disconnect(meant) } else { Ok(None) }
            }
            Act::LogIn { connection } => self.log_in(&connection),
            Act::ForgetLogin { connection } => self.forget_login(connection),
            Act::Reroute { connection, also, never } => self.reroute(&connection, also, never),
            Act::Pick { connection, intercept } => self.pick(connection, intercept),
            Act::Draft { draft } => {
                self.facts.form.change(*draft);
                Ok(None)
            }
            Act::Intercept { revision } => self.intercept(revision),
            Act::Choose { what } => self.choose(what),
            Act::Unchoose { what } => {
                self.facts.form.chosen.remove(&what);
                Ok(None)
            }
            Act::Leave { connection, intercept } => {
                let place = self.place(connection, intercept)?;
                self.leave(place.connection, place.name)
            }
            Act::LeaveAll { connection } => {
                let connection = self.own(&connection)?;
                self.leave(connection, String::new())
            }
            Act::Extend { connection, intercept, minutes } => self.extend(connection, intercept, minutes),
            Act::Prove { connection, intercept } => {
                let place = self.place(connection, intercept)?;
                if self.facts.watched.prove(&place) { self.prove(place) } else { Ok(None) }
            }
            Act::OpenFiles { connection, intercept } => self.open_files(connection, intercept),
            Act::Copy { what } => self.copy(what),
            Act::Traffic { query } => {
                self.facts.flows.query = parse::query(query)?;
                self.facts.names.open = false;
                Ok(None)
            }
            Act::Names { query } => {
                self.facts.names.query = parse::names(query)?;
                self.facts.names.open = true;
                Ok(None)
            }
            Act::Examine => self.examine(),
            Act::Fix { check } => {
                let check = self.facts.doctor.checks.get(check as usize);
                let remedy = check.and_then(|check| shown::remedy_of(check, &self.facts));
                self.remedy(remedy.ok_or_else(|| bad("this check has nothing that can be pressed"))?)
            }
            Act::Export => self.choose(Picked::Export),
            Act::Log { level } => self.log(level),
            Act::Set { setting } => self.set(setting),
            Act::Remedy { remedy } => self.remedy(remedy),
            Act::Dismiss { context } => {
                self.facts.attempts.dismiss(context);
                Ok(None)
            }
            Act::WelcomeStep { step } => self.welcome(step),
            Act::Close => self.close(),
            Act::Quit { answer } => self.quit(answer),
        }
    }

    fn search(&mut self, list: List, text: String) -> Begun {
        let text = parse::search(text)?;
        match list {
            List::Contexts => self.facts.search = text,
            List::Workloads => self.facts.form.search = text,
        }
        Ok(None)
    }

    /// Asks first if intercepts would end with them.
    fn end(&mut self, names: Vec<String>) -> Begun {
        if names.iter().all(|name| self.facts.live(name).next().is_none()) {
            return self.disconnect(names);
        }
        self.facts.ending = names;
        self.ui.window(Window::Show);
        Ok(None)
    }

    fn disconnect(&mut self, names: Vec<String>) -> Begun {
        let mut helper = self.desk().helper()?;
        later(async move {
            for name in names {
                let gone = helper.disconnect(DisconnectRequest { name }).await.map_err(|status| from_status(&status));
                match gone {
                    Err(fault) if fault.code == Code::NotConnected => {}
                    other => drop(other?),
                }
            }
            Ok(())
        })
    }

    fn leave(&mut self, connection: String, name: String) -> Begun {
        let mut helper = self.desk().helper()?;
        self.did(&connection, &name);
        later(async move { leave(&mut helper, connection, name).await })
    }

    fn extend(&mut self, connection: String, intercept: String, minutes: Option<u32>) -> Begun {
        let Place { connection, name } = self.place(connection, intercept)?;
        let until = match minutes {
            None => 0,
            Some(minutes @ 1..=limits::MINUTES) => crate::controller::now().0 + i64::from(minutes) * 60_000,
            Some(_) => return Err(bad("minutes are 1 to 43,200")),
        };
        let mut helper = self.desk().helper()?;
        later(async move {
            let request = ExtendRequest { connection, name, until };
            let longer = timeout(limits::CALL, helper.extend_intercept(request)).await.map_err(|_| slow())?;
            longer.map(drop).map_err(|status| from_status(&status))
        })
    }

    /// Tries every way to it; what comes of it is shown on its card.
    pub(crate) fn prove(&mut self, place: Place) -> Begun {
        let desk = self.desk();
        later(async move {
            let Place { connection, name } = place.clone();
            let proving = async {
                let mut helper = desk.helper()?;
                let proof = helper.prove(ProveRequest { connection, name }).await;
                proof.map(|reply| reply.into_inner().trials).map_err(|status| from_status(&status))
            };
            let outcome = timeout(limits::PROOF, proving).await.unwrap_or_else(|_| Err(slow()));
            desk.tell(News::Proven(place, outcome)).await;
            Ok(())
        })
    }

    fn open_files(&mut self, connection: String, intercept: String) -> Begun {
        let place = self.place(connection, intercept)?;
        let mount = self.facts.intercept(&place).and_then(|state| state.mount.as_ref());
        let mounted = mount.filter(|state| state.mounted).and_then(|state| state.mount.clone());
        let mounted = mounted.ok_or_else(|| Fault::new(Code::MountFailed, "its files are not mounted now"))?;
        self.ui.open(std::path::Path::new(&mounted.path));
        Ok(None)
    }

    fn copy(&mut self, what: Copyable) -> Begun {
        let unknown = || bad("there is nothing to copy");
        let text = match what {
            Copyable::Curl { connection, intercept } => {
                let place = self.place(connection, intercept)?;
                shown::curl(&self.facts, &place).ok_or_else(unknown)?
            }
            Copyable::Server { context } => {
                let rows = shown::clusters(&self.facts).rows;
                rows.into_iter().find(|row| row.id == context).map(|row| row.server).ok_or_else(unknown)?
            }
            Copyable::Login { context } => {
                let rows = shown::clusters(&self.facts).rows;
                let row = rows.into_iter().find(|row| row.id == context);
                row.and_then(|row| row.login_command).ok_or_else(unknown)?
            }
            Copyable::Fix { fix } if self.is_on_screen(&fix) => fix,
            Copyable::Fix { .. } => return Err(unknown()),
        };
        self.ui.copy(text);
        self.toast("Copied");
        Ok(None)
    }

    fn choose(&mut self, what: Picked) -> Begun {
        let (answer, chosen) = oneshot::channel();
        self.ui.pick(what, answer);
        let desk = self.desk();
        self.spawn(async move {
            // A chooser that goes away without a word has chosen nothing.
            desk.tell(News::Chosen(what, chosen.await.unwrap_or_default())).await;
        });
        Ok(None)
    }

    fn set(&mut self, setting: Setting) -> Begun {
        match setting {
            Setting::Theme { theme } => self.facts.stored.change(|settings| settings.theme = theme)?,
            Setting::Notice { kind, on } => {
                self.facts.stored.change(|settings| {
                    settings.notices.insert(kind, on);
                })?;
            }
            Setting::StartAtLogin { on } => {
                self.ui.start_at_login(on)?;
                self.facts.stored.change(|settings| settings.start_at_login = on)?;
            }
            Setting::ForgetKubeconfig { index } => {
                let known = self.facts.stored.settings.kubeconfigs.len();
                let index =
                    Some(index as usize).filter(|index| *index < known).ok_or_else(|| bad("there is no such file"))?;
                self.facts.stored.change(|settings| drop(settings.kubeconfigs.remove(index)))?;
                self.read_files();
            }
        }
        Ok(None)
    }

    fn remedy(&mut self, remedy: Remedy) -> Begun {
        let elevation = match remedy {
            Remedy::StartHelper => Elevation::StartHelper,
            Remedy::RestartHelper => Elevation::RestartHelper,
            Remedy::JoinGroup => Elevation::JoinGroup,
            Remedy::LogIn { connection } => return self.log_in(&connection),
            Remedy::UnlockKeyring => return self.unlock_keyring(),
            Remedy::Retry { context } => return self.connect(context),
            Remedy::Show { screen } => return self.go_to(screen),
        };
        later(elevation.run())
    }

    /// Opens the form empty, or as an intercept was.
    fn pick(&mut self, connection: Option<String>, intercept: Option<String>) -> Begun {
        let mut draft = match (connection.clone(), intercept) {
            (Some(connection), Some(name)) => {
                let place = self.place(connection, name)?;
                let state = self.facts.intercept(&place).ok_or_else(|| bad("there is no such intercept"))?;
                intercept::draft_of(&place, state)
            }
            _ => Draft { mode: Mode::Intercept, ..Draft::default() },
        };
        let only = || {
            let mut names = self.facts.interceptable();
            names.next().filter(|_| names.next().is_none())
        };
        if draft.connection.is_empty() {
            draft.connection = connection.or_else(|| only().map(|known| known.name.clone())).unwrap_or_default();
        }
        if draft.namespace.is_empty() {
            let known = self.facts.connection(&draft.connection);
            draft.namespace = known.map(|known| known.namespace.clone()).unwrap_or_default();
        }
        self.facts.form.open(draft);
        self.facts.screen = Screen::Picker;
        Ok(None)
    }

    /// The name, if it is one of the user's own connections.
    fn own(&self, connection: &str) -> Result<String, Fault> {
        let known = self.facts.connection(connection).map(|known| known.name.clone());
        known.ok_or_else(|| Fault::new(Code::NotConnected, "you have no connection of this name"))
    }

    fn place(&self, connection: String, name: String) -> Result<Place, Fault> {
        let place = Place { connection, name };
        let known = self.facts.intercept(&place).is_some();
        if known { Ok(place) } else { Err(Fault::new(Code::InterceptUnknown, "you have no intercept of this name")) }
    }

    fn entry(&self, context: ContextId) -> Result<&crate::facts::Entry, Fault> {
        let unknown = || Fault::new(Code::ContextUnknown, "it is in none of your files any more");
        self.facts.contexts.entry(context).ok_or_else(unknown)
    }

    fn toast(&mut self, words: &str) {
        self.ui.publish(Update::Toast(crate::view::Toast { words: words.to_owned() }));
    }
}

fn bad(detail: &str) -> Fault {
    Fault::new(Code::BadArgument, detail).with_fix("Try again: what was shown may have changed meanwhile.")
}
