//! What snapshots don't remember: the steps of a connection, and how far it was.

use std::collections::{HashMap, HashSet, VecDeque};

use hawser_ipc::proto::{Connection, Snapshot, State, hop};

use crate::limits;
use crate::users::Users;
use crate::view::{Hop, HopName, Ms, Step, Us};

#[derive(Default)]
pub(crate) struct History {
    by_name: HashMap<(u32, String), Past>,
    /// Those who have connections.
    users: Users,
}

#[derive(Default)]
pub(crate) struct Past {
    pub(crate) steps: VecDeque<Step>,
    round_trips: VecDeque<Us>,
    /// In the order of the way, while they are measured.
    hops: Vec<Hop>,
    measured: Option<Ms>,
    hops_measured: Option<Ms>,
}

impl History {
    pub(crate) fn follow(&mut self, snapshot: &Snapshot, now: Ms) {
        let key = |connection: &Connection| (connection.owner, connection.name.clone());
        self.by_name.retain(|known, _| snapshot.connections.iter().any(|connection| key(connection) == *known));
        for connection in &snapshot.connections {
            self.by_name.entry(key(connection)).or_default().follow(connection, now);
        }
        let owners: HashSet<u32> = snapshot.connections.iter().map(|connection| connection.owner).collect();
        self.users.keep(&owners);
        for uid in owners {
            self.users.look_up(uid);
        }
    }

    /// Whose it is, by name if they have one.
    pub(crate) fn owner(&self, connection: &Connection) -> String {
        self.users.name(connection.owner)
    }

    /// Takes in how far everything is.
    pub(crate) fn measure(&mut self, snapshot: &Snapshot, now: Ms) {
        for connection in &snapshot.connections {
            if let Some(past) = self.by_name.get_mut(&(connection.owner, connection.name.clone())) {
                past.measure(connection, now);
            }
        }
    }

    /// Nobody measures that any more.
    pub(crate) fn forget_hops(&mut self) {
        self.by_name.values_mut().for_each(|past| past.hops.clear());
    }

    pub(crate) fn of(&self, connection: &Connection) -> Option<&Past> {
        self.by_name.get(&(connection.owner, connection.name.clone()))
    }
}

impl Past {
    /// The places on the way that are known. The manager alone is measured all the time.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        match self.round_trips.back() {
            Some(round_trip) if self.hops.is_empty() => {
                vec![Hop {
                    name: HopName::Manager,
                    pod: String::new(),
                    round_trip: *round_trip,
                    history: self.round_trips.iter().copied().collect(),
                }]
            }
            _ => self.hops.clone(),
        }
    }

    /// A place that isn't told of any more is gone.
    fn measure(&mut self, connection: &Connection, now: Ms) {
        let is_due = self.hops_measured.is_none_or(|before| now.0 - before.0 >= 1000);
        let before = std::mem::take(&mut self.hops);
        for hop in connection.hops.iter().take(limits::HOPS) {
            let name = match hop.place() {
                hop::Place::ApiServer => HopName::ApiServer,
                hop::Place::Manager => HopName::Manager,
                hop::Place::Agent => HopName::Agent,
                hop::Place::Unspecified => continue,
            };
            let known = before.iter().find(|known| known.name == name && known.pod == hop.name);
            let mut history = known.map(|known| known.history.clone()).unwrap_or_default();
            let round_trip = Us(hop.round_trip_us);
            if is_due || history.is_empty() {
                history.push(round_trip);
            }
            history.drain(..history.len().saturating_sub(limits::ROUND_TRIPS));
            self.hops.push(Hop { name, pod: hop.name.clone(), round_trip, history });
        }
        if is_due {
            self.hops_measured = Some(now);
        }
    }

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
    use hawser_ipc::proto;

    use super::*;

    #[test]
    fn each_place_on_the_way_has_its_own_past_for_as_long_as_it_is_told_of() {
        let mut history = History::default();
        let hop = |place: hop::Place, name: &str, round_trip_us| proto::Hop {
            place: place.into(),
            name: name.into(),
            round_trip_us,
        };
        let all = |us| {
            let hops = vec![
                hop(hop::Place::ApiServer, "", us),
                hop(hop::Place::Manager, "", us + 1),
                hop(hop::Place::Agent, "web-0", us + 2),
            ];
            Snapshot { connections: vec![Connection { hops, ..connection("", 5) }], ..Snapshot::default() }
        };
        history.follow(&all(10), Ms(0));
        let hops = |history: &History| {
            let hops = history.of(&connection("", 0)).unwrap().hops();
            hops.into_iter().map(|hop| (hop.name, hop.pod, hop.round_trip.0, hop.history.len())).collect::<Vec<_>>()
        };
        assert_eq!(hops(&history), [(HopName::Manager, String::new(), 5, 1)], "of the heartbeat alone");
        for second in 0..100 {
            history.measure(&all(10), Ms(second * 1000));
            history.measure(&all(20), Ms(second * 1000 + 10));
        }
        assert_eq!(
            hops(&history),
            [
                (HopName::ApiServer, String::new(), 20, limits::ROUND_TRIPS),
                (HopName::Manager, String::new(), 21, limits::ROUND_TRIPS),
                (HopName::Agent, "web-0".to_owned(), 22, limits::ROUND_TRIPS),
            ]
        );
        history.forget_hops();
        assert_eq!(hops(&history).len(), 1);
        let many = (0..50).map(|number| hop(hop::Place::Agent, &number.to_string(), 1)).collect();
        let many = Connection { hops: many, ..connection("", 5) };
        history.measure(&Snapshot { connections: vec![many], ..Snapshot::default() }, Ms(200_000));
        assert_eq!(hops(&history).len(), limits::HOPS);
    }

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
