//! The cluster's managers, for tests that take them away.

use std::thread;
use std::time::{Duration, Instant};

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
        settle();
    }
}

/// How long the API server may take until it reaches managers that are ready.
const REACHED: Duration = Duration::from_secs(30);

/// Waits until pods get an agent again, which the next test takes for granted. Where they don't it says so.
pub fn settle() {
    let began = Instant::now();
    while !gives_agents() {
        if began.elapsed() > REACHED {
            return eprintln!("pods get no agent");
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Whether a pod that asks for an agent would get one.
fn gives_agents() -> bool {
    let asked = "kubectl run asked -n default --image=asked --port=80 --annotations=hawser.dev/inject=enabled \
                 --dry-run=server -o jsonpath='{.spec.initContainers[*].name}'";
    on_node(asked).out.contains("hawser-agent")
}
