//! Everything that a page, a cluster or a file can make grow here, and what happens at the bound.

use std::time::Duration;

/// Acts that wait to be begun or are being done; a further one is answered with `limit-reached`.
pub const ACTS: usize = 64;
/// News that wait for the controller; whoever has more waits.
pub const NEWS: usize = 256;
/// Rows of the list of clusters; the rest is counted, and found by the search.
pub const CLUSTERS: usize = 200;
/// Rows of the picker's workloads; the same.
pub const WORKLOADS: usize = 200;
/// Rows of flows or names in one view; a query for more is refused.
pub const TRAFFIC_ROWS: u32 = 200;
/// Names that were asked for, in the table; the oldest go.
pub const NAMES: usize = 1_000;
/// Places on the way of one connection that are shown; further agents are left out.
pub const HOPS: usize = 6;
/// Characters of a search or a filter; a longer one is refused.
pub const SEARCH: usize = 256;
/// Steps remembered of one connection; the first ones go.
pub const STEPS: usize = 16;
/// Round trips remembered of one connection, one a second; the first ones go.
pub const ROUND_TRIPS: usize = 60;
/// Connections' attempts that are remembered; the oldest goes.
pub const ATTEMPTS: usize = 64;
/// Intercepts in the tray's menu, and contexts; the rest is in the window.
pub const MENU: usize = 20;
/// Contexts for which choices are kept; a further one is refused.
pub const TUNINGS: usize = 1_000;
/// Ports of one intercept; a form with more is refused.
pub const PORTS: usize = 64;
/// Headers of one intercept's filter; a form with more is refused.
pub const HEADERS: usize = 16;
/// Bytes of one typed text; a longer one is refused.
pub const TEXT: usize = 1024;
/// Subnets of one connection, also-proxy and never-proxy together; a form with more is refused.
pub const SUBNETS: usize = 256;
/// Minutes by which an intercept can be extended: 30 days.
pub const MINUTES: u32 = 43_200;
/// Before the helper is called again, at first and at most.
pub const CALL_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// The same once it is known to be away, unless its socket changes before.
pub const CALL_ABSENT: Duration = Duration::from_secs(10);
/// How long a helper that went away may take to come back before that is shown.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// How long a helper may take to say how things are; then it is silent.
pub const ANSWER: Duration = Duration::from_secs(5);
/// How long a call may take that ends by itself.
pub const CALL: Duration = Duration::from_secs(20);
/// How long a proof may take.
pub const PROOF: Duration = Duration::from_secs(60);
/// Proofs that are made at once; further ones wait for their turn.
pub const PROOFS: usize = 4;
/// How long the pods of an intercept must have stayed the same before it is proven anew.
pub const SETTLED: Duration = Duration::from_secs(1);
/// How long something may be wrong with an intercept before somebody has to look.
pub const WRONG: Duration = Duration::from_secs(10);
/// How long after an act of the user's own its effect is no news to them.
pub const OWN: Duration = Duration::from_secs(10);
/// How long files of the user's may go on changing before they are read.
pub const FILES_SETTLE: Duration = Duration::from_millis(100);
/// Between two looks at where programs listen while a form is open.
pub const LISTENERS: Duration = Duration::from_secs(2);
/// Between two looks at what the helper doesn't tell: whether programs listen, and how much time is left.
pub const LOOK: Duration = Duration::from_secs(1);
/// Between two such looks while nobody watches and nothing is intercepted.
pub const IDLE_LOOK: Duration = Duration::from_secs(60);
/// Between two looks at how much the helper writes to its log, while that is on screen.
pub const LEVEL: Duration = Duration::from_secs(2);
/// News that are taken in at once before they are shown.
pub const AT_ONCE: usize = 64;
/// Fixes of problems that can be copied are at most this long, in bytes.
pub const FIX: usize = 8 * 1024;
/// Kubeconfigs that a user can add; a further one is refused.
pub const KUBECONFIGS: usize = 64;
/// Bytes of an intercept's name; a longer one is refused.
pub const INTERCEPT_NAME: usize = 57;
/// Between two readings of the user's files while they go on changing.
pub const FILES_PACE: Duration = Duration::from_secs(1);
/// Between two looks at the user's files where the kernel can't tell of changes.
pub const FILES_AGAIN: Duration = Duration::from_secs(30);
/// How long a form must have stayed as it is before the cluster is asked what it would change.
pub const TYPING: Duration = Duration::from_millis(500);
/// How long the user's login shell may take to say what it sets; then it isn't asked again.
pub const LOGIN_SHELL: Duration = Duration::from_secs(3);
/// How long before the end of what the user has logged in with that is worth a word.
pub const LOGIN_SOON: Duration = Duration::from_secs(600);
/// Between two looks whether there is a companion while there are connections to clusters.
pub const COMPANION: Duration = Duration::from_secs(10);
