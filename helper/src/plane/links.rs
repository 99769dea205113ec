//! The links in use, and which of them new flows take.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use hawser_tunnel::client::{Caller, Connection};
use hawser_tunnel::error::LinkError;
use hawser_tunnel::link::Link;
use hawser_vif::LinkId;
use tokio::task::JoinHandle;

use super::deliveries::Delivering;
use super::{ClusterInfo, Role};

/// A link in use. Dropping it ends it.
pub(super) struct Linked {
    pub id: LinkId,
    pub role: Role,
    /// Its manager is about to stop: nothing new should begin on it.
    pub leaving: bool,
    /// What its manager says of the cluster.
    pub cluster: ClusterInfo,
    pub link: Link,
    pub caller: Caller,
    pub _connection: Connection,
    pub delivering: Option<Delivering>,
    pub _news: News,
}

impl Linked {
    /// Flows from the cluster to this laptop.
    pub fn deliveries_under_way(&self) -> usize {
        self.delivering.as_ref().map_or(0, Delivering::flow_count)
    }
}

/// The task that follows the cluster's changes; it ends with the link.
pub(super) struct News(JoinHandle<()>);

impl News {
    pub fn of(task: JoinHandle<()>) -> Self {
        Self(task)
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A few links, in the order in which they were made.
#[derive(Default)]
pub(super) struct Links {
    present: Vec<Linked>,
    /// Which one is listened to first: the next one each time.
    turn: usize,
}

impl Links {
    pub fn add(&mut self, linked: Linked) {
        self.present.push(linked);
    }

    pub fn remove(&mut self, id: LinkId) -> Option<Linked> {
        let place = self.present.iter().position(|linked| linked.id == id)?;
        Some(self.present.remove(place))
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Linked> {
        self.present.iter_mut().find(|linked| linked.id == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Linked> {
        self.present.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// The one that new flows are to take: one that stays before one that leaves, a direct one before a base, a new one before
    /// an old one.
    pub fn best(&self) -> Option<&Linked> {
        self.present.iter().max_by_key(|linked| (!linked.leaving, linked.role == Role::Direct, linked.id))
    }

    /// The next bytes, or the end, of any link. Waits for ever if there is none.
    pub async fn receive(&mut self) -> (LinkId, Result<Bytes, LinkError>) {
        self.turn = self.turn.wrapping_add(1);
        poll_fn(|context| {
            let count = self.present.len();
            for step in 0..count {
                let linked = &mut self.present[(self.turn + step) % count];
                if let Poll::Ready(bytes) = linked.link.poll_receive(context) {
                    return Poll::Ready((linked.id, bytes));
                }
            }
            Poll::Pending
        })
        .await
    }
}
