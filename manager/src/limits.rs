//! Every bound of the manager, and what happens at it. Those of a link are in `hawser_tunnel::limits`.

use std::time::Duration;

/// Laptops and agents at once. Beyond it a connection is closed at once.
pub const CONNECTIONS: usize = 4_096;
/// A name server that does not answer.
pub const QUERY_TIME: Duration = Duration::from_secs(4);
/// Ways past the API server that a replica tells laptops of. Others are left out.
pub const ENDPOINTS: usize = 16;
/// How long facts of the cluster are gathered before its subnets are worked out anew.
pub const GATHER_FACTS: Duration = Duration::from_millis(100);
/// How long changes of the cluster are gathered before a laptop is told.
pub const GATHER_CHANGES: Duration = Duration::from_millis(200);
/// How often a laptop's sign of life is written into its session.
pub const SEEN_EVERY: Duration = Duration::from_secs(10);
/// A session whose laptop gave no sign of life for so long is deleted. The laptop makes another one when it is back.
pub const SESSION_SILENCE: Duration = Duration::from_secs(300);
/// How often it is proven anew that the admission policy is in force.
pub const PROVE_AGAIN: Duration = Duration::from_secs(60);
/// Connections to the health and metrics port at once. Beyond it they wait.
pub const OBSERVERS: usize = 32;
/// Time to say what is asked for there.
pub const OBSERVE_TIME: Duration = Duration::from_secs(5);
/// How long changes of workloads are gathered before somebody who watches them is told.
pub const GATHER_CATALOGUE: Duration = Duration::from_millis(500);
/// Questions about a user's rights at once.
pub const REVIEWS: usize = 16;
/// How long what the API server said of a user's rights holds.
pub const REVIEW_HOLDS: Duration = Duration::from_secs(60);
/// Answers about rights that are remembered. Beyond it they are asked for each time.
pub const REVIEWS_KEPT: usize = 20_000;
/// How long a leading replica that does not renew its claim still leads.
pub const LEASE: Duration = Duration::from_secs(6);
/// How often it renews it, and others look.
pub const LEASE_RENEW: Duration = Duration::from_secs(2);
/// A session without a sign of life for so long holds no port any more.
pub const GHOST: Duration = Duration::from_secs(30);
/// How long an agent may take to resolve a name before the manager does.
pub const AGENT_ANSWER: Duration = Duration::from_secs(1);
/// How long an intercept may be known before its session is.
pub const SESSION_FOLLOWS: Duration = Duration::from_secs(10);
