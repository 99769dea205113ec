import type { Problem } from "./types.ts";

/** As many as are on screen at once; the oldest goes first. */
const MOST = 3;
const STAYS_MS = 6_000;

export type Shown = { id: number; words: string; problem: Problem | null };

class Toasts {
  shown = $state.raw<Shown[]>([]);
  #last = 0;

  /** Shows it for a while. What has a problem stays until it is put away. */
  add(words: string, problem: Problem | null = null): void {
    this.#last += 1;
    const id = this.#last;
    this.shown = [...this.shown.filter((other) => other.words !== words), { id, words, problem }].slice(-MOST);
    if (!problem) setTimeout(() => this.drop(id), STAYS_MS);
  }

  drop(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
