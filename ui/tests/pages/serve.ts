import { preview } from "vite";

/** Serves what was built, for as long as the tests of pages run. */
export default async function serve(): Promise<() => Promise<void>> {
  const server = await preview({ root: new URL("../..", import.meta.url).pathname, logLevel: "error" });
  return () => server.close();
}
