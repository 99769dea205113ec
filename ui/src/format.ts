const UNITS = ["kB", "MB", "GB", "TB", "PB", "EB"];

/** Decimal units, three digits: `999 B`, `1.2 kB`, `34 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit + 1 < UNITS.length) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[unit]}`;
}

/** The two largest units of a time in milliseconds: `12 s`, `3 min 04 s`, `2 h 05 min`, `3 d 04 h`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const whole = (unit: number) => Math.floor(seconds / unit);
  const rest = (unit: number, of: number) => String(whole(unit) % of).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${whole(60)} min ${rest(1, 60)} s`;
  if (seconds < 86400) return `${whole(3600)} h ${rest(60, 60)} min`;
  return `${whole(86400)} d ${rest(3600, 24)} h`;
}

/** The same, of which only the largest unit counts from a minute on: `3 min`, `2 h`. */
export function roughly(ms: number): string {
  return age(ms).split(" ").slice(0, 2).join(" ");
}

/** A short time in microseconds: `85 µs`, `1.2 ms`, `34 ms`, `1.5 s`. */
export function latency(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 9950) return `${(us / 1e3).toFixed(1)} ms`;
  if (us < 999_500) return `${(us / 1e3).toFixed(0)} ms`;
  return `${(us / 1e6).toFixed(1)} s`;
}

/** A time of day: `14:03:21`. */
export function moment(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/** `1 pod`, `2 pods`. */
export function count(number: number, one: string, several = `${one}s`): string {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? one : several}`;
}
