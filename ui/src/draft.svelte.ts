import { ask } from "./ask.ts";
import type { Draft, Field, Picker, Problem } from "./types.ts";

/** The picker's form while it is edited. Each change is sent, and answered in the next `Picker`. */
export class Form {
  draft = $state() as Draft;
  /** What was edited. Of anything else it isn't said yet that it's missing. */
  #touched = $state.raw<ReadonlySet<Field>>(new Set());
  #all = $state(false);

  constructor(opened: Draft) {
    this.draft = structuredClone(opened);
  }

  /** Changes some of it; `fields` are those that were edited. */
  change(part: Partial<Draft>, ...fields: Field[]): void {
    Object.assign(this.draft, part);
    this.draft.revision += 1;
    this.#touched = new Set([...this.#touched, ...fields]);
    void ask({ do: "draft", draft: $state.snapshot(this.draft) });
  }

  /** Whether the last answer is to what is typed now. */
  answered(view: Picker): boolean {
    return view.revision === this.draft.revision;
  }

  /** What is wrong with a field, in a row of it, if it's time to say that. */
  problem(view: Picker, field: Field, row: number | null = null): Problem | undefined {
    if (!this.#all && !this.#touched.has(field)) return undefined;
    return view.problems.find((other) => other.field === field && other.row === row)?.problem;
  }

  /** From now on all that is wrong is said. */
  reveal(): void {
    this.#all = true;
  }
}
