//! Who may use the helper.

use std::ffi::CString;

use hawser_fault::{Code, Fault};
use hawser_ipc::Peer;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// Lets root in, the helper's own user, and members of `group` as the system's databases have it at this moment: who
/// was just added need not log in again, and who was removed is out.
///
/// # Errors
/// `helper-not-allowed`.
pub fn check(peer: &Peer, group: &str) -> Result<(), Fault> {
    let uid = Uid::from_raw(peer.uid);
    if uid.is_root() || uid == Uid::effective() {
        return Ok(());
    }
    let refused = |reason: String| Err(Fault::new(Code::HelperNotAllowed, reason));
    let Some(wanted) = Group::from_name(group).ok().flatten() else {
        return refused(format!("only root may use the helper, because the group {group} does not exist"));
    };
    let Some(user) = User::from_uid(uid).ok().flatten() else {
        return refused(format!("the user {} is unknown on this host", peer.uid));
    };
    if peer.gid == wanted.gid.as_raw() || groups_of(&user).contains(&wanted.gid) {
        return Ok(());
    }
    refused(format!("the user {} is not a member of the group {group}", user.name))
}

fn groups_of(user: &User) -> Vec<Gid> {
    CString::new(user.name.as_str()).ok().and_then(|name| getgrouplist(&name, user.gid).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uid: u32, gid: u32, group: &str) -> Option<Code> {
        super::check(&Peer { uid, gid, pid: None }, group).err().map(|fault| fault.code)
    }

    #[test]
    fn table() {
        // User and group names that every Unix has; nobody is in the group daemon but daemon itself.
        let daemon = User::from_name("daemon").unwrap().unwrap();
        let (uid, gid) = (daemon.uid.as_raw(), daemon.gid.as_raw());
        let own = Uid::effective().as_raw();
        for (peer_uid, peer_gid, group, expected) in [
            (0, 0, "no-such-group", None),
            (own, 65_534, "no-such-group", None),
            (uid, gid, "no-such-group", Some(Code::HelperNotAllowed)),
            (uid, 65_000, "daemon", None),
            (uid, gid, "root", Some(Code::HelperNotAllowed)),
            (3_999_999_999, 65_000, "daemon", Some(Code::HelperNotAllowed)),
            (3_999_999_999, gid, "daemon", Some(Code::HelperNotAllowed)),
        ] {
            assert_eq!(check(peer_uid, peer_gid, group), expected, "{peer_uid} {peer_gid} {group}");
        }
    }
}
