import type { Act } from "../src/types.ts";
import { flows, Mock } from "./mock.ts";
import { SCENES } from "./scenes.ts";

// Takes the place of what Tauri puts into its windows.
const mock = new Mock();
const callbacks: ((raw: unknown) => void)[] = [];

async function invoke(command: string, args: Record<string, unknown>): Promise<void> {
  if (command === "attach") {
    let index = 0;
    const { id } = args["channel"] as { id: number };
    mock.attach((message) => callbacks[id]?.({ index: index++, message: structuredClone(message) }));
  } else if (command === "act") {
    const refusal = mock.act(args["act"] as Act);
    if (refusal) throw refusal;
  } else throw new Error(`no such command: ${command}`);
}

Object.assign(window, {
  mock, flows,
  scene: (name: string) => SCENES[name]!(mock),
  __TAURI_INTERNALS__: { invoke, transformCallback: (callback: (raw: unknown) => void) => callbacks.push(callback) - 1, unregisterCallback: () => {} },
});

declare global {
  interface Window {
    mock: Mock;
    flows: typeof flows;
    scene: (name: string) => void;
  }
}
