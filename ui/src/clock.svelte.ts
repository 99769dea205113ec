import { createSubscriber } from "svelte/reactivity";
import { age, roughly } from "./format.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Times in words, for as long as they are on screen. Nothing is drawn anew before some of the words have changed. */
class Clock {
  #due = Infinity;
  #timer = 0;
  #tick: () => void = () => {};

  #read = createSubscriber((tick) => {
    this.#tick = tick;
    const look = () => document.hidden || this.#strike();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      clearTimeout(this.#timer);
      this.#due = Infinity;
    };
  });

  /** How long ago this was, in Unix milliseconds. */
  age(since: number): string {
    const past = Date.now() - since;
    this.#rises(since, past, fine(past));
    return age(past);
  }

  /** The same, of which only the largest unit counts from a minute on. */
  roughly(since: number): string {
    const past = Date.now() - since;
    this.#rises(since, past, past < MINUTE ? SECOND : past < HOUR ? MINUTE : past < DAY ? HOUR : DAY);
    return roughly(past);
  }

  /** How long it is until then. */
  left(until: number): string {
    const left = until - Date.now();
    const unit = fine(left);
    if (left > 0) this.#await(until - Math.floor(left / unit) * unit + 1);
    return age(left);
  }

  #rises(since: number, past: number, unit: number): void {
    this.#await(since + (Math.floor(Math.max(0, past) / unit) + 1) * unit);
  }

  /** Whoever reads it now reads it again then. */
  #await(due: number): void {
    this.#read();
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => document.hidden || this.#strike(), Math.max(0, due - Date.now()));
  }

  #strike(): void {
    this.#due = Infinity;
    clearTimeout(this.#timer);
    this.#tick();
  }
}

/** The smaller of the two units that `age` shows. */
function fine(ms: number): number {
  return ms < HOUR ? SECOND : ms < DAY ? MINUTE : HOUR;
}

export const clock = new Clock();
