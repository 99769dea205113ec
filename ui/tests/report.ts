import type { Reporter, TestModule } from "vitest/node";

/** Ends in one line that counts, as `cargo test` has it. */
export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0;
    let failed = 0;
    for (const module of modules) {
      if (module.errors().length) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        passed += Number(state === "passed");
        failed += Number(state === "failed");
      }
    }
    console.log(`\ntest result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed`);
  }
}
