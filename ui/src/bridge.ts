import { Channel, invoke } from "@tauri-apps/api/core";
import type { Act, Update } from "./types.ts";

/** Has every view sent here, now and whenever it changes. */
export function attach(onUpdate: (update: Update) => void): Promise<void> {
  return invoke("attach", { channel: new Channel<Update>(onUpdate) });
}

/** Asks for something to be done. Rejects with a `Problem`; what comes of it is told by updates. */
export function act(act: Act): Promise<void> {
  return invoke("act", { act });
}
