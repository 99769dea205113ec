import { act } from "./bridge.ts";
import { toasts } from "./toasts.svelte.ts";
import type { Act, Problem } from "./types.ts";

/** Asks for something, and says whether it is done; a refusal becomes a toast. */
export async function ask(wanted: Act): Promise<boolean> {
  const problem = await refusal(wanted);
  if (problem) toasts.add(problem.title, problem);
  return !problem;
}

/** Asks for something; why it is refused, for those who draw that themselves. */
export async function refusal(wanted: Act): Promise<Problem | null> {
  try {
    await act(wanted);
    return null;
  } catch (refused) {
    return asProblem(refused);
  }
}

function asProblem(refused: unknown): Problem {
  if (typeof refused === "object" && refused !== null && "code" in refused) return refused as Problem;
  return {
    code: "internal",
    title: "Something failed that should not",
    detail: String(refused),
    fix: "Report it with the output of: hawser doctor",
    remedy: null,
  };
}
