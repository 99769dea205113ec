//! Answers that still hold.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;

use crate::reply::Reply;

/// What an entry costs besides its reply: key, slots, TTL offsets of a small answer.
const OVERHEAD: usize = 256;

/// Replies by key, bounded in number and bytes. A full cache makes room by the clock algorithm: a hand goes round and
/// takes what has expired or wasn't used since its last visit.
pub(crate) struct Cache {
    index: HashMap<Arc<[u8]>, usize, RandomState>,
    slots: slab::Slab<Entry>,
    hand: usize,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

pub(crate) struct Entry {
    key: Arc<[u8]>,
    /// The name asked for, as people read it.
    pub(crate) name: Arc<str>,
    pub(crate) reply: Reply,
    /// The cluster had a say in this.
    from_cluster: bool,
    stored: Instant,
    expires: Instant,
    used: bool,
}

impl Entry {
    /// Whole seconds since the reply came.
    pub(crate) fn age(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.stored).as_secs()).unwrap_or(u32::MAX)
    }

    fn size(&self) -> usize {
        OVERHEAD + self.key.len() + self.reply.bytes.len()
    }
}

impl Cache {
    pub(crate) fn new(max_entries: usize, max_bytes: usize, hasher: RandomState) -> Self {
        let index = HashMap::with_hasher(hasher);
        Self { index, slots: slab::Slab::new(), hand: 0, bytes: 0, max_entries: max_entries.max(1), max_bytes }
    }

    pub(crate) fn get(&mut self, key: &[u8], now: Instant) -> Option<&Entry> {
        let slot = *self.index.get(key)?;
        if self.slots[slot].expires <= now {
            self.remove(slot);
            return None;
        }
        let entry = &mut self.slots[slot];
        entry.used = true;
        Some(entry)
    }

    /// Remembers `reply` for its lifetime, at most for `longest`.
    pub(crate) fn insert(
        &mut self,
        key: Arc<[u8]>,
        name: Arc<str>,
        reply: Reply,
        from_cluster: bool,
        longest: Duration,
        now: Instant,
    ) {
        if let Some(&slot) = self.index.get(&key) {
            self.remove(slot);
        }
        let lifetime = Duration::from_secs(reply.lifetime.into()).min(longest);
        let expires = now + lifetime;
        let entry = Entry { key: Arc::clone(&key), name, reply, from_cluster, stored: now, expires, used: false };
        if lifetime.is_zero() || entry.size() > self.max_bytes {
            return;
        }
        // Two steps for each newcomer keep expired entries from piling up.
        self.turn(now, |_| false);
        self.turn(now, |_| false);
        while self.slots.len() >= self.max_entries || self.bytes + entry.size() > self.max_bytes {
            self.turn(now, |entry| !std::mem::take(&mut entry.used));
        }
        self.bytes += entry.size();
        let slot = self.slots.insert(entry);
        self.index.insert(key, slot);
    }

    /// Forgets everything, or only what the cluster had a say in.
    pub(crate) fn forget(&mut self, all: bool) {
        let slots: Vec<usize> =
            self.slots.iter().filter(|(_, entry)| all || entry.from_cluster).map(|(slot, _)| slot).collect();
        slots.into_iter().for_each(|slot| self.remove(slot));
    }

    /// Moves the hand by one slot and empties it if it has expired or `take` says so.
    fn turn(&mut self, now: Instant, take: impl FnOnce(&mut Entry) -> bool) {
        self.hand = if self.hand + 1 < self.max_entries.min(self.slots.capacity()) { self.hand + 1 } else { 0 };
        let slot = self.hand;
        if self.slots.get_mut(slot).is_some_and(|entry| entry.expires <= now || take(entry)) {
            self.remove(slot);
        }
    }

    fn remove(&mut self, slot: usize) {
        let entry = self.slots.remove(slot);
        self.bytes -= entry.size();
        self.index.remove(&entry.key);
    }
}
