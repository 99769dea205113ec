//! What the way to an API server leads over.

use std::collections::HashMap;
use std::net::IpAddr;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::timeout;

use crate::limits;
use crate::store::desired::Id;

/// The addresses of each connection's places, as they were last found out.
#[derive(Default)]
pub(super) struct Carriers(Mutex<HashMap<Id, Vec<IpAddr>>>);

impl Carriers {
    /// What these places (host and port) stand for. Where that can't be told now they stand for what they stood for before: an address
    /// that isn't known must not be taken for one that nothing leads over.
    pub async fn of(&self, id: &Id, places: Vec<String>) -> Vec<IpAddr> {
        let lookups = places.into_iter().map(|place| timeout(limits::LOOKUP, tokio::net::lookup_host(place)));
        let answers = join_all(lookups).await;
        let mut found = Vec::new();
        let mut is_whole = !answers.is_empty();
        for answer in answers {
            match answer {
                Ok(Ok(addresses)) => found.extend(addresses.map(|address| address.ip().to_canonical())),
                _ => is_whole = false,
            }
        }
        let mut known = self.0.lock();
        if !is_whole {
            found.extend(known.get(id).into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        if !found.is_empty() {
            known.insert(id.clone(), found.clone());
        }
        found
    }

    /// The connection is no more.
    pub fn forget(&self, id: &Id) {
        self.0.lock().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_cannot_be_looked_up_stands_for_what_it_stood_for() {
        let carriers = Carriers::default();
        let id = Id { owner: 1000, name: "dev".to_owned() };
        let of =
            async |places: &[&str]| carriers.of(&id, places.iter().map(|place| (*place).to_owned()).collect()).await;
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(of(&["no port"]).await, [] as [IpAddr; 0]);
        assert_eq!(of(&["127.0.0.1:1", "127.0.0.1:1"]).await, [address("127.0.0.1")]);
        assert_eq!(of(&["no port"]).await, [address("127.0.0.1")]);
        assert_eq!(of(&[]).await, [address("127.0.0.1")], "nobody knows the places");
        assert_eq!(of(&["127.0.0.2:1"]).await, [address("127.0.0.2")]);
        carriers.forget(&id);
        assert_eq!(of(&["no port"]).await, [] as [IpAddr; 0]);
    }
}
