import { createSubscriber } from "svelte/reactivity";

/** The time, for as long as something on screen shows it. */
class Clock {
  #ticks = createSubscriber((tick) => {
    const timer = setInterval(() => document.hidden || tick(), 1_000);
    return () => clearInterval(timer);
  });

  /** Unix milliseconds, once a second. */
  get now(): number {
    this.#ticks();
    return Date.now();
  }
}

export const clock = new Clock();
