//! Whether programs on this host get the cluster's names: asked as every program asks.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::timeout;

use crate::limits;

/// A name that nobody has asked for yet, so that no memory on the way can answer.
pub fn fresh_name(suffix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("n{}-{count}.{}.{suffix}", std::process::id(), hawser_dns::PROBE)
}

/// Asks the system's resolver (getaddrinfo(3)) for `name` and compares.
///
/// # Errors
/// What came of it, in words.
pub async fn resolves(name: String, expected: IpAddr) -> Result<(), String> {
    let asking = tokio::task::spawn_blocking(move || (name.as_str(), 0).to_socket_addrs().map(Vec::from_iter));
    match timeout(limits::SYSTEM_ANSWER, asking).await {
        Ok(Ok(Ok(found))) if found.iter().any(|address| address.ip() == expected) => Ok(()),
        Ok(Ok(Ok(_))) => Err("it answered with another address".to_owned()),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it did not answer within {} s", limits::SYSTEM_ANSWER.as_secs())),
    }
}
