import { mockIPC } from "@tauri-apps/api/mocks";
import { expect, test } from "vitest";
import { act, attach } from "../../src/bridge.ts";
import type { Act, Update } from "../../src/types.ts";
import { STOPPED } from "../samples.ts";

test("updates arrive in the order in which they were sent", async () => {
  let channel = 0;
  mockIPC((command, args) => {
    if (command === "attach") channel = (args as { channel: { id: number } }).channel.id;
  });
  const taken: Update[] = [];
  await attach((update) => taken.push(update));
  const send = (index: number, words: string) =>
    (window as unknown as { __TAURI_INTERNALS__: { runCallback: (id: number, data: unknown) => void } }).__TAURI_INTERNALS__.runCallback(channel, {
      index, message: { kind: "toast", view: { words } },
    });
  send(1, "second");
  send(0, "first");
  expect(taken.map((update) => update.view)).toEqual([{ words: "first" }, { words: "second" }]);
});

test("an act goes as it is, and its refusal comes as it is", async () => {
  const acts: Act[] = [];
  mockIPC((command, args) => {
    expect(command).toBe("act");
    acts.push((args as { act: Act }).act);
    throw STOPPED;
  });
  await expect(act({ do: "connect", context: 7 })).rejects.toEqual(STOPPED);
  expect(acts).toEqual([{ do: "connect", context: 7 }]);
});
