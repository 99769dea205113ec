export type Ms = number;
export type Us = number;
export type ContextId = number;
export type Screen = "welcome" | "clusters" | "subnets" | "intercepts" | "picker" | "traffic" | "doctor" | "settings";
export type Shape = "off" | "working" | "on" | "intercepting" | "attention" | "missing";
export type Theme = "system" | "light" | "dark";
export type Mode = "intercept" | "wiretap" | "replace" | "ingest";
export type EnvironmentFormat = "lines" | "json" | "shell";
export type PathKind = "exact" | "prefix" | "regex";
export type Possible = { can: "yes" } | { can: "no"; why: string };
export type Field =
  | "connection" | "namespace" | "workload" | "container" | "name" | "local-port" | "port" | "address" | "header" | "path"
  | "method" | "mount" | "environment" | "until";
export type Remedy =
  | { remedy: "start-helper" } | { remedy: "restart-helper" } | { remedy: "join-group" }
  | { remedy: "log-in"; connection: string } | { remedy: "retry"; context: ContextId } | { remedy: "show"; screen: Screen };
export type Problem = { code: string; title: string; detail: string; fix: string; remedy: Remedy | null };
export type HelperState = "calling" | "answers" | "absent" | "stopped" | "refused" | "older" | "newer" | "silent";
export type QuitWords = { title: string; detail: string; intercepts: string[] };
export type Badge = { screen: Screen; count: number };
export type Shell = {
  helper: HelperState; problem: Problem | null; stale: boolean; heading: string; shape: Shape; screen: Screen; badges: Badge[];
  tray_hosted: boolean; theme: Theme; demo: boolean; version: string; quitting: QuitWords | null;
};
export type Welcome = {
  step: number; helper: HelperState; problem: Problem | null; contexts: number; unreadable: Problem[]; demo: string | null;
};
export type Kind = "kubernetes" | "standalone";
export type ConnectionState = "off" | "connecting" | "connected" | "reconnecting" | "needs-login" | "failed" | "disconnecting";
export type Step = { words: string; began: Ms; ended: Ms | null };
export type HopName = "api-server" | "manager" | "agent";
export type Hop = { name: HopName; round_trip: Us };
export type Latency = { hops: Hop[]; total: Us; history: Us[] };
export type RowActs = { connect: Possible; disconnect: Possible; log_in: Possible };
export type Foreign = { name: string; user: string; state: ConnectionState };
export type Tuning = { namespace: string; manager_namespace: string; also: string[]; never: string[]; as_user: string };
export type ClusterRow = {
  id: ContextId; name: string; kind: Kind; connection: string | null; server: string; source: string; plugin: string | null;
  current: boolean; state: ConnectionState; since: Ms | null; steps: Step[]; problem: Problem | null; namespace: string;
  tuning: Tuning; latency: Latency | null; way: string; manager: string; sent: number; received: number; open_flows: number;
  acts: RowActs;
};
export type Clusters = { rows: ClusterRow[]; total: number; search: string; unreadable: Problem[]; others: Foreign[] };
export type Source = "cluster" | "user-also" | "user-never" | "api-server" | "host";
export type Placed = { subnet: string; source: Source; device: string | null; why: string };
export type SubnetsOf = {
  connection: string; routed: Placed[]; excluded: Placed[]; left_alone: Placed[]; conflict: Problem | null; also: string[];
  never: string[]; effect: string;
};
export type Subnets = { connections: SubnetsOf[] };
export type WorkloadRef = { namespace: string; kind: string; name: string };
export type Phase = "pending" | "preparing" | "active" | "waiting" | "ending" | "ended";
export type PortLine = { port: string; udp: boolean; local: string; listening: boolean | null };
export type Replica = { pod: string; address: string; applied: boolean; problem: Problem | null };
export type Way = { words: string; problem: Problem | null };
export type ProofState = "none" | "running" | "done";
export type Proof = { state: ProofState; at: Ms | null; ways: Way[]; problem: Problem | null };
export type Files = { path: string; read_only: boolean; mounted: boolean; problem: Problem | null; unreadable: string[] };
export type Written = { path: string; variables: number; left_out: string[]; problem: Problem | null };
export type Card = {
  connection: string; name: string; workload: WorkloadRef; container: string | null; mode: Mode; phase: Phase; step: string | null;
  since: Ms; until: Ms | null; ports: PortLine[]; filter: string | null; problem: Problem | null; replicas: Replica[]; proof: Proof;
  files: Files | null; environment: Written | null; curl: string | null; ask_again: Possible;
};
export type Intercepts = { cards: Card[]; ask: Possible };
export type HolderView = { user: string; mode: Mode; since: Ms; own: boolean };
export type WorkloadRow = {
  workload: WorkloadRef; ready: number; replicas: number; services: string[]; holders: HolderView[]; possible: Possible;
};
export type PortChoice = { port: string; udp: boolean; number: number; target: string; service: string };
export type Listener = { port: number; udp: boolean; process: string; pid: number };
export type FormProblem = { field: Field; row: number | null; problem: Problem };
export type Picker = {
  opened: number; draft: Draft; revision: number; connections: string[]; namespaces: string[]; known: boolean;
  problem: Problem | null; workloads: WorkloadRow[]; workloads_found: number; workloads_total: number; search: string;
  ports: PortChoice[]; listeners: Listener[]; mount: Possible; mount_path: string; environment_path: string | null;
  problems: FormProblem[]; effect: string; ready: boolean; asking: string | null; failed: Problem | null;
};
export type SortBy = "opened" | "process" | "destination" | "sent" | "received" | "round-trip" | "state";
export type TrafficQuery = { filter: string; sort: SortBy; descending: boolean; first: number; count: number; paused: boolean };
export type FlowRow = {
  id: string; connection: string; protocol: string; process: string; name: string; destination: string; sent: number;
  received: number; round_trip: Us | null; opened: Ms; state: string; closed: string;
};
export type Traffic = {
  query: TrafficQuery; rows: FlowRow[]; first: number; found: number; total: number; at: Ms | null; problem: Problem | null;
};
export type Outcome = "pass" | "warn" | "fail";
export type CheckRow = { id: number; title: string; outcome: Outcome; reason: string; fix: string; remedy: Remedy | null };
export type Doctor = {
  running: boolean; at: Ms | null; checks: CheckRow[]; exporting: boolean; exported: string | null; problem: Problem | null;
};
export type NoticeKind = "lost" | "back" | "login-needed" | "taken" | "expired" | "replica" | "local-port";
export type Settings = {
  theme: Theme; start_at_login: boolean; notices: { [key in NoticeKind]?: boolean }; told_of_tray: boolean; welcomed: boolean;
  kubeconfigs: string[]; last_screen: Screen;
};
export type Served = { connection: string; name: string; values: string[] };
export type SettingsView = { own: Settings; served: Served[]; tray_hosted: boolean; file: string; problem: Problem | null };
export type Toast = { words: string };
export type Update =
  | { kind: "shell"; view: Shell } | { kind: "welcome"; view: Welcome } | { kind: "clusters"; view: Clusters }
  | { kind: "subnets"; view: Subnets } | { kind: "intercepts"; view: Intercepts } | { kind: "picker"; view: Picker }
  | { kind: "traffic"; view: Traffic } | { kind: "doctor"; view: Doctor } | { kind: "settings"; view: SettingsView }
  | { kind: "toast"; view: Toast };
export type DraftPort = { local: string; port: string; udp: boolean };
export type Draft = {
  revision: number; connection: string; namespace: string; kind: string; workload: string; container: string; name: string;
  mode: Mode; ports: DraftPort[]; address: string; headers: string[]; path: string; path_kind: PathKind; method: string;
  mount: boolean; read_only: boolean; environment: EnvironmentFormat | null; until: string;
};
export type Picked = "mount-folder" | "environment-file" | "kubeconfig" | "export";
export type List = "contexts" | "workloads";
export type Copyable =
  | { text: "curl"; connection: string; intercept: string } | { text: "server"; context: ContextId } | { text: "fix"; fix: string };
export type Setting =
  | { setting: "theme"; theme: Theme } | { setting: "start-at-login"; on: boolean }
  | { setting: "notice"; kind: NoticeKind; on: boolean } | { setting: "forget-kubeconfig"; index: number };
export type QuitAnswer = "keep" | "leave" | "stay";
export type Act =
  | { do: "painted"; after_ms: number } | { do: "show"; screen: Screen } | { do: "search"; list: List; text: string }
  | { do: "connect"; context: ContextId } | { do: "retry"; context: ContextId } | { do: "tune"; context: ContextId; tuning: Tuning }
  | { do: "disconnect"; connection: string } | { do: "stop-all" } | { do: "log-in"; connection: string }
  | { do: "reroute"; connection: string; also: string[]; never: string[] }
  | { do: "pick"; connection: string | null; intercept: string | null } | { do: "draft"; draft: Draft }
  | { do: "intercept"; revision: number } | { do: "choose"; what: Picked } | { do: "unchoose"; what: Picked }
  | { do: "leave"; connection: string; intercept: string } | { do: "leave-all"; connection: string }
  | { do: "extend"; connection: string; intercept: string; minutes: number | null }
  | { do: "prove"; connection: string; intercept: string } | { do: "open-files"; connection: string; intercept: string }
  | { do: "copy"; what: Copyable } | { do: "traffic"; query: TrafficQuery } | { do: "examine" } | { do: "fix"; check: number }
  | { do: "export" } | { do: "set"; setting: Setting } | { do: "remedy"; remedy: Remedy } | { do: "dismiss"; context: ContextId }
  | { do: "welcome-step"; step: number } | { do: "close" } | { do: "quit"; answer: QuitAnswer | null };
