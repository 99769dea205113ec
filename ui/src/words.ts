import type { AnsweredBy, ConnectionState, HelperState, HopName, Mode, NameOutcome, NoticeKind, Phase, Remedy, Screen, Source } from "./types.ts";

export const SCREENS: Record<Screen, string> = {
  welcome: "Welcome", clusters: "Clusters", subnets: "Subnets", intercepts: "Intercepts", picker: "New intercept",
  traffic: "Traffic", doctor: "Doctor", settings: "Settings",
};

export const STATES: Record<ConnectionState, string> = {
  off: "Not connected", connecting: "Connecting", connected: "Connected", reconnecting: "Reconnecting",
  "needs-login": "Login needed", failed: "Failed", disconnecting: "Disconnecting",
};

export const HELPER: Record<HelperState, string> = {
  calling: "Being called", answers: "Running", absent: "Not installed", stopped: "Stopped", refused: "Refuses you", older: "Older than this window",
  newer: "Newer than this window", silent: "Does not answer",
};

export const HOPS: Record<HopName, string> = { "api-server": "API server", manager: "Manager", agent: "Agent" };

export const ANSWERED_BY: Record<AnsweredBy, string> = {
  memory: "Remembered", manager: "Manager", agent: "Agent", host: "This computer's", hawser: "Hawser itself",
};

export const NAME_OUTCOMES: Record<NameOutcome, string> = {
  answered: "Answered", "no-such-name": "No such name", "no-such-record": "No such record", failed: "Failed",
};

export const MODES: Record<Mode, { name: string; does: string; done: string }> = {
  intercept: { name: "Intercept", does: "Requests come to your program", done: "Intercepted" },
  wiretap: { name: "Wiretap", does: "Your program gets a copy; the pods answer", done: "Wiretapped" },
  replace: { name: "Replace", does: "Your program takes the container's place", done: "Replaced" },
  ingest: { name: "Ingest", does: "Environment and files only, no traffic", done: "Ingested" },
};

export const PHASES: Record<Phase, string> = {
  pending: "Asking the cluster", preparing: "Preparing", active: "Active", waiting: "Waiting", ending: "Ending", ended: "Ended",
};

export const SOURCES: Record<Source, string> = {
  cluster: "Cluster", "cluster-never": "Cluster", "user-also": "You", "user-never": "You", "api-server": "API server", manager: "Manager",
};

export const NOTICES: Record<NoticeKind, { name: string; when: string }> = {
  lost: { name: "Connection lost", when: "A cluster can't be reached any more." },
  back: { name: "Connection back", when: "A lost connection stands again." },
  trouble: { name: "Trouble with a connection", when: "It stands, and a part of it does not work." },
  "login-soon": { name: "Login about to end", when: "What you logged in with ends within 10 minutes." },
  "login-needed": { name: "Login needed", when: "A connection waits until you log in." },
  taken: { name: "Intercept taken", when: "Somebody in the cluster ended yours." },
  expired: { name: "Intercept expired", when: "Its time is over." },
  replica: { name: "Replica not reached", when: "A pod's traffic does not come to this laptop." },
  "local-port": { name: "Local port silent", when: "Your program stopped listening." },
};

const REMEDIES: Record<Exclude<Remedy["remedy"], "show">, string> = {
  "start-helper": "Start the helper", "restart-helper": "Restart the helper", "join-group": "Join the group hawser",
  "log-in": "Log in", "unlock-keyring": "Unlock the keyring", retry: "Try again",
};

/** What a remedy's button says. */
export function remedyLabel(remedy: Remedy): string {
  return remedy.remedy === "show" ? `Open ${SCREENS[remedy.screen]}` : REMEDIES[remedy.remedy];
}
