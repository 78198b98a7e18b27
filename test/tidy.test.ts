/**
 * The architecture as a test: which folder may import which, what the packages may be, and which words are
 * forbidden inside the sans-IO line. Changing a table here is how the architecture changes; the commit says why.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** A folder under src/ may import itself and the folders named here. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  contract: ["base"],
  rtp: ["base"],
  sdp: ["base", "contract", "rtp"],
  ice: ["base", "contract"],
  srtp: ["base", "contract"],
  cc: ["base", "rtp"],
  sfu: ["base", "contract", "rtp", "srtp", "ice", "cc"],
  core: ["base", "contract", "srtp", "ice", "sfu"],
  portable: ["base", "contract", "srtp", "worker"],
  native: ["base", "contract", "srtp", "worker"],
  worker: ["base", "contract", "core", "srtp", "telemetry", "native", "portable"],
  dtls: ["base", "contract", "telemetry"],
  config: [],
  telemetry: ["base"],
  control: ["base", "contract", "sdp"],
  store: [],
  livekit: ["base", "control"],
  twirp: ["config", "control", "livekit"],
  webhooks: ["control", "livekit", "store", "telemetry"],
  signal: ["base", "contract", "sdp", "control", "livekit"],
  whip: ["contract", "sdp", "control"],
  http: ["base", "control", "telemetry", "config", "whip", "twirp", "signal"],
};

/** npm packages and Node modules that a folder may import beyond `node:assert`. */
const MAY_USE: Record<string, RegExp> = {
  base: /^$/,
  contract: /^$/,
  rtp: /^$/,
  sdp: /^$/,
  ice: /^node:crypto$/,
  srtp: /^node:crypto$/,
  cc: /^$/,
  sfu: /^$/,
  core: /^$/,
  store: /^node:(?:fs|path|sqlite)$/,
  portable: /^node:(?:crypto|dgram|dns|fs|net)$/,
  native: /^node:(?:crypto|dgram|ffi|net|os)$/,
};

/** Folders that may know LiveKit's protocol, whose drift must not reach the rest. */
const LIVEKIT = ["livekit", "twirp", "webhooks", "signal"];

/** Folders that see no clock, no chance, no I/O, no process: the same calls give the same outcome. */
const PURE = ["base", "contract", "rtp", "sdp", "ice", "srtp", "cc", "sfu", "core"];
const IMPURE =
  /\bDate\.|\bMath\.random\b|\bperformance\.|\bset(?:Timeout|Interval|Immediate)\b|\bprocess\.|\bconsole\.|\brandom(?:Bytes|UUID|Int)\b|\bawait\b/;

/** Only these look at payload bytes; everyone above decides by headers. */
const PAYLOAD_READERS = /^(?:vp8|vp9|h264|av1|red|livekit-trailer)\.ts$/;

const AT_ROOT = [
  "CHANGELOG.md",
  "Dockerfile",
  "LICENSE",
  "README.md",
  "biome.json",
  "config",
  "knip.json",
  "loadtest",
  "package-lock.json",
  "package.json",
  "src",
  "test",
  "tsconfig.json",
  "vitest.clients.config.ts",
  "vitest.config.ts",
];

/** Fails where the tree is no repository of git. */
const tracked = spawnSync("git", ["-c", "safe.directory=*", "ls-files"], { encoding: "utf8" });

const files = globSync("src/**/*.ts");
const code = (file: string): string =>
  readFileSync(file, "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
const folderOf = (file: string): string => file.split("/").slice(1, -1)[0] ?? "";
const importsOf = (file: string): string[] =>
  [...code(file).matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)].map((match) => match[1]!);

function targetFolder(file: string, specifier: string): string {
  return folderOf(new URL(specifier, `file:///${file}`).pathname.slice(1));
}

test.skipIf(tracked.status !== 0)(
  "nothing is at the root but what belongs there: a core dump once did",
  () => {
    const atRoot = new Set(
      tracked.stdout
        .trim()
        .split("\n")
        .map((path) => path.split("/", 1)[0]!),
    );
    expect([...atRoot].filter((name) => !name.startsWith(".")).sort()).toEqual(AT_ROOT);
  },
);

test("the tree has files and every folder is in the table", () => {
  expect(files.length).toBeGreaterThan(10);
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== ""));
  for (const folder of folders) expect(Object.keys(MAY_IMPORT), folder).toContain(folder);
});

test.each(files.filter((file) => folderOf(file) !== ""))("%s imports only what its folder may", (file) => {
  const folder = folderOf(file);
  for (const specifier of importsOf(file)) {
    if (specifier.startsWith(".")) {
      const target = targetFolder(file, specifier);
      if (target === folder) continue;
      expect(MAY_IMPORT[folder], `${specifier}`).toContain(target);
      if (PAYLOAD_READERS.test(specifier.split("/").at(-1)!)) {
        expect(file, "reads payload descriptors").toMatch(/^src\/(?:rtp|sfu\/payload-)/);
      }
    } else if (specifier !== "node:assert/strict") {
      if (specifier.startsWith("werift")) expect(folder, "werift has one home").toBe("dtls");
      if (specifier.startsWith("@livekit/")) expect(LIVEKIT, "control is neutral").toContain(folder);
      const allowed = MAY_USE[folder];
      if (allowed !== undefined) expect(specifier).toMatch(allowed);
    }
  }
});

test("no pattern takes white space of any length twice: what a peer writes would take quadratic time", () => {
  expect(files.filter((file) => /\\s[*+].*\\s[*+]/.test(code(file)))).toEqual([]);
});

test("no source holds a control character: git and grep would take the file for a binary", () => {
  const all = globSync("{src,test,loadtest}/**/*.ts");
  expect(all.length).toBeGreaterThan(files.length);
  expect(all.filter((file) => /[^\P{Cc}\n]/u.test(readFileSync(file, "utf8")))).toEqual([]);
});

test.each(files.filter((file) => PURE.includes(folderOf(file))))("%s is pure", (file) => {
  expect(code(file)).not.toMatch(IMPURE);
});

test.each(files)("%s is at most 500 lines", (file) => {
  expect(readFileSync(file, "utf8").split("\n").length).toBeLessThanOrEqual(500);
});

test.each(files)("%s reads no environment outside config/", (file) => {
  // main.ts hands the environment to config/ and touches nothing of it.
  if (folderOf(file) !== "config" && file !== "src/main.ts") expect(code(file)).not.toMatch(/process\.env/);
});
