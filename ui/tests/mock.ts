import type { Act, Draft, FlowRow, NameRow, NamesQuery, Picker, Problem, Screen, TrafficQuery, Update } from "../src/types.ts";
import * as samples from "./samples.ts";

type View<Kind extends Update["kind"]> = Extract<Update, { kind: Kind }>["view"];
type Views = { -readonly [Kind in Exclude<Update["kind"], "toast">]: View<Kind> };

/** A controller as the page sees it, with a cluster that does what it is told. */
export class Mock {
  asked: Act[] = [];
  /** What the next act of this kind is refused with. */
  refuse: Partial<Record<Act["do"], Problem>> = {};
  /** Milliseconds that a step of the cluster takes. */
  pace = 30;
  flows: FlowRow[] = flows(400);
  names: NameRow[] = names(400);
  #ending = "";
  #order: { key: string; flows: FlowRow[]; found: FlowRow[] } = { key: "", flows: [], found: [] };
  views: Views = {
    shell: samples.shell({ heading: "Not connected", shape: "off", badges: [] }),
    welcome: samples.welcome(),
    clusters: samples.clusters({ rows: [samples.cluster(1, { name: "shop" }), samples.cluster(2, { name: "kind-local" })], total: 2, unreadable: [], others: [] }),
    subnets: { connections: [] },
    intercepts: { cards: [], ask: { can: "no", why: "No cluster is connected." } },
    picker: samples.picker({ opened: 0 }),
    traffic: this.window({ filter: "", sort: "opened", descending: true, first: 0, count: 0, paused: false }),
    names: this.namesWindow({ filter: "", sort: "at", descending: true, first: 0, count: 0, paused: false }),
    doctor: samples.doctor({ at: null, checks: [], exported: null }),
    settings: samples.settings(),
  };
  #send: (update: Update) => void = () => {};

  attach(send: (update: Update) => void): void {
    this.#send = send;
    for (const [kind, view] of Object.entries(this.views)) send({ kind, view } as Update);
  }

  /** Changes a view and sends it. */
  put<Kind extends keyof Views>(kind: Kind, part: Partial<Views[Kind]>): void {
    this.views[kind] = { ...this.views[kind], ...part };
    this.#send({ kind, view: this.views[kind] } as Update);
  }

  /** Null, or why not. */
  act(act: Act): Problem | null {
    this.asked.push(act);
    const refusal = this.refuse[act.do];
    if (refusal) return refusal;
    if (act.do === "show") this.put("shell", { screen: act.screen });
    else if (act.do === "connect" || act.do === "retry") void this.#connect(act.context);
    else if (act.do === "disconnect") this.#end(act.connection);
    else if (act.do === "end") {
      this.put("shell", { ending: null });
      if (act.sure) this.#disconnect(this.#ending);
    }
    else if (act.do === "search") this.#search(act.list, act.text);
    else if (act.do === "pick") this.#pick();
    else if (act.do === "draft") this.#answer(act.draft);
    else if (act.do === "intercept") void this.#intercept();
    else if (act.do === "leave") this.put("intercepts", { cards: this.views.intercepts.cards.filter(({ name }) => name !== act.intercept) });
    else if (act.do === "traffic") this.put("traffic", this.window(act.query));
    else if (act.do === "names") this.put("names", this.namesWindow(act.query));
    else if (act.do === "welcome-step") act.step > 3 ? this.put("shell", { screen: "clusters" }) : this.put("welcome", { step: act.step });
    else if (act.do === "examine") this.put("doctor", samples.doctor());
    else if (act.do === "log") this.put("doctor", { log: samples.log(act.level) });
    else if (act.do === "quit") this.put("shell", { quitting: act.answer === null ? { title: "Quit Hawser?", detail: "2 intercepts go on without this window.", intercepts: ["web in shop", "checkout in shop"] } : null });
    else if (act.do === "set" && act.setting.setting === "theme") this.put("settings", { own: { ...this.views.settings.own, theme: act.setting.theme } });
    else if (act.do === "set" && act.setting.setting === "notice") {
      const { own } = this.views.settings;
      this.put("settings", { own: { ...own, notices: { ...own.notices, [act.setting.kind]: act.setting.on } } });
    }
    return null;
  }

  toast(words: string): void {
    this.#send({ kind: "toast", view: { words } });
  }

  /** The rows that are asked for, as the controller finds them. */
  window(query: TrafficQuery): View<"traffic"> {
    const found = this.#found(query);
    return {
      query, rows: found.slice(query.first, query.first + query.count), first: query.first, found: found.length, total: this.flows.length,
      at: samples.NOW, problem: null,
    };
  }

  /** The same of names. */
  namesWindow(query: NamesQuery): View<"names"> {
    const { filter, sort, descending, first, count } = query;
    const wanted = filter.toLowerCase();
    const found = this.names.filter((row) => `${row.name} ${row.record} ${row.asker} ${row.server} ${row.why}`.toLowerCase().includes(wanted));
    found.sort((a, b) => (a[sort] < b[sort] ? -1 : a[sort] > b[sort] ? 1 : 0) * (descending ? -1 : 1));
    return { query, rows: found.slice(first, first + count), first, found: found.length, total: this.names.length, missed: this.names.length > 900 ? 37 : 0, known: true, problem: null };
  }

  // Kept, so that the page's frames are measured and not the mock's sorting.
  #found({ filter, sort, descending }: TrafficQuery): FlowRow[] {
    const key = `${sort} ${descending} ${filter}`;
    if (this.#order.key === key && this.#order.flows === this.flows) return this.#order.found;
    const wanted = filter.toLowerCase();
    const found = this.flows.filter((flow) => `${flow.process} ${flow.name} ${flow.destination} ${flow.state}`.toLowerCase().includes(wanted));
    const by = (flow: FlowRow) => (sort === "round-trip" ? (flow.round_trip ?? 0) : flow[sort]);
    found.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0) * (descending ? -1 : 1));
    this.#order = { key, flows: this.flows, found };
    return found;
  }

  #row(context: number, part: Partial<View<"clusters">["rows"][number]>): void {
    this.put("clusters", { rows: this.views.clusters.rows.map((row) => (row.id === context ? { ...row, ...part } : row)) });
  }

  async #connect(context: number): Promise<void> {
    const row = this.views.clusters.rows.find(({ id }) => id === context)!;
    this.#row(context, { ...samples.CONNECTING, id: context, name: row.name, connection: row.name, plugin: null });
    this.put("shell", { heading: `${row.name}: Opening a port-forward`, shape: "working" });
    await sleep(this.pace);
    this.#row(context, { ...samples.CONNECTED, id: context, name: row.name, connection: row.name });
    this.put("shell", { heading: `${row.name} connected`, shape: "on" });
    this.put("intercepts", { ask: { can: "yes" } });
    this.put("subnets", samples.subnets());
  }

  #end(connection: string): void {
    const live = this.views.intercepts.cards.filter((card) => card.connection === connection && card.phase !== "ended");
    if (live.length === 0) return this.#disconnect(connection);
    this.#ending = connection;
    this.put("shell", { ending: { title: `Disconnecting ${connection} ends ${live.length} intercepts`, intercepts: live.map(({ name }) => `${name} over ${connection}`) } });
  }

  #disconnect(connection: string): void {
    const row = this.views.clusters.rows.find((other) => other.connection === connection)!;
    this.#row(row.id, samples.cluster(row.id, { name: row.name }));
    this.put("shell", { heading: "Not connected", shape: "off" });
    this.put("intercepts", { ask: { can: "no", why: "No cluster is connected." } });
  }

  #search(list: "contexts" | "workloads", text: string): void {
    if (list === "contexts") return this.put("clusters", { search: text, rows: samples.clusters().rows.filter(({ name }) => name.includes(text)) });
    const workloads = samples.WORKLOADS.filter(({ workload }) => workload.name.includes(text));
    this.put("picker", { search: text, workloads, workloads_found: workloads.length });
  }

  #pick(): void {
    this.put("picker", samples.picker({ opened: this.views.picker.opened + 1 }));
    this.put("shell", { screen: "picker" });
    this.#answer(samples.DRAFT);
  }

  #answer(draft: Draft): void {
    const problems: Picker["problems"] = [];
    const wrong = (field: Picker["problems"][number]["field"], detail: string, row: number | null = null) =>
      problems.push({ field, row, problem: samples.problem("bad-argument", "An argument cannot be used", detail, "") });
    if (!draft.workload) wrong("workload", "Choose a workload.");
    draft.ports.forEach(({ local }, row) => {
      if (draft.mode !== "ingest" && !/^\d{1,5}$/.test(local)) wrong("local-port", local ? `${local} is no port.` : "Name the port on which your program listens.", row);
    });
    const effect = draft.workload ? `The 2 pods of ${draft.workload} start anew, one after the other, to get an agent. They get it once.` : "";
    const ready = problems.length === 0;
    const without = samples.CONTAINERS!.all.some(({ name, has_files }) => name === draft.container && !has_files);
    this.put("picker", { mount: without ? samples.NOTHING_TO_MOUNT : { can: "yes" } });
    this.put("picker", { revision: draft.revision, problems, effect, ready, preview: { preview: ready ? "asking" : "none" } });
    this.#draft = draft;
    if (ready) setTimeout(() => this.#draft === draft && this.put("picker", { preview: samples.RESTARTS }), this.pace);
  }
  #draft = samples.DRAFT;

  async #intercept(): Promise<void> {
    this.put("picker", { asking: "Asking the cluster" });
    await sleep(this.pace);
    this.put("picker", { asking: "Waiting for 2 pods to get an agent" });
    await sleep(this.pace);
    const { workload: name, kind, namespace, ports, mount } = this.#draft;
    const card = samples.card({
      name, workload: { namespace, kind, name }, files: mount ? samples.card().files : null, environment: null, filter: null, requests: null,
      ports: ports.map(({ local, port, udp }) => ({ port: port || "http", udp, local: `127.0.0.1:${local}`, listening: true })),
    });
    this.put("picker", { asking: null });
    this.put("intercepts", { cards: [card] });
    this.put("shell", { screen: "intercepts" satisfies Screen, heading: `1 intercept on ${card.connection}`, shape: "intercepting" });
  }
}

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** As many flows as a busy laptop has. */
export function flows(count: number): FlowRow[] {
  const programs = ["curl", "node", "firefox", "psql", "python3", "java", "hawser-probe", samples.RIGHT_TO_LEFT];
  const names = ["web.shop", "postgres.shop.svc", "redis.cache", "kafka-0.kafka.events.svc.cluster.local", "", samples.LONG];
  return Array.from({ length: count }, (_, at) => {
    const state = ["open", "open", "open", "half-closed", "dialling", "closed"][at % 6]!;
    return {
      id: `shop/${at}`, connection: "shop", protocol: at % 11 ? "tcp" : "udp", process: `${programs[at % programs.length]} (${2000 + (at % 700)})`,
      name: at % 97 === 96 ? names[5]! : names[at % 5]!, destination: `10.96.${(at >> 8) % 256}.${at % 256}:${[80, 5432, 6379, 9092, 443][at % 5]}`,
      sent: (at * 7919) % 5_000_000, received: (at * 104_729) % 900_000_000, round_trip: at % 6 === 4 ? null : 400 + ((at * 37) % 40_000),
      opened: samples.NOW - at * 1_700, state, closed: state === "closed" ? "by the destination" : "",
    };
  });
}

/** As many names as a busy laptop asks for. */
export function names(count: number): NameRow[] {
  const asked = ["web.shop", "redis", "example.org", "wpad", "nobody.shop.svc.cluster.local", samples.RIGHT_TO_LEFT, samples.LONG];
  const by = (["manager", "memory", "host", "hawser", "agent"] as const);
  const outcomes = (["answered", "answered", "answered", "no-such-name", "no-such-record", "answered", "failed"] as const);
  return Array.from({ length: count }, (_, at) => {
    const outcome = outcomes[at % 7]!;
    const who = by[at % 5]!;
    return {
      at: samples.NOW - at * 900, connection: "shop", name: at % 7 === 6 && at > 20 ? "slow.example.net" : asked[at % 7]!, record: at % 2 ? "AAAA" : "A",
      asker: at % 9 === 8 ? "198.18.0.1:40112" : "ann", by: who, server: who === "host" ? "192.0.2.53:53" : who === "agent" ? "web-5f6d8c9b7-x2x4q" : "",
      outcome, why: outcome === "failed" ? "no server answered in time" : "", took: who === "memory" || who === "hawser" ? 0 : 600 + ((at * 37) % 40_000),
    };
  });
}
