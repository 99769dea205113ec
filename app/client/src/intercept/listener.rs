//! Whose program answers on this computer.

use std::net::SocketAddr;

use nix::unistd::{Uid, User};

use crate::platform;

/// The other user, by name or else by uid, whose program would be given what goes to this address. Root's are nobody's harm.
/// Where nothing can be known, nobody.
pub fn stranger(address: SocketAddr, udp: bool) -> Option<String> {
    let own = nix::unistd::geteuid().as_raw();
    let owner = platform::listeners(address, udp).into_iter().find(|owner| ![own, 0].contains(owner))?;
    let name = User::from_uid(Uid::from_raw(owner)).ok().flatten().map(|user| user.name);
    Some(name.unwrap_or_else(|| format!("uid {owner}")))
}
