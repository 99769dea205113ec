//! Questions for names: whose they are, and how the rest of the helper shows them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use hawser_dns::{Answered, By, Outcome};
use hawser_vif::Asker;

use crate::limits;
use crate::owners::owner_of;

/// A client of the resolver.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub asker: Asker,
    source: Option<SocketAddr>,
    uid: Option<u32>,
}

/// Finds out whose questions are, while somebody wants to know: the socket is there until it is answered.
#[derive(Default)]
pub(super) struct Askers {
    wanted: Option<Instant>,
    /// Owners looked up since then.
    looked_up: (Option<Instant>, u32),
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Of which plane.
    plane: u64,
    after: u64,
}

/// What came after a cursor.
#[derive(Clone, Debug)]
pub struct QueryNews {
    /// For the next time.
    pub cursor: Cursor,
    /// What came and was forgotten meanwhile.
    pub missed: u64,
    /// As they were answered.
    pub queries: Vec<QueryRecord>,
}

/// One answered question.
#[derive(Clone, Debug)]
pub struct QueryRecord {
    /// Rises, unique in its plane.
    pub id: u64,
    /// As asked for.
    pub name: Arc<str>,
    /// The type's number.
    pub record: u16,
    /// Who asked; `None` if that was over TCP and the connection has ended.
    pub source: Option<SocketAddr>,
    /// Whose socket it was, if it was looked up and found.
    pub uid: Option<u32>,
    /// Who knew.
    pub by: By,
    /// What became of it.
    pub outcome: Outcome,
    /// Microseconds from question to answer.
    pub took_us: u64,
    /// When it was answered.
    pub at: SystemTime,
}

impl Askers {
    /// Somebody wants to know, and will for a while.
    pub fn want(&mut self, now: Instant) {
        self.wanted = Some(now);
    }

    /// Who asks, given the two ends of what it is asked over.
    pub fn client(&mut self, asker: Asker, ends: Option<(SocketAddr, SocketAddr)>, now: Instant) -> Client {
        let uid = ends.filter(|_| self.may_look(now)).and_then(|(source, local)| {
            let protocol = if matches!(asker, Asker::Tcp(_)) { "tcp" } else { "udp" };
            owner_of(protocol, source, local).map(|owner| owner.uid)
        });
        Client { asker, source: ends.map(|(source, _)| source), uid }
    }

    fn may_look(&mut self, now: Instant) -> bool {
        let within = |since: Option<Instant>, span| {
            since.is_some_and(|since: Instant| now.saturating_duration_since(since) < span)
        };
        if !within(self.wanted, limits::QUERIES_WANTED) {
            return false;
        }
        if !within(self.looked_up.0, limits::REFRESH) {
            self.looked_up = (Some(now), 0);
        }
        self.looked_up.1 += 1;
        self.looked_up.1 <= limits::OWNERS_ASKED
    }
}

impl Cursor {
    /// The number in this plane after which everything is new.
    pub(super) fn after(self, plane: u64) -> u64 {
        if self.plane == plane { self.after } else { 0 }
    }

    /// At the end of these, which came after `after` in this plane.
    pub(super) fn news(plane: u64, after: u64, queries: Vec<QueryRecord>) -> QueryNews {
        let first = queries.first().map_or(after + 1, |query| query.id);
        QueryNews {
            cursor: Self { plane, after: queries.last().map_or(after, |query| query.id) },
            // To somebody new nothing is missing.
            missed: if after == 0 { 0 } else { first - after - 1 },
            queries,
        }
    }
}

pub(super) fn shown(answered: &Answered<Client>, now: Instant, wall: SystemTime) -> QueryRecord {
    QueryRecord {
        id: answered.number,
        name: Arc::clone(&answered.name),
        record: answered.record,
        source: answered.asker.source,
        uid: answered.asker.uid,
        by: answered.by.clone(),
        outcome: answered.outcome,
        took_us: u64::try_from(answered.took.as_micros()).unwrap_or(u64::MAX),
        at: wall.checked_sub(now.saturating_duration_since(answered.at)).unwrap_or(wall),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    fn record(id: u64) -> QueryRecord {
        QueryRecord {
            id,
            name: "web".into(),
            record: 1,
            source: None,
            uid: None,
            by: By::Memory,
            outcome: Outcome::Found,
            took_us: 0,
            at: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_reader_misses_what_was_forgotten_and_begins_anew_in_another_plane() {
        let start = Cursor::default();
        assert_eq!(start.after(7), 0);
        let news = Cursor::news(7, 0, vec![record(4), record(5)]);
        assert_eq!((news.missed, news.cursor.after(7)), (0, 5));
        let later = Cursor::news(7, 5, vec![record(9)]);
        assert_eq!((later.missed, later.cursor.after(7)), (3, 9));
        let none = Cursor::news(7, 9, Vec::new());
        assert_eq!((none.missed, none.cursor), (0, later.cursor));
        assert_eq!(none.cursor.after(8), 0);
    }

    #[test]
    fn owners_are_looked_up_only_while_somebody_wants_them_and_not_without_end() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (source, local) = (socket.local_addr().unwrap(), "127.0.0.1:53".parse().unwrap());
        let ask = |askers: &mut Askers, now| {
            let client = askers.client(Asker::Udp { source, local }, Some((source, local)), now);
            assert_eq!(client.source, Some(source));
            client.uid
        };
        let uid = Some(nix::unistd::getuid().as_raw());
        let (mut askers, now) = (Askers::default(), Instant::now());
        assert_eq!(ask(&mut askers, now), None);
        askers.want(now);
        let found = (0..=limits::OWNERS_ASKED).filter(|_| ask(&mut askers, now) == uid).count();
        assert_eq!(found, limits::OWNERS_ASKED as usize);
        assert_eq!(ask(&mut askers, now + Duration::from_millis(1_001)), uid);
        assert_eq!(ask(&mut askers, now + limits::QUERIES_WANTED), None);
    }
}
