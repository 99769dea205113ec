//! The first run.

use crate::facts::Facts;
use crate::view::{Problem, Welcome};

pub(crate) fn welcome(facts: &Facts) -> Welcome {
    let contexts = facts.contexts.entries.len().try_into().unwrap_or(u32::MAX);
    Welcome {
        step: facts.welcome_step,
        helper: facts.helper.state,
        problem: facts.helper.problem.clone(),
        contexts,
        unreadable: facts.contexts.faults.iter().map(Problem::from).collect(),
        demo: (facts.contexts.known && contexts == 0).then(|| "hawser demo".to_owned()),
    }
}
