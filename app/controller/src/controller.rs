//! The loop: what happens changes what is known, what is known is shown.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hawser_client::intercept::Place;
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptPhase, InterceptState};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

use crate::acts::{Begun, export};
use crate::desk::Desk;
use crate::facts::Facts;
use crate::handle::{Asked, Handle, Posture, Wish, busy};
use crate::news::News;
use crate::notices::{Moment, between};
use crate::streams::Streams;
use crate::view::{Ms, Screen, Update};
use crate::{
    Act, NoticeAction, Picked, Surroundings, Tray, TrayAct, Ui, Window, background, files, limits, link, shown, tray,
};

/// Knows and does everything; shows it by `U`.
pub struct Controller<U> {
    pub(crate) ui: U,
    pub(crate) facts: Facts,
    /// Ends the application once a task says so.
    pub(crate) ends: Arc<Notify>,
    acts: mpsc::Receiver<Asked>,
    posture: watch::Receiver<Posture>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    /// Kubeconfigs that the user has added.
    added: watch::Sender<Vec<PathBuf>>,
    streams: Streams,
    tasks: JoinSet<()>,
    /// Follows the user's files.
    files: Option<AbortHandle>,
    shown: Shown,
    /// When it was looked whether there is a companion.
    accompanied: Option<Instant>,
    /// What the user did themselves, and when.
    own: HashMap<Place, Instant>,
}

/// What was shown last.
#[derive(Default)]
struct Shown {
    updates: HashMap<Discriminant<Update>, Update>,
    tray: Option<Tray>,
    moment: Option<Moment>,
    pages: u64,
}

impl<U: Ui> Controller<U> {
    /// One that knows nothing yet, and what speaks to it.
    pub fn new(ui: U, surroundings: Surroundings) -> (Self, Handle) {
        let (handle, acts, posture) = Handle::new();
        let facts = Facts::new(Arc::new(surroundings));
        let added = watch::Sender::new(facts.stored.settings.kubeconfigs.clone());
        let controller = Self {
            ui,
            facts,
            ends: Arc::default(),
            acts,
            posture,
            news: mpsc::channel(limits::NEWS),
            added,
            streams: Streams::default(),
            tasks: JoinSet::new(),
            files: None,
            shown: Shown::default(),
            accompanied: None,
            own: HashMap::new(),
        };
        (controller, handle)
    }

    /// Runs until every handle is gone, on this thread alone.
    pub async fn run(self) {
        LocalSet::new().run_until(self.follow()).await;
    }

    async fn follow(mut self) {
        let surroundings = self.facts.surroundings.clone();
        let news = self.news.0.clone();
        let socket = surroundings.socket.clone();
        self.tasks.spawn_local(async move { link::keep(&socket, news).await });
        self.read_anew();
        self.spawn(background::login_shell(surroundings, self.news.0.clone()));
        let mut look = Instant::now();
        loop {
            self.show();
            tokio::select! {
                Some(asked) = self.acts.recv() => self.take_wish(asked),
                Some(news) = self.news.1.recv() => self.take_in(news),
                Some(_) = self.tasks.join_next() => {}
                changed = self.posture.changed() => match changed {
                    Ok(()) => self.facts.posture = *self.posture.borrow_and_update(),
                    Err(_) => return,
                },
                () = self.ends.notified() => self.ui.exit(),
                () = sleep_until(look) => {
                    self.look();
                    look = Instant::now() + self.pace();
                }
            }
            // What has come meanwhile is shown with it.
            for _ in 0..limits::AT_ONCE {
                match self.news.1.try_recv() {
                    Ok(news) => self.take_in(news),
                    Err(_) => break,
                }
            }
            look = look.min(Instant::now() + self.pace());
        }
    }

    /// The files that the environment names are followed from now on, and no others.
    fn read_anew(&mut self) {
        if let Some(before) = self.files.take() {
            before.abort();
        }
        let surroundings = self.facts.surroundings.clone();
        let following = files::keep(surroundings, self.added.subscribe(), self.news.0.clone());
        self.files = Some(self.tasks.spawn_local(following));
    }

    /// What tasks need.
    pub(crate) fn desk(&self) -> Desk {
        Desk {
            surroundings: self.facts.surroundings.clone(),
            client: self.facts.helper.client.clone(),
            news: self.news.0.clone(),
        }
    }

    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        self.tasks.spawn_local(task);
    }

    /// The user has just done something to this intercept: its effect is no news to them. An empty name means all.
    pub(crate) fn did(&mut self, connection: &str, name: &str) {
        self.own.retain(|_, at| at.elapsed() < limits::OWN);
        let place = Place { connection: connection.to_owned(), name: name.to_owned() };
        self.own.insert(place, Instant::now());
    }

    /// The user's files are read again.
    pub(crate) fn read_files(&self) {
        self.added.send_replace(self.facts.stored.settings.kubeconfigs.clone());
    }

    /// Whether a problem with this fix is shown.
    pub(crate) fn is_on_screen(&self, fix: &str) -> bool {
        fix.len() <= limits::FIX && self.shown.updates.values().any(|update| has_fix(update, fix))
    }

    fn take_wish(&mut self, Asked { wish, answer }: Asked) {
        let begun = match wish {
            Wish::Act(act) => self.begin_bounded(act),
            Wish::Tray(TrayAct::Act(act)) | Wish::Notice(NoticeAction::Act(act)) => {
                let opens = matches!(act, Act::Pick { .. });
                let begun = self.begin_bounded(act);
                if opens && begun.is_ok() {
                    self.ui.window(Window::Show);
                }
                begun
            }
            Wish::Tray(TrayAct::Open(screen)) | Wish::Notice(NoticeAction::Open(screen)) => {
                let begun = self.begin(Act::Show { screen });
                self.ui.window(Window::Show);
                begun
            }
            Wish::Tray(TrayAct::Quit) => self.quit(None),
        };
        let complaints = self.news.0.clone();
        match (begun, answer) {
            (Ok(None), Some(answer)) => drop(answer.send(Ok(()))),
            (Ok(None), None) => {}
            (Err(fault), Some(answer)) => drop(answer.send(Err(fault))),
            (Err(fault), None) => self.complain(&fault),
            (Ok(Some(later)), Some(answer)) => self.spawn(async move { drop(answer.send(later.await)) }),
            (Ok(Some(later)), None) => self.spawn(async move {
                if let Err(fault) = later.await {
                    let _ = complaints.send(News::Complaint(fault)).await;
                }
            }),
        }
    }

    fn begin_bounded(&mut self, act: Act) -> Begun {
        if self.tasks.len() >= limits::ACTS {
            return Err(busy());
        }
        self.begin(act)
    }

    /// What was pressed in the tray has nobody that waits for an answer.
    fn complain(&mut self, fault: &Fault) {
        let words = format!("{}: {}. {}", fault.code.title(), fault.detail, fault.fix);
        self.ui.publish(Update::Toast(crate::view::Toast { words: words.clone() }));
        if !self.facts.posture.attached {
            let id = crate::NoticeId { kind: crate::view::NoticeKind::Lost, about: "act".to_owned() };
            let notice = crate::Notice {
                id,
                title: fault.code.title().to_owned(),
                body: format!("{}. {}", fault.detail, fault.fix),
                actions: vec![(NoticeAction::Open(self.facts.screen), "Open".to_owned())],
            };
            self.ui.notify(&notice);
        }
    }

    fn take_in(&mut self, news: News) {
        match news {
            News::Complaint(fault) => self.complain(&fault),
            News::Environment(environment) => {
                let surroundings = Surroundings { environment, ..Surroundings::clone(&self.facts.surroundings) };
                self.facts.surroundings = Arc::new(surroundings);
                self.read_anew();
            }
            News::Tuned(context, tuning) => {
                if let Err(fault) = self.keep_tuning(context, tuning) {
                    self.complain(&fault);
                }
            }
            News::Chosen(Picked::Kubeconfig, Some(path)) => self.add_kubeconfig(path),
            News::Chosen(Picked::Export, Some(path)) => {
                let desk = self.desk();
                let exporting = export(&mut self.facts, desk, path);
                self.spawn(exporting);
            }
            News::Chosen(Picked::Kubeconfig | Picked::Export, None) => {}
            news => self.facts.take_in(news, now()),
        }
    }

    fn add_kubeconfig(&mut self, path: PathBuf) {
        let known = &self.facts.stored.settings.kubeconfigs;
        if known.contains(&path) {
            return;
        }
        if known.len() >= limits::KUBECONFIGS {
            let detail = format!("{} kubeconfigs were added already", limits::KUBECONFIGS);
            return self.complain(&Fault::new(Code::LimitReached, detail));
        }
        match self.facts.stored.change(|settings| settings.kubeconfigs.push(path)) {
            Ok(()) => self.read_files(),
            Err(fault) => self.complain(&fault),
        }
    }

    /// At what nobody tells.
    fn look(&mut self) {
        let now = now();
        let intercepts = self.intercepts();
        self.facts.watched.look(&intercepts, now);
        for place in self.facts.watched.due(&intercepts, now) {
            if let Ok(Some(proving)) = self.prove(place) {
                self.spawn(async move { drop(proving.await) });
            }
        }
        if self.has_clusters() && self.accompanied.is_none_or(|at| at.elapsed() >= limits::COMPANION) {
            self.accompanied = Some(Instant::now());
            let (desk, names) = (self.desk(), self.facts.connections().map(|known| known.name.clone()).collect());
            self.spawn(background::accompany(desk, names));
        }
    }

    fn has_clusters(&self) -> bool {
        self.facts.connections().any(|connection| !connection.context.is_empty())
    }

    fn pace(&self) -> std::time::Duration {
        match self.facts.intercepts().find(|(_, state)| state.phase() != InterceptPhase::Ended) {
            Some(_) => limits::LOOK,
            None if self.has_clusters() => limits::COMPANION,
            None => limits::IDLE_LOOK,
        }
    }

    fn intercepts(&self) -> Vec<(Place, InterceptState)> {
        self.facts.intercepts().map(|(place, state)| (place, state.clone())).collect()
    }

    fn show(&mut self) {
        let now = now();
        let desk = self.desk();
        self.streams.follow(&mut self.facts, &desk);
        if self.facts.is_shown(Screen::Clusters) {
            self.facts.attempts.see();
        }
        if self.facts.is_shown(Screen::Intercepts) {
            let seen: Vec<_> = self.facts.intercepts().map(|(place, state)| (place, state.since)).collect();
            self.facts.watched.see(seen);
        }
        self.publish(now);
        let tray = tray::of(&self.facts, now);
        if self.shown.tray.as_ref() != Some(&tray) {
            self.ui.tray(&tray);
            self.shown.tray = Some(tray);
        }
        self.tell(now);
    }

    /// To the page: what differs from what it has.
    fn publish(&mut self, now: Ms) {
        if !self.facts.posture.attached {
            return;
        }
        if self.shown.pages != self.facts.posture.pages {
            self.shown.pages = self.facts.posture.pages;
            self.shown.updates.clear();
            self.facts.form.reopen();
        }
        self.publish_one(Update::Shell(shown::shell(&self.facts, now)));
        let screen = self.facts.screen;
        self.publish_one(shown::screen(&self.facts, screen));
    }

    fn publish_one(&mut self, update: Update) {
        let kind = discriminant(&update);
        if self.shown.updates.get(&kind) != Some(&update) {
            self.ui.publish(update.clone());
            self.shown.updates.insert(kind, update);
        }
    }

    /// By notices, unless nothing is known.
    fn tell(&mut self, now: Ms) {
        if !self.facts.helper.is_up() {
            return;
        }
        let moment = Moment::of(&self.facts, now);
        let Some(before) = self.shown.moment.replace(moment) else { return };
        let Some(after) = &self.shown.moment else { return };
        if before == *after {
            return;
        }
        let own = |place: &Place| {
            let all = Place { connection: place.connection.clone(), name: String::new() };
            [place, &all].iter().any(|place| self.own.get(place).is_some_and(|at| at.elapsed() < limits::OWN))
        };
        let news = between(&before, after, own);
        for id in &news.withdrawn {
            self.ui.withdraw(id);
        }
        for notice in news.notices.iter().filter(|notice| self.facts.stored.notices(notice.id.kind)) {
            self.ui.notify(notice);
        }
    }
}

/// Unix milliseconds.
pub(crate) fn now() -> Ms {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ms(now.as_millis().try_into().unwrap_or(i64::MAX))
}

fn has_fix(update: &Update, fix: &str) -> bool {
    fn is_in(value: &serde_json::Value, fix: &str) -> bool {
        match value {
            serde_json::Value::Object(fields) => {
                fields.iter().any(|(name, value)| (name == "fix" && value == fix) || is_in(value, fix))
            }
            serde_json::Value::Array(values) => values.iter().any(|value| is_in(value, fix)),
            _ => false,
        }
    }
    serde_json::to_value(update).is_ok_and(|value| is_in(&value, fix))
}
