//! What snapshots don't remember: the steps of a connection, and how far it was.

use std::collections::{HashMap, HashSet, VecDeque};

use hawser_ipc::proto::{Connection, Snapshot, State};
use nix::unistd::{Uid, User};

use crate::limits;
use crate::view::{Ms, Step, Us};

#[derive(Default)]
pub(crate) struct History {
    by_name: HashMap<(u32, String), Past>,
    /// Names of those who have connections, by uid.
    users: HashMap<u32, String>,
}

#[derive(Default)]
pub(crate) struct Past {
    pub(crate) steps: VecDeque<Step>,
    pub(crate) round_trips: VecDeque<Us>,
    measured: Option<Ms>,
}

impl History {
    pub(crate) fn follow(&mut self, snapshot: &Snapshot, now: Ms) {
        let key = |connection: &Connection| (connection.owner, connection.name.clone());
        self.by_name.retain(|known, _| snapshot.connections.iter().any(|connection| key(connection) == *known));
        for connection in &snapshot.connections {
            self.by_name.entry(key(connection)).or_default().follow(connection, now);
        }
        let owners: HashSet<u32> = snapshot.connections.iter().map(|connection| connection.owner).collect();
        self.users.retain(|uid, _| owners.contains(uid));
        for uid in owners {
            self.users.entry(uid).or_insert_with(|| user(uid));
        }
    }

    /// Whose it is, by name if they have one.
    pub(crate) fn owner(&self, connection: &Connection) -> &str {
        self.users.get(&connection.owner).map_or("", String::as_str)
    }

    pub(crate) fn of(&self, connection: &Connection) -> Option<&Past> {
        self.by_name.get(&(connection.owner, connection.name.clone()))
    }
}

/// May ask a server of the network.
fn user(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

impl Past {
    fn follow(&mut self, connection: &Connection, now: Ms) {
        let open = self.steps.back_mut().filter(|step| step.ended.is_none());
        let goes_on = open.as_ref().is_some_and(|step| step.words == connection.step);
        if !goes_on {
            if let Some(step) = open {
                step.ended = Some(now);
            }
            if !connection.step.is_empty() {
                self.steps.push_back(Step { words: connection.step.clone(), began: now, ended: None });
            }
        }
        while self.steps.len() > limits::STEPS {
            self.steps.pop_front();
        }
        let is_due = self.measured.is_none_or(|before| now.0 - before.0 >= 1000);
        if connection.state() == State::Connected && connection.round_trip_us > 0 && is_due {
            self.round_trips.push_back(Us(connection.round_trip_us));
            self.measured = Some(now);
        }
        while self.round_trips.len() > limits::ROUND_TRIPS {
            self.round_trips.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(step: &str, round_trip_us: u64) -> Connection {
        let state = if step.is_empty() { State::Connected } else { State::Connecting };
        Connection {
            name: "dev".into(),
            step: step.into(),
            round_trip_us,
            state: state.into(),
            ..Connection::default()
        }
    }

    #[test]
    fn steps_and_round_trips_are_remembered_up_to_a_bound() {
        let mut history = History::default();
        let mut at = |now: i64, connection: Connection| {
            history.follow(&Snapshot { connections: vec![connection], ..Snapshot::default() }, Ms(now));
        };
        at(0, connection("dialling", 0));
        at(10, connection("dialling", 0));
        at(20, connection("routes", 0));
        at(30, connection("", 7));
        at(40, connection("", 8));
        at(1_030, connection("", 9));
        for number in 0..100 {
            at(2_000 + number, connection(&number.to_string(), 0));
        }
        let past = history.of(&connection("", 0)).unwrap();
        assert_eq!(past.round_trips, [Us(7), Us(9)], "one a second");
        assert_eq!(past.steps.len(), limits::STEPS);
        assert_eq!(past.steps.back().unwrap().words, "99");
        assert!(past.steps.iter().rev().skip(1).all(|step| step.ended.is_some()));
        history.follow(&Snapshot::default(), Ms(3_000));
        assert!(history.of(&connection("", 0)).is_none());
    }
}
