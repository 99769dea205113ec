//! Who is served, who is told why not, and who is not even told.

use std::collections::HashMap;
use std::sync::Arc;

use hawser_fault::{Code, Fault};
use parking_lot::Mutex;

use crate::{Peer, limits};

/// Counts the connections that are open, so that each kind stays within its bound.
#[derive(Default)]
pub(super) struct Admission {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    served: usize,
    refused: usize,
    by_user: HashMap<u32, usize>,
}

/// What a new connection gets. Dropping it gives its place to the next one.
pub(super) enum Verdict {
    /// Its calls are answered.
    Serve(#[expect(dead_code, reason = "held for its drop")] Place),
    /// Each of its calls is answered with the fault.
    Refuse(Fault, #[expect(dead_code, reason = "held for its drop")] Place),
}

impl Admission {
    /// Judges a new connection; `None` if it is to be closed without a word.
    pub(super) fn judge(&self, peer: &Peer, allowed: impl Fn(&Peer) -> Result<(), Fault>) -> Option<Verdict> {
        let mut open = self.open.lock();
        match allowed(peer).and_then(|()| open.room_for(peer)) {
            Ok(()) => {
                open.served += 1;
                *open.by_user.entry(peer.uid).or_default() += 1;
                Some(Verdict::Serve(self.place(Kind::Served { uid: peer.uid })))
            }
            Err(_) if open.refused == limits::REFUSALS => None,
            Err(fault) => {
                open.refused += 1;
                Some(Verdict::Refuse(fault, self.place(Kind::Refused)))
            }
        }
    }

    fn place(&self, kind: Kind) -> Place {
        Place { open: Arc::clone(&self.open), kind }
    }
}

impl Open {
    fn room_for(&self, peer: &Peer) -> Result<(), Fault> {
        let of_user = self.by_user.get(&peer.uid).copied().unwrap_or_default();
        if self.served >= limits::CLIENTS {
            let detail = format!("the helper already serves {} programs", limits::CLIENTS);
            return Err(Fault::new(Code::LimitReached, detail));
        }
        if peer.uid != 0 && of_user >= limits::CLIENTS_PER_USER {
            let detail =
                format!("the helper already serves {} programs of user {}", limits::CLIENTS_PER_USER, peer.uid);
            return Err(Fault::new(Code::LimitReached, detail));
        }
        Ok(())
    }
}

/// One open connection's share of the bounds.
pub(super) struct Place {
    open: Arc<Mutex<Open>>,
    kind: Kind,
}

enum Kind {
    Served { uid: u32 },
    Refused,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        let Kind::Served { uid } = self.kind else {
            open.refused -= 1;
            return;
        };
        open.served -= 1;
        if let Some(count) = open.by_user.get_mut(&uid) {
            *count -= 1;
            if *count == 0 {
                open.by_user.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32) -> Peer {
        Peer { uid, gid: uid, pid: None }
    }

    fn judge(admission: &Admission, uid: u32) -> Option<Verdict> {
        admission.judge(&user(uid), |peer| match peer.uid {
            666 => Err(Fault::new(Code::HelperNotAllowed, "not you")),
            _ => Ok(()),
        })
    }

    fn code(verdict: &Option<Verdict>) -> Option<Code> {
        match verdict {
            Some(Verdict::Refuse(fault, _)) => Some(fault.code),
            _ => None,
        }
    }

    #[test]
    fn one_user_cannot_take_every_place() {
        let admission = Admission::default();
        let held: Vec<_> = (0..limits::CLIENTS_PER_USER).map(|_| judge(&admission, 1000)).collect();
        assert!(held.iter().all(|verdict| matches!(verdict, Some(Verdict::Serve(_)))));
        assert_eq!(code(&judge(&admission, 1000)), Some(Code::LimitReached));
        assert!(matches!(judge(&admission, 1001), Some(Verdict::Serve(_))));
    }

    #[test]
    fn a_full_helper_says_so_and_a_freed_place_is_given_again() {
        let admission = Admission::default();
        let mut held: Vec<_> = (0..limits::CLIENTS).map(|_| judge(&admission, 0)).collect();
        assert_eq!(code(&judge(&admission, 0)), Some(Code::LimitReached));
        held.pop();
        assert!(matches!(judge(&admission, 0), Some(Verdict::Serve(_))));
        drop(held);
        let open = admission.open.lock();
        assert_eq!((open.served, open.refused, open.by_user.len()), (0, 0, 0));
    }

    #[test]
    fn refusals_are_bounded_too() {
        let admission = Admission::default();
        let held: Vec<_> = (0..limits::REFUSALS).map(|_| judge(&admission, 666)).collect();
        assert!(held.iter().all(|verdict| code(verdict) == Some(Code::HelperNotAllowed)));
        assert!(judge(&admission, 666).is_none());
        assert!(matches!(judge(&admission, 1000), Some(Verdict::Serve(_))));
    }
}
