import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load-config.ts";
import { Settings } from "../../src/config/schema.ts";

const folder = mkdtempSync(join(tmpdir(), "config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = "s".repeat(32);

/** Loads a file with this text. */
function load(yaml: string, env: Record<string, string> = {}) {
  const path = join(folder, "blindfold.yaml");
  writeFileSync(path, yaml);
  return loadConfig(["--config", path], env);
}

function linesOf(result: ReturnType<typeof load>): readonly string[] {
  return result.ok ? [] : result.lines;
}

test("config/default.yaml is what the schema has built in", () => {
  const path = join(import.meta.dirname, "../../config/default.yaml");
  expect(parse(readFileSync(path, "utf8"))).toEqual(Settings.parse({}));
  expect(loadConfig(["--config", path], {})).toEqual(loadConfig([], {}));
});

test("without any setting: loopback, development, the built-in key", () => {
  const result = loadConfig([], {});
  expect(result).toMatchObject({ ok: true, config: { development: true, http: { host: "127.0.0.1" } } });
  if (!result.ok) return;
  expect(Buffer.byteLength(result.config.auth.keys.devkey!)).toBeGreaterThanOrEqual(32);
  expect(() => Object.assign(result.config.http, { port: 1 })).toThrow(TypeError);
  expect(() => Object.assign(result.config.auth.keys, { a: "b" })).toThrow(TypeError);
});

test("the environment wins over the file, --config over BLINDFOLD_CONFIG", () => {
  const yaml = `http: { port: 1000, bodyLimitBytes: 2048 }\nauth: { keys: { a: ${SECRET} } }`;
  expect(
    load(yaml, {
      PATH: "/bin",
      BLINDFOLD_CONFIG: "/nowhere.yaml",
      BLINDFOLD_HTTP_PORT: "2000",
      BLINDFOLD_HTTP_CORS_ORIGINS: "https://a.example, http://localhost:3000",
      BLINDFOLD_ROOMS_AUTO_CREATE: "false",
      BLINDFOLD_ROOMS_E2EE: "required",
      BLINDFOLD_ROOMS_LOUDEST_AUDIOS: "3",
      BLINDFOLD_ROOMS_LAST_VIDEOS: "all",
      BLINDFOLD_AUTH_KEYS: `b:${SECRET}:x, c: ${SECRET}`,
      BLINDFOLD_MEDIA_SOCKET_BUFFER_BYTES: "100000",
      BLINDFOLD_MEDIA_GATHER_MICROSECONDS: "0",
      BLINDFOLD_MEDIA_NICE: "-11",
      BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: "192.0.2.1, [2001:db8::1]:50000",
    }),
  ).toMatchObject({
    ok: true,
    config: {
      http: { port: 2000, bodyLimitBytes: 2048, corsOrigins: ["https://a.example", "http://localhost:3000"] },
      rooms: { autoCreate: false, e2ee: "required", loudestAudios: 3, lastVideos: "all" },
      auth: { keys: { b: `${SECRET}:x`, c: SECRET } },
      media: {
        socketBufferBytes: 100_000,
        gatherMicroseconds: 0,
        nice: -11,
        announcedAddresses: [
          { address: "192.0.2.1", port: null },
          { address: "2001:db8::1", port: 50_000 },
        ],
      },
      development: false,
    },
  });
  const path = join(folder, "blindfold.yaml");
  expect(loadConfig([], { BLINDFOLD_CONFIG: path })).toMatchObject({ config: { http: { port: 1000 } } });
});

test.each([
  "http: { port: 7883 }\nmedia: { threads: 2, tcp: false }",
  "http: { port: 7883 }\nmedia: { threads: 1 }",
  "http: { port: 7881 }",
  "http: { port: 7882 }\nmedia: { host: 192.0.2.1 }",
  "http: { port: 0 }\nmedia: { port: 0 }",
])("TCP for media and HTTP need not collide: %j", (text) => {
  expect(load(text)).toMatchObject({ ok: true });
});

test.each(["# nothing\n", "media:\n  # port: 50000\nhttp:\n", "{ http: {}, media: null }"])(
  "an empty file or section is no setting at all: %j",
  (text) => {
    expect(load(text)).toEqual(loadConfig([], {}));
  },
);

test.each<[string, RegExp]>([
  ["http: { prot: 1 }", /^http\.prot: unknown key; known here: host, port, /],
  ["htpp: {}", /^htpp: unknown key; known here: http, media, /],
  ["http: { port: '80' }", /^http\.port: must be a whole number, not "80"$/],
  ["http: { port: 70000 }", /^http\.port: .*65535/],
  ["http: { bodyLimitBytes: 64kB }", /^http\.bodyLimitBytes: must be a whole number of bytes, not "64kB"$/],
  [
    "http: { rateLimitPerMinute: 1/s }",
    /^http\.rateLimitPerMinute: must be .* of requests per minute, not "1\/s"$/,
  ],
  [
    "shutdown: { drainSeconds: 10s }",
    /^shutdown\.drainSeconds: must be a whole number of seconds, not "10s"$/,
  ],
  [
    "shutdown: { drainSeconds: 0.5 }",
    /^shutdown\.drainSeconds: must be a whole number of seconds, not 0\.5$/,
  ],
  ["http: { host: localhost }", /^http\.host: must be an IPv4 or IPv6 address$/],
  ["http: { corsOrigins: ['https://a.example/path'] }", /^http\.corsOrigins\.0: must be an origin/],
  ["http: { corsOrigins: [a.example] }", /^http\.corsOrigins\.0: must be an origin/],
  ...["proxy.example", "proxy.example/8", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/8.5", "::/129"].map(
    (network): [string, RegExp] => [
      `http: { trustedProxies: ['${network}'] }`,
      /^http\.trustedProxies\.0: must be an address or a network/,
    ],
  ),
  [
    "http: { trustedProxies: [10.0.0.0/8, 0.0.0.0/0] }",
    /^http\.trustedProxies\.1: .* prefix of at least 1 bit$/,
  ],
  ["http: { trustedProxies: ['::/00'] }", /^http\.trustedProxies\.0: .* prefix of at least 1 bit$/],
  ["media: { announcedAddresses: [example.org] }", /^media\.announcedAddresses\.0: must be an IPv4/],
  ["media: { announcedAddresses: ['192.0.2.1:0'] }", /^media\.announcedAddresses\.0: must be an IPv4/],
  ["media: { announcedAddresses: [1] }", /^media\.announcedAddresses\.0: must be text in quotes, not 1$/],
  ["media: { threads: 0 }", /^media\.threads: must be from 1 to 256$/],
  ["media: { threads: 257 }", /^media\.threads: must be from 1 to 256$/],
  ["media: { threads: many }", /^media\.threads: must be auto, or a whole number/],
  ["auth: { keys: { a: short } }", /^auth\.keys\.a: must have at least 32 bytes$/],
  ["rooms: { e2ee: maybe }", /^rooms\.e2ee: .*optional/],
  ["rooms: { loudestAudios: 0 }", /^rooms\.loudestAudios: .*>=1$/],
  ["rooms: { lastVideos: some }", /^rooms\.lastVideos: must be all, or from 1 to 100$/],
  ["log: { level: loud }", /^log\.level: /],
  ["development: yes", /^development: /],
  ["http: 1", /^http: must be a map of keys, not 1$/],
  ["nothing:", /^nothing: unknown key/],
  ["- 1", /^the file: must be a map of keys, not \[1\]$/],
  ["auth: { keys: null }", /^auth\.keys: must be a map of keys$/],
  ["auth: { keys: { a: 12345 } }", /^auth\.keys\.a: must be text in quotes$/],
  [`auth: { keys: { a b: ${SECRET} } }`, /^auth\.keys\.a b: must be 1 to 64 letters, digits, _ or -$/],
  [
    "http: { corsOrigins: https://a.example }",
    /^http\.corsOrigins: must be a list, not "https:\/\/a\.example"$/,
  ],
  ["rooms: { autoCreate: yes }", /^rooms\.autoCreate: must be true or false, not "yes"$/],
  ["http: {", /blindfold\.yaml: /],
  ["http: { port: 1 }\nhttp: { port: 2 }", /blindfold\.yaml: .*unique/],
  // Impossible together.
  ["http: { host: 0.0.0.0 }\nmedia: { host: 192.0.2.1 }", /^auth\.keys: set at least one key.*0\.0\.0\.0$/],
  ["http: { host: '::' }\nmedia: { host: 192.0.2.1 }", /^auth\.keys: /],
  [
    `http: { host: 192.0.2.1 }\nmedia: { host: 192.0.2.1 }\nauth: { keys: { a: ${SECRET} } }\ndevelopment: on`,
    /^development: cannot be on/,
  ],
  [
    "http: { trustedProxies: [127.0.0.1] }\nmedia: { host: 192.0.2.1 }",
    /^auth\.keys: set at least one key.*http\.trustedProxies/,
  ],
  ["http: { trustedProxies: [10.0.0.0/8] }\nmedia: { host: 192.0.2.1 }\ndevelopment: off", /^auth\.keys: /],
  [
    `http: { trustedProxies: [127.0.0.1] }\nmedia: { host: 192.0.2.1 }\nauth: { keys: { a: ${SECRET} } }\ndevelopment: on`,
    /^development: cannot be on while http\.trustedProxies/,
  ],
  [
    `http: { host: 0.0.0.0 }\nauth: { keys: { a: ${SECRET} } }`,
    /^media\.announcedAddresses: name an address.* media\.host is 0\.0\.0\.0 and http\.host is 0\.0\.0\.0$/,
  ],
  [
    `http: { trustedProxies: [127.0.0.1] }\nmedia: { host: '::' }\nauth: { keys: { a: ${SECRET} } }`,
    /^media\.announcedAddresses: .* media\.host is :: and http\.trustedProxies is 127\.0\.0\.1$/,
  ],
  ["webhooks: { urls: [ftp://a.example/] }", /^webhooks\.urls\.0: must be an http or https URL/],
  ...["user", ":pass", "user:pass"].map((user): [string, RegExp] => [
    `webhooks: { urls: ['http://${user}@a.example/'] }`,
    /^webhooks\.urls\.0: must be .* without a user name/,
  ]),
  [
    "webhooks: { urls: [http://a.example/, http://b.example/, http://a.example/] }",
    /^webhooks\.urls: must name each URL once$/,
  ],
  ["webhooks: { urls: [http://a.example, 'HTTP://A.example:80/'] }", /^webhooks\.urls: must name each/],
  ["webhooks: { urls: [nowhere] }", /^webhooks\.urls\.0: must be an http or https URL/],
  ["webhooks: { urls: [http://a.example/], apiKey: b }", /^webhooks\.apiKey: name the one of auth\.keys/],
  [
    `webhooks: { urls: [http://a.example/] }\nauth: { keys: { a: ${SECRET}, b: ${SECRET} } }`,
    /^webhooks\.apiKey: /,
  ],
  [
    "http: { port: 7883 }\nmedia: { threads: 2 }",
    /^media\.tcp: http\.port 7883 is the port of a media thread/,
  ],
  ["http: { port: 7882 }", /^media\.tcp: http\.port 7882 is the port of a media thread/],
  [
    "http: { port: 7882 }\nmedia: { host: 127.0.0.1 }",
    /^media\.tcp: http\.port 7882 is the port of a media thread/,
  ],
  ["media: { port: 65535, threads: 2 }", /^media\.threads: thread n uses media\.port \+ n/],
  [
    "media: { announcedAddresses: ['192.0.2.1:65535', 192.0.2.2], threads: 2 }",
    /^media\.announcedAddresses: thread n is announced at port 65535 \+ n of 192\.0\.2\.1/,
  ],
  [
    "webhooks: { firstRetrySeconds: 61 }",
    /^webhooks\.firstRetrySeconds: 61 is more than webhooks\.maxRetrySeconds, which is 60$/,
  ],
  [
    "webhooks: { firstRetrySeconds: 9, maxRetrySeconds: 8 }",
    /^webhooks\.firstRetrySeconds: 9 is more than webhooks\.maxRetrySeconds, which is 8$/,
  ],
  ["webhooks: { apiKey: b }", /^webhooks\.apiKey: name the one of auth\.keys/],
  ["ice: { turnUrls: [turn:a.example] }", /^ice\.turnSecret: name the secret .* ice\.turnUrls/],
  [`ice: { turnSecret: ${SECRET} }`, /^ice\.turnUrls: name the servers that share ice\.turnSecret/],
  ["media: { announcedAddresses: [0.0.0.0] }", /^media\.announcedAddresses\.0: .*stands for all/],
  ["media: { announcedAddresses: ['[0::0]:50000'] }", /^media\.announcedAddresses\.0: .*stands for all/],
  ["media: { announcedAddresses: ['fe80::7%eth0'] }", /^media\.announcedAddresses\.0: .*the zone %eth0/],
  ["media: { announcedAddresses: ['[fe80::7%2]:50000'] }", /^media\.announcedAddresses\.0: .*the zone %2/],
  ["media: { host: 'fe80::7%eth0' }", /^media\.announcedAddresses: name an address.*has a zone/],
  [
    `http: { host: '0::0' }\nauth: { keys: { a: ${SECRET} } }\nmedia: { host: '0::0' }`,
    /^media\.announcedAddresses: name an address/,
  ],
])("refused: %j", (yaml, line) => {
  const lines = linesOf(load(yaml));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(line);
});

test.each([
  ["http: { host: 0.0.0.0 }\nmedia: { host: 192.0.2.1 }", { config: { development: false } }],
  ["media: { host: 0.0.0.0 }", { ok: true }],
  ["http: { host: 0.0.0.0 }\nmedia: { announcedAddresses: [192.0.2.1] }", { ok: true }],
  ["media: { host: 'fe80::7%eth0', announcedAddresses: [192.0.2.1] }", { ok: true }],
  ["development: on", { config: { development: true } }],
  ["webhooks: { firstRetrySeconds: 60 }", { ok: true }],
  ["webhooks: { apiKey: a }", { ok: true }],
  ["webhooks: { urls: [https://a.example/] }", { ok: true }],
  ["media: { port: 65280, threads: 256 }", { ok: true }],
  [`ice: { turnUrls: [turn:a.example], turnSecret: x }`, { ok: true }],
  [
    "media: { announcedAddresses: ['192.0.2.1:65535', '[2001:db8::1]:9'], threads: 1 }",
    {
      config: {
        media: {
          announcedAddresses: [
            { address: "192.0.2.1", port: 65_535 },
            { address: "2001:db8::1", port: 9 },
          ],
        },
      },
    },
  ],
  [
    "http: { corsOrigins: ['*'], trustedProxies: [10.0.0.0/8, 128.0.0.0/1, 10.0.0.1/32, '::1', '::/1', '::1/128'] }\nmedia: { announcedAddresses: [192.0.2.1] }",
    { ok: true },
  ],
])("allowed with a key: %j", (yaml, expected) => {
  expect(load(`${yaml}\nauth: { keys: { a: ${SECRET} } }`)).toMatchObject(expected);
});

test.each([
  ["{}", "devkey"],
  [`auth: { keys: { a: ${SECRET} } }`, "a"],
  [
    `auth: { keys: { a: ${SECRET}, b: ${SECRET} } }\nwebhooks: { urls: [https://a.example/], apiKey: b }`,
    "b",
  ],
])("webhooks are signed by the only key, or by the one that is named: %j", (yaml, apiKey) => {
  expect(load(yaml)).toMatchObject({ config: { webhooks: { apiKey } } });
});

test("media threads are as many as asked for, or one less than the cores", () => {
  expect(load("media: { threads: 3 }")).toMatchObject({ config: { media: { threads: 3 } } });
  expect(load("{}", { BLINDFOLD_MEDIA_THREADS: "5" })).toMatchObject({ config: { media: { threads: 5 } } });
  const threads = Math.max(1, availableParallelism() - 1);
  expect(load("media: { threads: auto }")).toMatchObject({ config: { media: { threads } } });
});

test("development may be off with the built-in key", () => {
  expect(load("development: off")).toMatchObject({ ok: true, config: { development: false } });
});

test("all mistakes are told at once, and where they come from", () => {
  const result = load("http: { prot: 1 }", { BLINDFOLD_HTTP_PORT: "http", BLINDFOLD_HTTP_PROT: "80" });
  expect(linesOf(result)).toEqual([
    "BLINDFOLD_HTTP_PROT: no setting has this name",
    'http.port: must be a whole number, not "http" (from BLINDFOLD_HTTP_PORT)',
    expect.stringMatching(/^http\.prot: unknown key/),
  ]);
  // One key is the beginning of another.
  const guard = linesOf(load("rooms: { e2eeGuard: 1 }", { BLINDFOLD_ROOMS_E2EE: "required" }));
  expect(guard).toEqual([expect.stringMatching(/^rooms\.e2eeGuard: (?!.*BLINDFOLD_ROOMS_E2EE)/)]);
});

test.each([
  ["BLINDFOLD_MEDIA_TCP", "true", { media: { tcp: true } }],
  ["BLINDFOLD_MEDIA_TCP", "false", { media: { tcp: false } }],
  ["BLINDFOLD_HTTP_TRUSTED_PROXIES", " ", { http: { trustedProxies: [] } }],
])("in the environment, %s=%j sets what the file has set otherwise", (variable, text, config) => {
  const file = `media: { tcp: ${text === "false"}, host: 192.0.2.1 }\nhttp: { trustedProxies: [10.0.0.1] }`;
  const yaml = `${file}\nauth: { keys: { a: ${SECRET} } }`;
  expect(load(yaml, { [variable]: text })).toMatchObject({ ok: true, config });
});

test.each([
  ["{}", "BLINDFOLD_MEDIA_TCP", "yes", /^media\.tcp: must be true or false, not "yes" \(from /],
  ["http: 1", "BLINDFOLD_HTTP_PORT", "80", /^http: must be a map of keys, not 1$/],
  ["http: [1]", "BLINDFOLD_HTTP_PORT", "80", /^http: must be a map of keys, not \[1\]$/],
])("refused: %j with %s=%s", (yaml, variable, text, line) => {
  expect(linesOf(load(yaml, { [variable]: text }))).toEqual([expect.stringMatching(line)]);
});

test("a secret is never repeated in a line", () => {
  const lines = linesOf(load("auth: { keys: { a: 12345 } }", { BLINDFOLD_HTTP_PORT: "x" }));
  expect(lines).toHaveLength(2);
  expect(lines.join()).not.toContain("12345");
  expect(linesOf(load("{}", { BLINDFOLD_AUTH_KEYS: "a:hunter2" })).join()).not.toContain("hunter2");
});

const HEX = "8c3f0b6e".repeat(4);
test.each<[string, string, Record<string, string>, string]>([
  ["the secret of TURN", "ice: { turnSecret: 123456 }", {}, "ice.turnSecret: must be text in quotes"],
  ["the URL of a receiver", "webhooks: { urls: 'http://a/123456' }", {}, "webhooks.urls: must be a list"],
  ["no map of keys", "auth: { keys: '123456' }", {}, "auth.keys: must be a map of keys"],
  [
    "a secret in the place of its key",
    `auth: { keys: { ${HEX}: a } }`,
    {},
    "auth.keys.8c3f…: must have at least 32 bytes",
  ],
  [
    "the same in the environment",
    "{}",
    { BLINDFOLD_AUTH_KEYS: `${HEX}:a` },
    "auth.keys.8c3f…: must have at least 32 bytes (from BLINDFOLD_AUTH_KEYS)",
  ],
  [
    "the same, and no name either",
    `auth: { keys: { ${HEX}/+=: a } }`,
    {},
    "auth.keys.8c3f…: must be 1 to 64 letters, digits, _ or -",
  ],
])("what may be a secret is not repeated: %s", (_name, text, env, line) => {
  const lines = linesOf(load(text, env));
  expect(lines).toContain(line);
  expect(lines.join()).not.toMatch(/123456|8c3f0/);
});

test.each([
  ["a secret alone", SECRET],
  ["a secret with a comma", `a:${SECRET},hunter2`],
  ["a name given twice", `a:${SECRET},b:${SECRET},a:${SECRET}2`],
])("what is no list of pairs in the environment is refused, and not repeated: %s", (_, value) => {
  expect(linesOf(load("{}", { BLINDFOLD_AUTH_KEYS: value }))).toEqual([
    "BLINDFOLD_AUTH_KEYS: must be key:secret pairs parted by commas, each key once",
  ]);
});

test.each([
  [["--confg", "x"], /command line: /],
  [["--config", "/does/not/exist.yaml"], /exist\.yaml: ENOENT/],
  [["--config", ""], /^--config or BLINDFOLD_CONFIG: names no file$/],
])("command line %j", (args, line) => {
  expect(linesOf(loadConfig(args, {})).join()).toMatch(line);
});
