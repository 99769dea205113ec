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
/// Rows of traffic in one view; a query for more is refused.
pub const TRAFFIC_ROWS: u32 = 200;
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
/// Between two views of one kind while traffic goes on.
pub const PACE: Duration = Duration::from_millis(100);
/// Before the helper is called again, at first and at most.
pub const CALL_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How long a helper that went away may take to come back before that is shown.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// How long a call may take that ends by itself.
pub const CALL: Duration = Duration::from_secs(10);
/// How long a proof may take.
pub const PROOF: Duration = Duration::from_secs(60);
