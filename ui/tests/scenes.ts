import type { Mock } from "./mock.ts";
import { flows, names } from "./mock.ts";
import * as samples from "./samples.ts";

const { LONG, RIGHT_TO_LEFT } = samples;

/** Presses what is about to be drawn. */
function press(selector: string): void {
  const found = document.querySelector<HTMLElement>(selector);
  if (found) found.click();
  else setTimeout(() => press(selector));
}

const hostile = (text: string) => samples.problem("internal", text, `${text}\nand more: ${text}`, text, { remedy: "start-helper" });

/** What a screen shows in the states that matter. */
export const SCENES: Record<string, (mock: Mock) => void> = {
  clusters: (mock) => {
    mock.put("clusters", samples.clusters());
    mock.put("shell", samples.shell());
  },
  "clusters-none": (mock) => {
    mock.put("clusters", { rows: [], total: 0 });
  },
  "clusters-stale": (mock) => {
    mock.put("clusters", samples.clusters({ rows: [samples.CONNECTED, samples.cluster(5, { name: "kind-local" })], unreadable: [], others: [] }));
    mock.put("shell", samples.shell({ helper: "stopped", problem: samples.STOPPED, stale: true, shape: "missing", heading: samples.STOPPED.title }));
  },
  "clusters-troubled": (mock) => {
    const waits = { ...samples.NEEDS_LOGIN, login_says: "To sign in, open the page https://login.example/device in a browser and enter the code AB-12." };
    mock.put("clusters", samples.clusters({ rows: [samples.TROUBLED, waits], unreadable: [] }));
    mock.put("shell", samples.shell({ shape: "attention", heading: `shop: ${samples.TROUBLED.troubles[0]?.title}` }));
  },
  "clusters-hostile": (mock) => {
    const rows = [
      { ...samples.CONNECTED, troubles: [hostile(RIGHT_TO_LEFT), hostile(LONG)], name: LONG, namespace: LONG, way: LONG, server: `${LONG}:6443` },
      { ...samples.FAILED, name: RIGHT_TO_LEFT, problem: hostile(LONG) },
      samples.cluster(9, { name: `<img src=x onerror=alert(1)>${RIGHT_TO_LEFT}`, plugin: LONG, source: LONG }),
    ];
    mock.put("clusters", samples.clusters({ rows, total: 2000, search: LONG.slice(0, 20), others: [{ name: LONG, user: LONG, state: "connected" }] }));
    mock.put("shell", samples.shell({ heading: LONG, shape: "attention", demo: true }));
    mock.toast(LONG);
  },
  subnets: (mock) => {
    mock.put("subnets", samples.subnets());
    mock.put("shell", samples.shell({ screen: "subnets" }));
  },
  "subnets-none": (mock) => mock.put("shell", { screen: "subnets" }),
  intercepts: (mock) => {
    mock.put("intercepts", samples.intercepts());
    mock.put("shell", samples.shell({ screen: "intercepts" }));
  },
  "intercepts-none": (mock) => mock.put("shell", { screen: "intercepts" }),
  "intercepts-hostile": (mock) => {
    const card = samples.card({
      name: LONG, workload: { namespace: RIGHT_TO_LEFT, kind: "Deployment", name: LONG }, filter: LONG, problem: hostile(RIGHT_TO_LEFT), phase: "waiting",
      step: LONG, curl: LONG, files: { path: `/${LONG}`, read_only: true, mounted: false, problem: hostile(LONG), unreadable: [LONG, LONG] },
      replicas: Array.from({ length: 40 }, (_, at) => ({ pod: `${LONG}-${at}`, address: "fd00::1", applied: at % 2 === 0, problem: null })),
    });
    mock.put("intercepts", { cards: [card], ask: { can: "no", why: LONG } });
    mock.put("shell", samples.shell({ screen: "intercepts" }));
  },
  picker: (mock) => {
    const draft = { ...samples.DRAFT, revision: 7, kind: "Deployment", workload: "web", ports: [{ local: "9000", port: "http", udp: false }], mount: true, until: "4h" };
    mock.put("picker", samples.picker({ opened: 9, draft, revision: 7, ready: true, effect: "The 2 pods of web start anew, one after the other, to get an agent. They get it once.", preview: samples.RESTARTS }));
    mock.put("shell", samples.shell({ screen: "picker" }));
  },
  "picker-agent": (mock) => {
    const draft = { ...samples.DRAFT, kind: "Deployment", workload: "web", container: "proxy", ports: [{ local: "9000", port: "two", udp: false }] };
    const containers = { ...samples.CONTAINERS!, unnamed: "The one with the port", note: "Several have a port two: proxy, web. Choose one." };
    mock.put("picker", samples.picker({ opened: 9, draft, containers, mount: samples.NOTHING_TO_MOUNT, agent_there: true, ready: true, preview: { preview: "asking" } }));
    mock.put("shell", samples.shell({ screen: "picker" }));
  },
  "picker-older": (mock) => {
    const draft = { ...samples.DRAFT, kind: "Deployment", workload: "web" };
    mock.put("picker", samples.picker({ opened: 9, draft, containers: null }));
    mock.put("shell", samples.shell({ screen: "picker" }));
  },
  "picker-failed": (mock) => {
    const failed = samples.problem("port-held", "Somebody else intercepts this port", "ben@example.com intercepts port http of deployment/web, all requests, for 22 min.", "Ask who is named, or take a part of the requests with --http-header.");
    const draft = { ...samples.DRAFT, kind: "Deployment", workload: "web", headers: ["x-user=ann"], environment: "lines" as const };
    const mount = { can: "no", why: "Files cannot be mounted without sshfs. Install it with: sudo apt install sshfs" } as const;
    const preview = { preview: "impossible", problem: samples.problem("injection-disabled", "The workload takes no agent", "deployment/web has the annotation hawser.dev/inject: disabled.", "Ask its owner to remove the annotation hawser.dev/inject: disabled.") } as const;
    mock.put("picker", samples.picker({ opened: 9, draft, failed, mount, preview, connections: ["shop", "lab"], workloads_found: 1804, workloads_total: 2000, search: "a" }));
    mock.put("shell", samples.shell({ screen: "picker" }));
  },
  traffic: (mock) => {
    mock.flows = flows(10_000);
    mock.put("shell", samples.shell({ screen: "traffic" }));
  },
  "traffic-none": (mock) => {
    mock.flows = [];
    mock.put("shell", samples.shell({ screen: "traffic" }));
  },
  names: (mock) => {
    mock.names = names(1_000);
    mock.put("shell", samples.shell({ screen: "traffic" }));
    press("#tab-names");
  },
  "names-none": (mock) => {
    mock.names = [];
    mock.put("shell", samples.shell({ screen: "traffic" }));
    press("#tab-names");
  },
  doctor: (mock) => {
    mock.put("doctor", samples.doctor());
    mock.put("shell", samples.shell({ screen: "doctor" }));
  },
  "doctor-running": (mock) => {
    mock.put("doctor", samples.doctor({ running: true, checks: samples.CHECKS.slice(0, 3), exported: null, log: samples.log("debug") }));
    mock.put("shell", samples.shell({ screen: "doctor" }));
  },
  "doctor-older": (mock) => {
    mock.put("doctor", samples.doctor({ log: samples.OLDER }));
    mock.put("shell", samples.shell({ screen: "doctor" }));
  },
  "doctor-none": (mock) => mock.put("shell", { screen: "doctor" }),
  settings: (mock) => {
    mock.put("settings", samples.settings());
    mock.put("shell", samples.shell({ screen: "settings" }));
  },
  "welcome-1": (mock) => mock.put("shell", { screen: "welcome" }),
  "welcome-2": (mock) => {
    mock.put("welcome", samples.welcome({ step: 2, helper: "refused", problem: samples.REFUSED }));
    mock.put("shell", { screen: "welcome" });
  },
  "welcome-3": (mock) => {
    mock.put("welcome", samples.welcome({ step: 3, contexts: 0, demo: "hawser demo --unconnected -- hawser-app --demo" }));
    mock.put("shell", { screen: "welcome" });
  },
  ending: (mock) => {
    mock.put("shell", samples.shell({ ending: { title: "Disconnecting shop ends 2 intercepts", intercepts: ["web over shop", "checkout over shop"] } }));
  },
  quitting: (mock) => {
    mock.put("intercepts", samples.intercepts());
    mock.put("shell", samples.shell({ screen: "intercepts", quitting: { title: "Quit Hawser?", detail: "2 intercepts go on without it: what clients ask of them still comes to this laptop. Left, their pods answer again.", intercepts: ["web in shop", "checkout in shop"] } }));
  },
};
