//! What is worth interrupting somebody for: what began between two moments, and what is over again.

use std::collections::{BTreeMap, BTreeSet};

use hawser_client::intercept::Place;
use hawser_fault::{Code, Fault};
use hawser_ipc::proto::{InterceptPhase, State};

use crate::facts::{Facts, lasts};
use crate::view::{Ms, NoticeKind, Screen};
use crate::{Act, Notice, NoticeAction, NoticeId, limits};

/// What notices depend on, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moment {
    /// What lasts, with its words.
    lasting: BTreeMap<NoticeId, (String, String)>,
    /// Connections that stand.
    standing: BTreeSet<String>,
    /// Intercepts that have ended or wait, and why.
    over: BTreeMap<Place, (InterceptPhase, Fault)>,
}

/// What came of comparing two moments.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct News {
    pub(crate) notices: Vec<Notice>,
    pub(crate) withdrawn: Vec<NoticeId>,
}

impl Moment {
    pub(crate) fn of(facts: &Facts, now: Ms) -> Self {
        let mut moment = Self::default();
        for connection in facts.connections() {
            let cause = connection.cause.clone().map(Fault::from);
            let detail = cause.map(|cause| cause.detail).unwrap_or_default();
            let name = &connection.name;
            match connection.state() {
                State::Connected => drop(moment.standing.insert(name.clone())),
                State::Reconnecting => {
                    moment.last(NoticeKind::Lost, name, format!("{name} lost its connection"), detail)
                }
                State::NeedsLogin => {
                    moment.last(NoticeKind::LoginNeeded, name, format!("{name} waits for your login"), detail);
                }
                _ => {}
            }
            for trouble in connection.troubles.iter().cloned().map(Fault::from) {
                let about = format!("{name} {}", trouble.code);
                let title = format!("{name}: {}", trouble.code.title());
                moment.last(NoticeKind::Trouble, &about, title, format!("{} {}", trouble.detail, trouble.fix));
            }
        }
        for (connection, _) in facts.logins_that_end(now) {
            let minutes = limits::LOGIN_SOON.as_secs() / 60;
            let title = format!("Your login to {} ends soon", connection.name);
            let body = format!("In less than {minutes} minutes. Log in again, and nothing is interrupted.");
            moment.last(NoticeKind::LoginSoon, &connection.name, title, body);
        }
        for (place, state) in facts.intercepts() {
            let cause = state.cause.clone().map(Fault::from);
            if let (InterceptPhase::Ended | InterceptPhase::Waiting, Some(cause)) = (state.phase(), cause) {
                moment.over.insert(place, (state.phase(), cause));
                continue;
            }
            let Some(watch) = facts.watched.of(&place).filter(|_| state.phase() == InterceptPhase::Active) else {
                continue;
            };
            let about = format!("{} {}", place.connection, place.name);
            if watch.missed_since.is_some_and(|since| lasts(since, now)) {
                let body = "What clients ask of a replica does not come to this computer.";
                moment.last(NoticeKind::Replica, &about, format!("{} misses a replica", place.name), body.to_owned());
            }
            let mut silent = watch.silent().filter(|(port, since)| lasts(*since, now) && watch.was_heard(*port));
            if let Some((port, _)) = silent.next() {
                let title = format!("Nobody listens on port {port}");
                let body = format!("What clients ask of {} gets no answer until your program runs again.", place.name);
                moment.last(NoticeKind::LocalPort, &about, title, body);
            }
        }
        moment
    }

    fn last(&mut self, kind: NoticeKind, about: &str, title: String, body: String) {
        self.lasting.insert(NoticeId { kind, about: about.to_owned() }, (title, body));
    }
}

/// What began since `before`. `own` says what the user has just done themselves: that is no news to them, but time that is over is.
pub(crate) fn between(before: &Moment, after: &Moment, own: impl Fn(&Place) -> bool) -> News {
    let mut news = News::default();
    for (id, (title, body)) in &after.lasting {
        if !before.lasting.contains_key(id) {
            news.notices.push(notice(id.clone(), title.clone(), body.clone()));
        }
    }
    for id in before.lasting.keys().filter(|id| !after.lasting.contains_key(id)) {
        news.withdrawn.push(id.clone());
        if id.kind == NoticeKind::Lost && after.standing.contains(&id.about) {
            let back = NoticeId { kind: NoticeKind::Back, about: id.about.clone() };
            news.notices.push(notice(back, format!("{} is connected again", id.about), String::new()));
        }
    }
    for (place, (phase, cause)) in &after.over {
        let expired = cause.code == Code::InterceptExpired;
        if before.over.get(place).is_some_and(|(before, _)| before == phase) || own(place) && !expired {
            continue;
        }
        let kind = if expired { NoticeKind::Expired } else { NoticeKind::Taken };
        let id = NoticeId { kind, about: format!("{} {}", place.connection, place.name) };
        let again = Act::Pick { connection: Some(place.connection.clone()), intercept: Some(place.name.clone()) };
        let mut notice =
            notice(id, format!("{}: {}", place.name, cause.code.title()), format!("{}. {}", cause.detail, cause.fix));
        if *phase == InterceptPhase::Ended {
            notice.actions.push((NoticeAction::Act(again), "Ask again".to_owned()));
        }
        news.notices.push(notice);
    }
    news
}

fn notice(id: NoticeId, title: String, body: String) -> Notice {
    let open = |screen, words: &str| (NoticeAction::Open(screen), words.to_owned());
    let mut actions = match id.kind {
        NoticeKind::Lost | NoticeKind::Back | NoticeKind::Trouble | NoticeKind::LoginSoon | NoticeKind::LoginNeeded => {
            vec![open(Screen::Clusters, "Show")]
        }
        NoticeKind::Taken | NoticeKind::Expired | NoticeKind::Replica | NoticeKind::LocalPort => {
            vec![open(Screen::Intercepts, "Show")]
        }
    };
    if matches!(id.kind, NoticeKind::LoginSoon | NoticeKind::LoginNeeded) {
        actions.push((NoticeAction::Act(Act::LogIn { connection: id.about.clone() }), "Log in".to_owned()));
    }
    Notice { id, title, body, actions }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(kind: NoticeKind) -> Moment {
        let mut moment = Moment::default();
        moment.last(kind, "dev", "T".to_owned(), "B".to_owned());
        moment
    }

    fn over(phase: InterceptPhase, code: Code) -> Moment {
        let place = Place { connection: "dev".into(), name: "web".into() };
        Moment { over: [(place, (phase, Fault::new(code, "d")))].into(), ..Moment::default() }
    }

    fn standing() -> Moment {
        Moment { standing: ["dev".to_owned()].into(), ..Moment::default() }
    }

    #[test]
    fn what_began_is_told_once_and_taken_back_when_it_is_over() {
        use InterceptPhase::{Ended, Waiting};
        use NoticeKind::{Back, Expired, LocalPort, LoginNeeded, LoginSoon, Lost, Replica, Taken, Trouble};
        let none = Moment::default;
        type Row = (Moment, Moment, &'static [NoticeKind], &'static [NoticeKind]);
        let table: Vec<Row> = vec![
            (none(), none(), &[], &[]),
            (standing(), lasting(Lost), &[Lost], &[]),
            (lasting(Lost), lasting(Lost), &[], &[]),
            (lasting(Lost), standing(), &[Back], &[Lost]),
            (lasting(Lost), none(), &[], &[Lost]),
            (standing(), lasting(LoginSoon), &[LoginSoon], &[]),
            (lasting(LoginSoon), standing(), &[], &[LoginSoon]),
            (lasting(LoginSoon), lasting(LoginNeeded), &[LoginNeeded], &[LoginSoon]),
            (standing(), lasting(LoginNeeded), &[LoginNeeded], &[]),
            (lasting(LoginNeeded), standing(), &[], &[LoginNeeded]),
            (standing(), lasting(Trouble), &[Trouble], &[]),
            (lasting(Trouble), lasting(Trouble), &[], &[]),
            (lasting(Trouble), standing(), &[], &[Trouble]),
            (none(), lasting(Replica), &[Replica], &[]),
            (none(), lasting(LocalPort), &[LocalPort], &[]),
            (none(), over(Ended, Code::InterceptExpired), &[Expired], &[]),
            (none(), over(Ended, Code::InterceptEnded), &[Taken], &[]),
            (none(), over(Waiting, Code::PortHeld), &[Taken], &[]),
            (over(Waiting, Code::PortHeld), over(Waiting, Code::PortHeld), &[], &[]),
            (over(Waiting, Code::PortHeld), over(Ended, Code::InterceptEnded), &[Taken], &[]),
            (over(Ended, Code::InterceptEnded), none(), &[], &[]),
        ];
        for (before, after, told, withdrawn) in table {
            let news = between(&before, &after, |_| false);
            let kinds: Vec<_> = news.notices.iter().map(|notice| notice.id.kind).collect();
            assert_eq!(kinds, told, "{before:?}\n{after:?}");
            let gone: Vec<_> = news.withdrawn.iter().map(|id| id.kind).collect();
            assert_eq!(gone, withdrawn, "{before:?}\n{after:?}");
            assert!(news.notices.iter().all(|notice| !notice.actions.is_empty()));
        }
    }

    #[test]
    fn what_the_user_did_is_no_news() {
        let ended = over(InterceptPhase::Ended, Code::InterceptEnded);
        assert_eq!(between(&Moment::default(), &ended, |_| true), News::default());
        let news = between(&Moment::default(), &ended, |_| false);
        assert!(matches!(&news.notices[0].actions[1].0, NoticeAction::Act(Act::Pick { .. })));
    }

    #[test]
    fn that_the_time_is_over_is_news_even_of_an_intercept_that_was_just_asked_for() {
        let expired = over(InterceptPhase::Ended, Code::InterceptExpired);
        let news = between(&Moment::default(), &expired, |_| true);
        assert_eq!(news.notices.iter().map(|notice| notice.id.kind).collect::<Vec<_>>(), [NoticeKind::Expired]);
    }
}
