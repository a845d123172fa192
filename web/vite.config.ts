/** How is the page built? Into the Python package, with the hash of what it was built from beside it. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { recordSources } from "./sources.ts";

export default defineConfig({
  plugins: [react(), recordSources()],
  build: {
    outDir: "../src/jirakb/service/web/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8080" } },
});
