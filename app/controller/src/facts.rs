//! Everything that is known.

mod attempts;
mod catalogue;
mod contexts;
mod doctor;
mod flows;
mod form;
mod helper;
mod history;
mod intercepts;
mod names;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use hawser_client::intercept::Place;
use hawser_client::secrets::Kept;
use hawser_fault::Fault;
use hawser_ipc::proto::{Connection, InterceptPhase, InterceptState, State};

pub(crate) use attempts::Attempts;
pub(crate) use catalogue::Catalogue;
pub(crate) use contexts::{Contexts, Entry, Origin};
pub(crate) use doctor::Doctor;
pub(crate) use flows::Flows;
pub(crate) use form::Form;
pub(crate) use helper::Helper;
pub(crate) use history::{History, Past};
pub(crate) use intercepts::{Proven, Watched, lasts};
pub(crate) use names::{Names, NamesNews};
pub(crate) use settings::Stored;

use crate::handle::Posture;
use crate::news::News;
use crate::view::{Ms, Screen};
use crate::{Surroundings, limits};

pub(crate) struct Facts {
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) posture: Posture,
    pub(crate) helper: Helper,
    pub(crate) contexts: Contexts,
    pub(crate) attempts: Attempts,
    pub(crate) history: History,
    pub(crate) watched: Watched,
    pub(crate) form: Form,
    pub(crate) catalogue: Catalogue,
    pub(crate) flows: Flows,
    pub(crate) names: Names,
    pub(crate) doctor: Doctor,
    pub(crate) stored: Stored,
    /// Connections to which the user is just logging in, and what logs in says meanwhile.
    pub(crate) logging_in: BTreeMap<String, String>,
    /// What is kept of logins, and where; `None` until it was asked.
    pub(crate) kept: Option<Result<Kept, Fault>>,
    pub(crate) screen: Screen,
    /// What rows of the list of clusters contain.
    pub(crate) search: String,
    pub(crate) welcome_step: u8,
    /// Whether somebody is asked what becomes of intercepts when the application ends.
    pub(crate) quitting: bool,
    /// Connections that somebody is asked about, since intercepts would end with them.
    pub(crate) ending: Vec<String>,
}

impl Facts {
    pub(crate) fn new(surroundings: Arc<Surroundings>) -> Self {
        let stored = Stored::read(&surroundings.settings);
        let screen = if stored.settings.welcomed { stored.settings.last_screen } else { Screen::Welcome };
        Self {
            posture: Posture::default(),
            helper: Helper::default(),
            contexts: Contexts::default(),
            attempts: Attempts::default(),
            history: History::default(),
            watched: Watched::default(),
            form: Form::default(),
            catalogue: Catalogue::default(),
            flows: Flows::default(),
            names: Names::default(),
            doctor: Doctor::default(),
            stored,
            logging_in: BTreeMap::new(),
            kept: None,
            // A form that nobody has begun is no place to come back to.
            screen: if screen == Screen::Picker { Screen::Intercepts } else { screen },
            search: String::new(),
            welcome_step: 1,
            quitting: false,
            ending: Vec::new(),
            surroundings,
        }
    }

    pub(crate) fn take_in(&mut self, news: News, now: Ms) {
        match news {
            News::Snapshot(link, client, snapshot) => {
                self.helper.answers(link, client, snapshot, self.surroundings.version);
                self.contexts.follow(&self.helper.snapshot, self.surroundings.uid);
                self.history.follow(&self.helper.snapshot, now);
                let intercepts: Vec<(Place, InterceptState)> =
                    self.intercepts().map(|(place, state)| (place, state.clone())).collect();
                self.watched.follow(&intercepts, now);
                self.forget_what_stands();
                let ending = std::mem::take(&mut self.ending);
                self.ending = ending.into_iter().filter(|name| self.live(name).next().is_some()).collect();
            }
            News::Broke { fault, silent } => self.helper.broke(&fault, silent, &self.surroundings.socket),
            News::Files { found, managers, faults } => {
                self.contexts.take_in(found, managers, faults);
                self.contexts.follow(&self.helper.snapshot, self.surroundings.uid);
            }
            News::Trying(context) => self.attempts.begin(context),
            News::Tried(context, outcome) => self.attempts.end(context, outcome),
            News::LoginSays(name, text) => {
                if let Some(said) = self.logging_in.get_mut(&name) {
                    *said = text;
                }
            }
            News::LoggedIn(name) => drop(self.logging_in.remove(&name)),
            News::Kept(kept) => self.kept = Some(kept),
            News::Catalogue(news) => self.catalogue.take_in(news),
            News::Listeners(listeners) => self.catalogue.listeners = listeners,
            News::Flows(flows) => self.flows.take_in(flows, now),
            News::Names(names) => self.names.take_in(names),
            News::Hops(snapshot) => self.history.measure(&snapshot, now),
            News::Preview(revision, outcome) => self.form.previewed(revision, outcome),
            News::Asking(state) => self.form.waits_for(&state),
            News::Asked(outcome) => {
                if self.form.asked(outcome) && self.screen == Screen::Picker {
                    self.screen = Screen::Intercepts;
                }
            }
            News::Proven(place, outcome) => self.watched.proven(&place, outcome, now),
            News::Written(place, written) => self.watched.written(place, written),
            News::Chosen(what, path) => self.form.chosen(what, path),
            News::Check(check) => self.doctor.add(check),
            News::Examined => self.doctor.done(),
            News::Exported(outcome) => self.doctor.exported(outcome),
            News::Level(level) => self.doctor.level = Some(level),
            News::LevelSet(level) => self.doctor.level_set(level),
            // Those are the controller's to deal with.
            News::Environment(_) | News::Tuned(..) | News::Complaint(_) => {}
        }
    }

    /// The user's own connections.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &Connection> {
        let uid = self.surroundings.uid;
        self.helper.snapshot.connections.iter().filter(move |connection| connection.owner == uid)
    }

    /// The user's own connection of this name.
    pub(crate) fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections().find(|connection| connection.name == name)
    }

    /// The user's own intercepts.
    pub(crate) fn intercepts(&self) -> impl Iterator<Item = (Place, &InterceptState)> {
        self.connections().flat_map(|connection| {
            let place =
                |state: &InterceptState| Place { connection: connection.name.clone(), name: state.name.clone() };
            connection.intercepts.iter().map(move |state| (place(state), state))
        })
    }

    /// Connections whose login ends soon, and when.
    pub(crate) fn logins_that_end(&self, now: Ms) -> impl Iterator<Item = (&Connection, Ms)> {
        let is_soon = move |at: i64| at > now.0 && at - now.0 <= limits::LOGIN_SOON.as_millis() as i64;
        let standing = self.connections().filter(|connection| connection.state() == State::Connected);
        standing.filter(move |known| is_soon(known.login_expires)).map(|known| (known, Ms(known.login_expires)))
    }

    /// Those of a connection that have not ended.
    pub(crate) fn live(&self, connection: &str) -> impl Iterator<Item = &InterceptState> {
        let intercepts = self.connection(connection).into_iter().flat_map(|known| &known.intercepts);
        intercepts.filter(|state| state.phase() != InterceptPhase::Ended)
    }

    /// One of them.
    pub(crate) fn intercept(&self, place: &Place) -> Option<&InterceptState> {
        self.connection(&place.connection)?.intercepts.iter().find(|state| state.name == place.name)
    }

    /// Connections that intercepts can go over.
    pub(crate) fn interceptable(&self) -> impl Iterator<Item = &Connection> {
        self.connections().filter(|connection| connection.state() == State::Connected && !connection.context.is_empty())
    }

    /// A page shows this screen now.
    pub(crate) fn is_shown(&self, screen: Screen) -> bool {
        self.posture.attached && self.screen == screen
    }

    /// Attempts say nothing any more once the connection they were for stands.
    fn forget_what_stands(&mut self) {
        let standing = self.connections().filter(|connection| connection.state() == State::Connected);
        let standing: Vec<_> = standing.filter_map(|connection| self.contexts.context_of(&connection.name)).collect();
        standing.into_iter().for_each(|context| self.attempts.dismiss(context));
    }
}
