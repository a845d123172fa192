/** What was the page built from? One hash over every source, kept beside the build and compared by a test. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDERS = ["src", "public"];
const FILES = ["index.html", "package.json", "package-lock.json", "sources.ts", "tsconfig.json", "vite.config.ts"];

function sources(): string[] {
  const inside = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).replaceAll("\\", "/")),
  );
  return [...FILES, ...inside].sort();
}

/** Each path, a zero byte, the content, a zero byte; the paths in the order of their code units. */
export function hashOfSources(): string {
  const hash = createHash("sha256");
  for (const path of sources()) hash.update(path).update("\0").update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}

export function recordSources() {
  return {
    name: "record-sources",
    writeBundle: (options: { dir?: string }) =>
      writeFileSync(join(options.dir ?? ".", "sources.sha256"), `${hashOfSources()}\n`),
  };
}
