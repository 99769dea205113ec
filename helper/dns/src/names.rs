//! Which name an address was found under, for people who look at flows.

use std::collections::HashMap;
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;

/// Addresses and the name last asked for. Two generations: when the young one is full it becomes the old one, and what
/// wasn't seen since then is forgotten.
pub(crate) struct Names {
    young: HashMap<IpAddr, Arc<str>, RandomState>,
    old: HashMap<IpAddr, Arc<str>, RandomState>,
    generation: usize,
}

impl Names {
    pub(crate) fn new(limit: usize, hasher: RandomState) -> Self {
        Self {
            young: HashMap::with_hasher(hasher.clone()),
            old: HashMap::with_hasher(hasher),
            generation: (limit / 2).max(1),
        }
    }

    pub(crate) fn get(&self, address: &IpAddr) -> Option<&str> {
        self.young.get(address).or_else(|| self.old.get(address)).map(AsRef::as_ref)
    }

    /// Allocates only for what wasn't there: every cached answer passes here.
    pub(crate) fn learn(&mut self, addresses: &[IpAddr], name: &Arc<str>) {
        for &address in addresses {
            match self.young.get_mut(&address) {
                Some(known) if Arc::ptr_eq(known, name) => {}
                Some(known) => *known = Arc::clone(name),
                None => self.add(address, name),
            }
        }
    }

    fn add(&mut self, address: IpAddr, name: &Arc<str>) {
        if self.young.len() >= self.generation {
            mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(address, Arc::clone(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_counts_and_the_oldest_are_forgotten() {
        let mut names = Names::new(200, RandomState::with_seed(1));
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        names.learn(&[address(1), address(2)], &"web".into());
        names.learn(&[address(1)], &"www".into());
        assert_eq!((names.get(&address(1)), names.get(&address(2))), (Some("www"), Some("web")));
        for n in 10..1_000 {
            names.learn(&[address(n), address(1)], &"other".into());
            assert!(names.young.len() + names.old.len() <= 200);
        }
        assert_eq!(names.get(&address(1)), Some("other"), "still in use");
        assert_eq!(names.get(&address(2)), None);
        assert_eq!(names.get(&address(999)), Some("other"));
    }
}
