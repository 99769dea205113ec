import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const tauri = JSON.parse(readFileSync(new URL("../app/tauri.conf.json", import.meta.url), "utf8"));
const policy = Object.entries(tauri.app.security.csp).map((rule) => rule.join(" ")).join("; ");

export default defineConfig({
  plugins: [svelte()],
  build: { target: "safari17", modulePreload: false, assetsInlineLimit: 0 },
  // The page is tried under the policy that the application has.
  preview: { port: 4178, strictPort: true, headers: { "Content-Security-Policy": policy } },
  test: {
    reporters: ["default", "./tests/report.ts"],
    projects: [
      {
        extends: true,
        resolve: { conditions: ["browser"] },
        test: { name: "unit", environment: "jsdom", include: ["tests/unit/*.test.ts"], setupFiles: "tests/unit/setup.ts", testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: "pages",
          environment: "node",
          include: ["tests/pages/*.test.ts"],
          globalSetup: "tests/pages/serve.ts",
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
