//! Every bound of the helper's control plane, and what happens at it. The data plane has its own list.

use std::time::Duration;

/// Connections of all users together. The next one is refused with `limit-reached`.
pub const CONNECTIONS: usize = 16;

/// Bytes in a connection's name. A longer one is refused with `bad-argument`.
pub const NAME_BYTES: usize = 64;

/// Bytes in a manager's address: a DNS name and a port. A longer one is refused with `bad-argument`.
pub const ADDRESS_BYTES: usize = 260;

/// Subnets that one manager may announce. More are refused with `limit-reached`.
pub const SUBNETS: usize = 2_048;

/// Domains that one manager may announce. More are refused with `limit-reached`.
pub const DOMAINS: usize = 4_096;

/// Streams of `Watch`, `Flows` and `Connect` open at once. The next one is refused with `limit-reached`.
pub const STREAMS: usize = 128;

/// How long a stream that the caller begins may be silent at first.
pub const FIRST_MESSAGE: Duration = Duration::from_secs(5);

/// Flows in one message. Those that follow are left out.
pub const FLOWS_LISTED: usize = 10_000;

/// How often followed questions for names are told.
pub const QUERIES_REFRESH: Duration = Duration::from_millis(250);

/// How long after somebody looked at them it is found out whose questions are.
pub const QUERIES_WANTED: Duration = Duration::from_secs(2);

/// Questions for names in a second whose owners are found out. Those of the rest stay unknown.
pub const OWNERS_ASKED: u32 = 500;

/// How often it is measured how far everything is, while somebody follows that.
pub const HOPS: Duration = Duration::from_secs(2);

/// How long one answer may take that is measured. After that the place is left out.
pub const HOP: Duration = Duration::from_secs(2);

/// Agents of one connection whose distance is told. The rest is left out.
pub const AGENTS_MEASURED: usize = 16;

/// Sockets read of the kernel for one listing of flows. Owners of the rest stay unknown.
pub const SOCKETS_READ: usize = 200_000;

/// Bytes of a file of the state directory. A longer one counts as damaged.
pub const STATE_FILE_BYTES: u64 = 1 << 20;

/// Entries of the journal. The next change of the host is refused with `limit-reached`.
pub const JOURNAL_ENTRIES: usize = 16;

/// How long a starting helper waits for the one before it to end. After that it counts as running.
pub const PREDECESSOR: Duration = Duration::from_secs(2);

/// How long a change of addresses or routes may take.
pub const NETLINK: Duration = Duration::from_secs(5);

/// How long one attempt may take from dialling to the answered name.
pub const ATTEMPT: Duration = Duration::from_secs(15);

/// How long our own name server may take to answer after connecting.
pub const NAME_ANSWER: Duration = Duration::from_secs(2);

/// How long the host's resolver may take to answer for a name that is ours.
pub const SYSTEM_ANSWER: Duration = Duration::from_secs(2);

/// How long a call over the system's message bus may take.
pub const BUS: Duration = Duration::from_secs(3);

/// How long systemd-resolved may take to hear of a new device.
pub const LINK_KNOWN: Duration = Duration::from_secs(2);

/// How long the command resolvconf may take; it waits 10 s for others.
pub const RESOLVCONF: Duration = Duration::from_secs(15);

/// Bytes of a file that says who resolves names. The rest of it is not looked at.
pub const RESOLVER_FILE: u64 = 64 * 1024;

/// Records of resolvconf that are read. The rest is not looked at.
pub const RESOLVER_RECORDS: usize = 256;

/// How often the host's resolver is told again within [`TRAMPLING_MEMORY`]. Then whoever undoes it has it for so long.
pub const TRAMPLINGS: usize = 10;

/// How long it is remembered that somebody else undid what the host's resolver was told.
pub const TRAMPLING_MEMORY: Duration = Duration::from_secs(60);

/// How long nothing more has to come before a change of the network counts as over.
pub const SETTLED: Duration = Duration::from_millis(200);

/// How long a change of the network is waited for to be over. One that goes on is told of then, and again.
pub const SWARM_LONGEST: Duration = Duration::from_secs(1);

/// How long after changes of the network were heard of no more it is listened anew.
pub const NETWORK_AGAIN: Duration = Duration::from_secs(10);

/// How often it is looked whether the computer slept.
pub const CLOCK_LOOK: Duration = Duration::from_secs(1);

/// How long after the system's message bus was lost it is looked for again.
pub const BUS_AGAIN: Duration = Duration::from_secs(10);

/// How often it is looked who resolves names though nothing was heard.
pub const RESOLVER_AGAIN: Duration = Duration::from_secs(30);

/// How long systemd-resolved may be gone before names go another way: one that starts anew is back sooner.
pub const RESOLVED_RESTARTS: Duration = Duration::from_secs(2);

/// How long a change of the host counts as the likely cause of a link's end.
pub const LIKELY_CAUSE: Duration = Duration::from_secs(10);

/// How long a data plane may take to say that it lives; then it is asked again. Short beside the time after which systemd ends a
/// helper of which it hears nothing (WatchdogSec of the unit), which no slow moment may reach.
pub const PLANE_ANSWER: Duration = Duration::from_secs(5);

/// How long a connection may take to end.
pub const FAREWELL: Duration = Duration::from_secs(5);

/// Shortest wait between two redials, counted from the start of the former.
pub const REDIAL_FIRST: Duration = Duration::from_millis(100);

/// Dials of one connection under way at once. While there are so many, the last one gives way to another; the first goes on.
pub const DIALS: usize = 2;

/// How long after a dial began one more is begun at the soonest because the host has changed.
pub const REDIAL_NEWS: Duration = Duration::from_secs(1);

/// Longest wait between two redials: a manager that comes back is found within it.
pub const REDIAL_LONGEST: Duration = Duration::from_secs(1);

/// How long a small batch waits for others on a port-forward at most. At a thousand messages a second the servers on the way
/// take three quarters of a core: 64 requesters get 12,000 answers a second at 1 ms, 16,000 at 2 ms and no more at 4 ms.
pub const PORT_FORWARD_PACE: Duration = Duration::from_millis(2);

/// Shortest wait between two looks for a way past the API server; it doubles while there is none.
pub const RETRY_DIRECT_FIRST: Duration = Duration::from_secs(2);

/// Longest such wait.
pub const RETRY_DIRECT_LONGEST: Duration = Duration::from_secs(60);

/// Ways past the API server that are dialled at once. More are left out.
pub const DIRECT_WAYS: usize = 16;

/// Wait after a failure that redialling alone does not mend, such as another key.
pub const RETRY_FAILED: Duration = Duration::from_secs(10);

/// How long a connection that was there does not take no for an answer of its cluster.
pub const DISBELIEF: Duration = Duration::from_secs(15);

/// How often it is tried without a login whether it still needs one: the user may have made it elsewhere.
pub const RETRY_LOGIN: Duration = Duration::from_secs(15);

/// How often a connection looks without being told whether its routes are as they should be, and whether the way to its cluster
/// leads over other addresses.
pub const LOOK_AROUND: Duration = Duration::from_secs(180);

/// How often followed listings are renewed.
pub const REFRESH: Duration = Duration::from_secs(1);

/// How long a name of a manager, an API server or a proxy may take to resolve when its addresses are compared with the cluster's.
pub const LOOKUP: Duration = Duration::from_secs(2);

/// Bytes of what the companion needs to find a credential. More is refused with `bad-argument`.
pub const PROFILE_BYTES: usize = 64 * 1024;

/// Subnets that a user may want or not want routed. More are refused with `bad-argument`.
pub const USER_SUBNETS: usize = 256;

/// Subnets of which is told where they lead, conflicts first. The rest is left out.
pub const PLACEMENTS: usize = 512;

/// Other subnets that wait to be routed over one connection. The next are refused with `limit-reached`.
pub const REROUTES: usize = 4;

/// How long other subnets may wait for a connection that dials, and take to be routed. After that nothing changes any more.
pub const REROUTE: Duration = Duration::from_secs(18);

/// Questions that wait for a companion. The next one waits for room.
pub const COMPANION_REQUESTS: usize = 16;

/// How long a companion may take to come after it was started.
pub const COMPANION_ARRIVES: Duration = Duration::from_secs(3);

/// How long a companion may take to answer, a plugin that asks somebody else included.
pub const COMPANION_TIME: Duration = Duration::from_secs(90);

/// How long before a credential's end another is asked for.
pub const RENEW_AHEAD: Duration = Duration::from_secs(30);

/// How long a companion may take to say where a cluster is by now. Then it is where it was.
pub const KUBECONFIG_LOOK: Duration = Duration::from_millis(500);

/// Shortest time between two such questions while a cluster is dialled.
pub const KUBECONFIG_AGAIN: Duration = Duration::from_secs(5);

/// How long a credential without an end is taken for good; kubectl reads token files once a minute.
pub const UNENDING_CREDENTIAL: Duration = Duration::from_secs(60);

/// How often it is tried again to renew a credential that still holds.
pub const RETRY_RENEWAL: Duration = Duration::from_secs(10);

/// How long a manager may take to answer a session.
pub const SESSION_ANSWER: Duration = Duration::from_secs(10);

/// Lines of log that are remembered. The oldest are forgotten.
pub const LOG_LINES: usize = 4_000;

/// Bytes of log that are remembered. The oldest are forgotten.
pub const LOG_BYTES: usize = 1 << 20;

/// Bytes of one line of log that are remembered. The rest of it is cut off.
pub const LOG_LINE_BYTES: usize = 4 * 1024;

/// How long more than normal is written to the log after somebody asked for it. Then it is as much as before.
pub const DETAILED_LOG: Duration = Duration::from_secs(30 * 60);

/// How long the deletion of a session may take when a connection ends, another credential included.
pub const LEAVE: Duration = Duration::from_secs(4);

/// How long a starting helper waits for the companion of a user whose connection was ending when the one before was killed. The
/// session then expires by itself.
pub const FINISH_LEAVING: Duration = Duration::from_secs(60);

/// Intercepts of one connection. The next one is refused with `limit-reached`.
pub const INTERCEPTS: usize = 128;

/// Characters in an intercept's name. A longer one is refused with `bad-argument`.
pub const INTERCEPT_NAME: usize = 57;

/// How long the cluster may take to let go of an intercept that is left. After that it is told later.
pub const LEAVE_INTERCEPT: Duration = Duration::from_secs(5);

/// How long an intercept is tried to be deleted of which nobody knows whether it was made.
pub const UNDO_INTERCEPT: Duration = Duration::from_secs(600);

/// How long after that its agents may take to let go. After that what they ask for is refused here.
pub const LET_GO: Duration = Duration::from_secs(1);

/// How long a pod of an intercept may take to tell of itself when somebody asks.
pub const POD_ANSWER: Duration = Duration::from_secs(5);

/// How long the pods of an intercept that has just come into force are waited for before somebody is told of it.
pub const POD_NEWS: Duration = Duration::from_secs(2);

/// How long an object is followed before it is looked at anew: the way to the API server may have died without a word.
pub const FOLLOW_OBJECT: Duration = Duration::from_secs(60);

/// News of an object that wait to be taken in. Then nothing more is read from the API server.
pub const OBJECT_NEWS: usize = 16;

/// Bytes of the path of a mount point. A longer one is refused with `bad-argument`.
pub const MOUNT_PATH: usize = 4_096;

/// Paths that a companion names as unreadable. The rest is left out.
pub const UNREADABLE: usize = 16;

/// Bytes of files in one message to a companion.
pub const FILES_CHUNK: usize = 128 * 1024;

/// How long the manager may take to try every way to an intercept's pods.
pub const PROOF: Duration = Duration::from_secs(15);

/// Starts of agents of one intercept whose counts are remembered one by one. Beyond it those that are over become one sum.
pub const AGENT_RUNS: usize = 1_024;
