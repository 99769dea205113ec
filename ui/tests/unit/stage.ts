import axe from "axe-core";
import { render } from "@testing-library/svelte";
import { vi } from "vitest";
import type { Act, Update } from "../../src/types.ts";
import { Mock } from "../mock.ts";

/** The mock that the page is attached to, once `stage` was called. */
let mock: Mock;

// For `vi.mock("../../src/bridge.ts", () => import("./stage.ts"))`.
export const attach = async (send: (update: Update) => void): Promise<void> => {
  const attached = mock;
  // What an earlier test's cluster still answers is nothing to this one's page.
  attached.attach((update) => {
    if (mock === attached) send(update);
  });
};
export const act = async (act: Act): Promise<void> => {
  const refusal = mock.act(act);
  if (refusal) throw refusal;
};

/** The whole page, attached to a mock that was prepared. */
export async function stage(prepare: (mock: Mock) => void = () => {}): Promise<Mock> {
  mock = new Mock();
  const { default: App } = await import("../../src/App.svelte");
  render(App);
  await vi.waitFor(() => {
    if (!document.querySelector("h1")) throw new Error("no screen yet");
  });
  prepare(mock);
  await new Promise((done) => setTimeout(done, 20));
  return mock;
}

/** Violations of axe's rules but those that need colours or `index.html`. */
export async function violations(): Promise<string[]> {
  const elsewhere = Object.fromEntries(["color-contrast", "document-title", "html-has-lang"].map((rule) => [rule, { enabled: false }]));
  const { violations } = await axe.run(document, { rules: elsewhere, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}
