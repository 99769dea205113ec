//! Every bound of the manager, and what happens at it. Those of a link are in `hawser_tunnel::limits`.

use std::time::Duration;

/// Laptops' connections at once. Beyond it one is closed at once.
pub const LAPTOPS: usize = 1_024;
/// Agents' connections at once. Beyond it one is closed at once; its agent tries again, and passes everything to its app.
pub const AGENTS: usize = 8_192;
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
/// Containers of a workload that are told of. Of one with more none is: whoever knows them names one.
pub const CONTAINERS: usize = 32;
/// Ports of a container that are told of. Of a workload with more no container is told of.
pub const CONTAINER_PORTS: usize = 64;
/// Containers and their ports in one answer. Beyond it workloads are told of without.
pub const CATALOGUE_CONTAINERS: usize = 20_000;
/// How long counts of requests are gathered before a laptop is told.
pub const GATHER_COUNTS: Duration = Duration::from_millis(200);
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
/// A connection to the webhook that says nothing for so long is ended.
pub const WEBHOOK_HELLO: Duration = Duration::from_millis(500);
/// How long an agent may take to resolve a name before the manager does.
pub const AGENT_ANSWER: Duration = Duration::from_secs(1);
/// How long an intercept may be known before its session is.
pub const SESSION_FOLLOWS: Duration = Duration::from_secs(10);
/// How long an authority of the manager holds.
pub const AUTHORITY_LIFE: Duration = Duration::from_secs(2 * 365 * 86_400);
/// An authority that holds no longer than this gets a successor. A pod's agent is without a manager if the pod is older.
pub const AUTHORITY_OVERLAP: Duration = Duration::from_secs(365 * 86_400);
/// An authority signs nothing in its last days.
pub const AUTHORITY_LAST: Duration = Duration::from_secs(30 * 86_400);
/// How long a replica's certificate holds; at half of it there is a new one.
pub const CERTIFICATE_LIFE: Duration = Duration::from_secs(86_400);
/// How far clocks of a cluster may differ.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(3_600);
/// How often the authority is looked after.
pub const AUTHORITY_CHECK: Duration = Duration::from_secs(60);
/// The same when it failed.
pub const AUTHORITY_RETRY: Duration = Duration::from_secs(2);
/// Calls of the webhook at once. Beyond it they wait.
pub const WEBHOOK_CALLS: usize = 64;
/// One call of the webhook; the API server gives up before.
pub const WEBHOOK_TIME: Duration = Duration::from_secs(5);
/// What the API server may ask: more than any object that it stores. Beyond it the answer is 413, and the pod stays as it is.
pub const WEBHOOK_BODY: usize = 4 * 1024 * 1024;
/// How long the webhook may take to show itself in a dry run.
pub const WEBHOOK_PROOF: Duration = Duration::from_secs(3);
/// How long to wait before another connection is accepted when the last one could not be.
pub const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How often the cluster's version and the managers' service are looked up.
pub const LEARN_AGAIN: Duration = Duration::from_secs(600);
/// How long an eviction may wait for a PodDisruptionBudget.
pub const EVICTION_WAIT: Duration = Duration::from_secs(60);
/// How often it is tried in that time.
pub const EVICT_AGAIN: Duration = Duration::from_secs(1);
/// How long a pod's successor may take to become ready.
pub const READY_WAIT: Duration = Duration::from_secs(180);
/// How often it is looked at in that time.
pub const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often intercepts that are not settled are looked at, when nothing has changed.
pub const INTERCEPTS_BEAT: Duration = Duration::from_secs(1);
/// Every which of these times all others are.
pub const SETTLED_BEATS: u32 = 5;
/// Intercepts that are decided on at once.
pub const DECISIONS: usize = 16;
/// How long a decision takes to reach every replica.
pub const DECISION_SPREADS: Duration = Duration::from_millis(200);
/// Wait after pods could not be replaced.
pub const REPLACE_AGAIN: Duration = Duration::from_secs(10);
/// Evictions beyond one for each pod: a replica may be asked about a successor that has not heard of the intercept yet.
pub const EVICTIONS_MORE: usize = 2;
/// Proofs of this replica at once. More wait.
pub const PROOFS: usize = 8;
/// Ways to an intercept that are tried. Those beyond it are left out.
pub const TRIALS: usize = 256;
/// Those of them that are tried at once.
pub const TRIALS_AT_ONCE: usize = 32;
/// How long agents may take to hear of a proof. Those that take longer are not tried.
pub const PROOF_HEARD: Duration = Duration::from_millis(500);
/// How long an answer may take.
pub const TRIAL: Duration = Duration::from_secs(1);
