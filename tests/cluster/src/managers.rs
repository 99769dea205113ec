//! The cluster's managers, for tests that take them away.

use crate::{kubectl, on_node};

/// Two managers are available again when this goes, whatever became of the test.
pub struct Managers;

impl Managers {
    /// As they are; the test does something to them.
    pub fn disturbed() -> Self {
        Self
    }

    /// None is wanted any more. Those that were there may still be ending.
    pub fn away() -> Self {
        let managers = Self;
        kubectl("scale -n hawser deploy/hawser-manager --replicas=0");
        managers
    }

    /// Brings them back: one is available, the other may still be starting.
    pub fn back(&self) {
        kubectl("scale -n hawser deploy/hawser-manager --replicas=2");
        kubectl("wait -n hawser --for=condition=Available deploy/hawser-manager --timeout=30s");
    }
}

impl Drop for Managers {
    fn drop(&mut self) {
        let said = on_node(
            "kubectl scale -n hawser deploy/hawser-manager --replicas=2 \
             && kubectl rollout status -n hawser deploy/hawser-manager --timeout=60s",
        );
        // The test may be panicking already.
        if said.code != 0 {
            eprintln!("the managers are not back: {said:?}");
        }
    }
}
