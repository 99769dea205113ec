import type {
  Card, CheckRow, ClusterRow, Clusters, Doctor, Draft, Intercepts, Log, LogLevel, Picker, Preview, Problem, SettingsView, Shell, Subnets, Welcome, WorkloadRow,
} from "../src/types.ts";

/** When everything here happens, in Unix milliseconds. */
export const NOW = Date.now();
export const LONG = "a-name-that-somebody-chose-on-a-friday-afternoon-and-that-goes-on-and-on-without-any-place-to-break-it".repeat(2);
export const RIGHT_TO_LEFT = "שרת-ייצור-\u202eתל-אביב";

export const problem = (code: string, title: string, detail: string, fix: string, remedy: Problem["remedy"] = null): Problem =>
  ({ code, title, detail, fix, remedy });

export const STOPPED = problem(
  "helper-unreachable", "The helper is not running", "/run/hawser/helper.sock: connection refused",
  "Start it with: sudo systemctl start hawser-helper", { remedy: "start-helper" },
);
export const REFUSED = problem(
  "helper-not-allowed", "You may not use the helper", "The helper serves root and members of the group hawser, and ann is neither.",
  "Ask an administrator to add you to the group hawser: sudo usermod -aG hawser $USER", { remedy: "join-group" },
);

export const shell = (part: Partial<Shell> = {}): Shell => ({
  helper: "answers", problem: null, stale: false, heading: "2 intercepts on shop", shape: "intercepting", screen: "clusters",
  badges: [{ screen: "clusters", count: 1 }, { screen: "doctor", count: 2 }], tray_hosted: true, theme: "system", demo: false, version: "0.1.0",
  quitting: null, ending: null, keyring: null, ...part,
});

const yes = { can: "yes" } as const;
const no = (why: string) => ({ can: "no", why }) as const;
const TUNING = { namespace: "", manager_namespace: "", also: [], never: [], as_user: "" };
const waves = (middle: number, spread: number) =>
  Array.from({ length: 60 }, (_, at) => Math.round(middle + spread * (Math.sin(at / 4) + Math.sin(at / 1.7) * 0.6 + (at === 41 ? 3 : 0))));

export const cluster = (id: number, part: Partial<ClusterRow> = {}): ClusterRow => ({
  id, name: `cluster-${id}`, kind: "kubernetes", connection: null, server: `api-${id}.example.com:6443`, source: "~/.kube/config", plugin: null,
  current: false, state: "off", since: null, steps: [], problem: null, troubles: [], namespace: "", tuning: TUNING, hops: [], way: "", manager: "",
  sent: 0, received: 0, open_flows: 0, login_expires: null, login_says: null, login_command: null, acts: { connect: yes, disconnect: no("It is not connected."), log_in: no("It waits for no login.") },
  ...part,
});

export const CONNECTED = cluster(1, {
  name: "shop", connection: "shop", server: "10.20.0.1:6443", current: true, state: "connected", since: NOW - 7_384_000, namespace: "shop",
  hops: [
    { name: "api-server", pod: "", round_trip: 8_200, history: waves(8_200, 800) },
    { name: "manager", pod: "", round_trip: 9_700, history: waves(9_700, 900) },
    { name: "agent", pod: "web-5f6d8c9b7-x2x4q", round_trip: 10_100, history: waves(10_100, 900) },
  ],
  way: "port-forward through the API server", manager: "Hawser 0.1.0", sent: 48_200_000, received: 1_310_000_000, open_flows: 37,
  login_expires: NOW + 560_000, acts: { connect: no("It is connected."), disconnect: yes, log_in: yes },
});

export const TROUBLED: ClusterRow = {
  ...CONNECTED,
  troubles: [problem(
    "subnet-conflict", "A subnet of the cluster is already routed elsewhere", "10.96.7.0/24 in 10.96.0.0/16 is routed to wg0, which looks like WireGuard",
    "End what routes it, or leave it out with: hawser connect --never-proxy 10.96.7.0/24",
  )],
};

export const CONNECTING = cluster(2, {
  name: "staging", connection: "staging", server: "staging.example.com:443", plugin: "gke-gcloud-auth-plugin", state: "connecting",
  since: NOW - 3_000,
  steps: [
    { words: "Obtaining your login from gke-gcloud-auth-plugin", began: NOW - 3_100, ended: NOW - 1_900 },
    { words: "Looking for the traffic manager in hawser", began: NOW - 1_900, ended: NOW - 1_500 },
    { words: "Opening a port-forward to manager-6f7c9d", began: NOW - 1_500, ended: null },
  ],
  acts: { connect: no("It is being connected."), disconnect: yes, log_in: no("It waits for no login.") },
});

export const FAILED = cluster(3, {
  name: "production-eu-west", server: "203.0.113.20:6443", plugin: "aws", state: "failed", since: NOW - 42_000,
  steps: [
    { words: "Obtaining your login from aws", began: NOW - 44_000, ended: NOW - 43_000 },
    { words: "Looking for the traffic manager in hawser", began: NOW - 43_000, ended: NOW - 42_000 },
  ],
  problem: problem(
    "manager-absent", "There is no traffic manager in the cluster", "The namespace hawser of production-eu-west has no service hawser-manager.",
    "Install it with: hawser cluster install", { remedy: "retry", context: 3 },
  ),
});

export const NEEDS_LOGIN = cluster(4, {
  name: "lab", connection: "lab", server: "lab.example.com:6443", plugin: "kubelogin", state: "needs-login", since: NOW - 301_000,
  problem: problem("login-required", "You have to log in", "kubelogin says that the session is over.", "Log in with: hawser login", { remedy: "log-in", connection: "lab" }),
  acts: { connect: no("It waits for your login."), disconnect: yes, log_in: yes },
});

export const clusters = (part: Partial<Clusters> = {}): Clusters => {
  const rows = [
    CONNECTED, CONNECTING, FAILED, NEEDS_LOGIN,
    cluster(5, { name: "kind-local", server: "127.0.0.1:41533" }),
    cluster(6, { name: "office", kind: "standalone", server: "203.0.113.7:7300", source: "~/.config/hawser/managers/office.toml" }),
    cluster(7, { name: "legacy", server: "legacy.example.com:6443", acts: { connect: no("Its kubeconfig logs in by an auth-provider, which Kubernetes removed."), disconnect: no(""), log_in: no("") } }),
  ];
  return {
    rows, total: rows.length, search: "", others: [{ name: "shop", user: "ben", state: "connected" }],
    unreadable: [problem("kubeconfig-malformed", "A kubeconfig is malformed", "~/.kube/config-old, line 14: found a tab where spaces are needed", "Correct what is named; kubectl config view shows what kubectl makes of it.")],
    ...part,
  };
};

export const subnets = (): Subnets => ({
  connections: [
    {
      connection: "shop", more: 1_536,
      routed: [
        { subnet: "10.96.0.0/16", source: "cluster", route: "10.96.0.0/16", device: "hawser0", owner: "this connection", why: "the cluster serves it" },
        { subnet: "fd00:96::/112", source: "cluster", route: "fd00:96::/112", device: "hawser0", owner: "this connection", why: "the cluster serves it" },
        { subnet: "192.168.40.0/24", source: "user-also", route: "192.168.40.0/24", device: "hawser0", owner: "this connection", why: "you add it" },
      ],
      excluded: [
        { subnet: "10.96.7.0/24", source: "user-never", route: "0.0.0.0/0", device: "wlan0", owner: "Wi-Fi", why: "you want it to stay out" },
        { subnet: "10.20.0.1/32", source: "api-server", route: "10.0.0.0/8", device: "tun0", owner: "OpenVPN or another VPN", why: "the API server is there, and the way to it can't lead through itself" },
      ],
      left_alone: [{ subnet: "172.30.0.0/16", source: "cluster", route: "172.16.0.0/12", device: "wg0", owner: "WireGuard", why: "this computer reaches it by itself" }],
      conflicts: [
        { subnet: "10.244.0.0/16", source: "cluster", route: "10.244.1.0/24", device: "docker0", owner: "Docker", why: "10.244.1.0/24 in 10.244.0.0/16 is already routed to docker0, which looks like Docker" },
        { subnet: "10.244.0.0/16", source: "cluster", route: "10.244.9.0/24", device: "virbr0", owner: "libvirt", why: "10.244.9.0/24 in 10.244.0.0/16 is already routed to virbr0, which looks like libvirt" },
      ],
      problem: problem(
        "subnet-conflict", "A subnet of the cluster is already routed elsewhere", "10.244.1.0/24 in 10.244.0.0/16 is already routed to docker0, which looks like Docker; 1 other subnet can't be routed either",
        "End what routes it, or leave it out with: hawser connect --never-proxy 10.244.1.0/24",
      ),
      also: ["192.168.40.0/24"], never: ["10.96.7.0/24"],
    },
  ],
});

export const card = (part: Partial<Card> = {}): Card => ({
  connection: "shop", name: "web", workload: { namespace: "shop", kind: "Deployment", name: "web" }, container: null, mode: "intercept",
  phase: "active", step: null, since: NOW - 754_000, until: NOW + 4_825_000,
  ports: [{ port: "http", udp: false, local: "127.0.0.1:9000", listening: true }], filter: "x-user = ann", problem: null,
  delivered: { connections: 12, refused: 1, last: NOW - 3_000 }, requests: { matched: 1_234, passed: 340, dropped: 0 },
  replicas: [
    { pod: "web-6d5f9c7b8-2xk4q", address: "10.244.1.17", applied: true, problem: null },
    { pod: "web-6d5f9c7b8-m9t7z", address: "10.244.2.9", applied: true, problem: null },
  ],
  proof: {
    state: "done", at: NOW - 730_000, problem: null,
    ways: [{ words: "service web (10.96.0.11:80)", problem: null }, { words: "web-6d5f9c7b8-2xk4q (10.244.1.17:8080)", problem: null }, { words: "web-6d5f9c7b8-m9t7z (10.244.2.9:8080)", problem: null }],
  },
  files: { path: "/home/ann/.local/share/hawser/mounts/web", read_only: false, mounted: true, problem: null, unreadable: ["/var/run/secrets/vault"] },
  environment: { path: "/home/ann/shop/.env", variables: 34, left_out: ["PATH", "HOME"], problem: null },
  curl: "curl -H 'x-user: ann' http://web.shop/", ask_again: no("It is in force."), ...part,
});

export const intercepts = (): Intercepts => ({
  ask: yes,
  cards: [
    card(),
    card({
      name: "checkout", workload: { namespace: "shop", kind: "StatefulSet", name: "checkout" }, mode: "wiretap", filter: null, requests: null, until: null, files: null, environment: null,
      ports: [{ port: "grpc", udp: false, local: "127.0.0.1:50051", listening: false }],
      replicas: [
        { pod: "checkout-0", address: "10.244.1.20", applied: true, problem: null },
        {
          pod: "checkout-1", address: "10.244.3.4", applied: true,
          problem: problem("replica-unreached", "Not all that clients ask for reaches this laptop", "A network policy keeps clients from port 9901 of the pod.", "Let clients of the workload reach port 9901 of its pods."),
        },
      ],
      problem: problem("local-port-silent", "Nobody listens on the local port", "127.0.0.1:50051 refused a connection.", "Start your program, or name its port with: --port LOCAL:PORT"),
    }),
    card({
      name: "search", phase: "ended", workload: { namespace: "shop", kind: "Deployment", name: "search" }, since: NOW - 65_000, files: null, environment: null, ask_again: yes, filter: null, requests: null,
      problem: problem("intercept-expired", "The intercept's time is over", "It ended as it was to, at 14:00.", "Ask for it again, for a longer time with --until."),
    }),
  ],
});

export const workload = (name: string, part: Partial<WorkloadRow> = {}): WorkloadRow => ({
  workload: { namespace: "shop", kind: "Deployment", name }, ready: 2, replicas: 2, services: [name], holders: [], possible: yes, ...part,
});

export const WORKLOADS: WorkloadRow[] = [
  workload("web"),
  workload("cart", { holders: [{ user: "ben@example.com", mode: "intercept", since: NOW - 1_320_000, own: false }] }),
  workload("checkout", { workload: { namespace: "shop", kind: "StatefulSet", name: "checkout" }, ready: 1, replicas: 3, holders: [{ user: "ann@example.com", mode: "wiretap", since: NOW - 754_000, own: true }] }),
  workload("ledger", { services: [], possible: no("It takes no agent: it has the annotation hawser.dev/inject: disabled.") }),
  workload("mail", { ready: 0, replicas: 0, possible: no("It has no pods.") }),
  workload("search"),
];

export const RESTARTS: Preview = {
  preview: "restarts", pods: ["web-6d5f9c7b8-2xk4q", "web-6d5f9c7b8-m9t7z"],
  notes: ["One after the other, as the deployment's strategy says.", "Argo CD manages web; it is not told, and changes nothing back."],
};

export const DRAFT: Draft = {
  revision: 0, connection: "shop", namespace: "shop", kind: "", workload: "", container: "", name: "", mode: "intercept",
  ports: [{ local: "", port: "", udp: false }], address: "", headers: [], path: "", path_kind: "prefix", method: "", mount: false, read_only: false,
  environment: null, until: "",
};

export const CONTAINERS: Picker["containers"] = {
  all: [
    { name: "web", ports: ["http 8080", "metrics 9090", "dns 5353/udp"], has_files: true },
    { name: "proxy", ports: ["9901"], has_files: false },
  ],
  unnamed: "web, which has the port", note: null,
};

/** Of a container without files. */
export const NOTHING_TO_MOUNT = no("container proxy has no volumes. Choose another container, or go without its files.");

export const picker = (part: Partial<Picker> = {}): Picker => ({
  opened: 1, draft: DRAFT, revision: 0, connections: ["shop"], namespaces: ["shop", "payments", "default", RIGHT_TO_LEFT], known: true, problem: null,
  workloads: WORKLOADS, workloads_found: WORKLOADS.length, workloads_total: WORKLOADS.length, search: "",
  ports: [
    { port: "http", udp: false, number: 80, target: "8080", service: "web" }, { port: "metrics", udp: false, number: 9090, target: "metrics", service: "web" },
    { port: "dns", udp: true, number: 53, target: "5353", service: "web" },
  ],
  containers: CONTAINERS, agent_there: false,
  listeners: [{ port: 3000, udp: false, process: "node", pid: 4121 }, { port: 9000, udp: false, process: "python3", pid: 5188 }, { port: 5353, udp: true, process: "dnsmasq", pid: 960 }],
  mount: yes, mount_path: "/home/ann/.local/share/hawser/mounts/web", environment_path: null, problems: [], effect: "", preview: { preview: "none" }, ready: false, asking: null,
  failed: null, ...part,
});

export const CHECKS: CheckRow[] = [
  { id: 1, title: "The helper answers", outcome: "pass", reason: "/run/hawser/helper.sock, version 0.1.0", fix: "", remedy: null },
  { id: 2, title: "The resolver asks Hawser for the cluster's names", outcome: "pass", reason: "systemd-resolved has shop.svc.cluster.local on hawser0", fix: "", remedy: null },
  { id: 3, title: "The API server answers quickly", outcome: "warn", reason: "340 ms, three times as long as usual", fix: "Check the network, and the server in your kubeconfig: kubectl cluster-info", remedy: null },
  { id: 4, title: "The manager in production-eu-west is there", outcome: "fail", reason: "The namespace hawser has no service hawser-manager.", fix: "Install it with: hawser cluster install", remedy: { remedy: "show", screen: "clusters" } },
  { id: 5, title: "This computer's clock is right", outcome: "pass", reason: "12 ms behind the API server's", fix: "", remedy: null },
  { id: 6, title: "sshfs is installed", outcome: "pass", reason: "/usr/bin/sshfs, 3.7.3", fix: "", remedy: null },
];

export const log = (level: LogLevel): Log => ({ level, until: level === "debug" ? NOW + 1_800_000 : null, set: yes, problem: null });

export const OLDER: Log = {
  level: null, until: null, set: no("The helper does not say how much it writes."),
  problem: problem(
    "helper-version", "The helper has another version than this program", "the helper is older than this application, and always writes the same",
    "Update both from the same package, then restart the helper.", { remedy: "restart-helper" },
  ),
};

export const doctor = (part: Partial<Doctor> = {}): Doctor =>
  ({ running: false, at: NOW - 20_000, checks: CHECKS, exporting: false, exported: "/home/ann/hawser-2026-11-26.zip", problem: null, log: log("normal"), ...part });

export const settings = (): SettingsView => ({
  own: { theme: "system", start_at_login: true, notices: { back: false }, told_of_tray: true, welcomed: true, kubeconfigs: ["/home/ann/work/clusters/lab.yaml"], last_screen: "clusters" },
  chosen: [
    { connection: "shop", name: "Never through the cluster", values: ["10.96.7.0/24"] },
    { connection: "shop", name: "Namespace", values: ["shop"] },
  ],
  served: [
    { connection: "shop", name: "Also through the cluster", values: ["192.168.40.0/24", "192.168.41.0/24"] },
    { connection: "shop", name: "Names that stay out", values: ["*.corp.example.com"] },
    { connection: "shop", name: "How long an unused agent stays", values: ["10 min 00 s"] },
  ],
  keyring: {
    connections: ["lab", "production-eu-west"],
    problem: problem("keyring-locked", "Your keyring is locked", "the default keyring is locked", "Unlock it; until then logins are kept in a file that only you can read.", { remedy: "unlock-keyring" }),
    file: "/home/ann/.local/state/hawser/secrets",
  },
  tray_hosted: true, file: "~/.config/hawser/settings.toml", problem: null,
});

export const welcome = (part: Partial<Welcome> = {}): Welcome =>
  ({ step: 1, helper: "answers", problem: null, contexts: 3, unreadable: [], demo: null, ...part });
