//! A client that asks without a pause, and remembers who answered when.

use std::process::Child;

use super::{on_node, start_on_node, within};

/// Asks a page again and again from the node, and remembers who answered when.
pub struct Asking {
    child: Child,
    file: String,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Milliseconds of the node's clock.
    pub at: u64,
    /// The body's first word; empty if there was none.
    pub who: String,
}

impl Asking {
    /// Begins.
    pub fn new(url: &str) -> Self {
        let file = format!("/tmp/asking-{}", std::process::id());
        let script = format!(
            "echo >{file}; touch {file}.on
             while [ -e {file}.on ]; do
                 body=$(curl --silent --fail --max-time 2 {url}); echo $(date +%s%3N) ${{body%% *}} >>{file}; sleep 0.02
             done"
        );
        let child = start_on_node(&script);
        let asking = Self { child, file };
        within(5, "answers come", || asking.answers().len() > 2);
        asking
    }

    /// Those that came.
    pub fn answers(&self) -> Vec<Answered> {
        let text = on_node(&format!("cat {}", self.file)).out;
        let answered = |line: &str| {
            let (at, who) = line.split_once(' ').unwrap_or((line, ""));
            Some(Answered { at: at.parse().ok()?, who: who.to_owned() })
        };
        text.lines().filter_map(answered).collect()
    }

    /// The longest time between two good answers, in milliseconds.
    pub fn longest_gap(&self) -> u64 {
        let good: Vec<u64> = self.answers().iter().filter(|one| !one.who.is_empty()).map(|one| one.at).collect();
        good.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u64::MAX)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        on_node(&format!("rm -f {}.on", self.file));
        let _ = self.child.wait();
    }
}
