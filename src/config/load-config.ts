/** Loads the settings once, at start: file, then environment, then the rules that concern several keys. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { CONFIG_FILE_VARIABLE, type Environment, type Override, readEnvironment } from "./environment.ts";
import { isLoopback, isWildcard, MIN_SECRET_BYTES, Settings, zoneOf } from "./schema.ts";

/** Settings as the server uses them: checked, frozen, and with derived values. */
export interface Config extends Omit<Settings, "development" | "media"> {
  readonly media: Omit<Settings["media"], "threads"> & { readonly threads: number };
  /** Issues tokens and serves the test page to anybody; only ever true on loopback, and without proxies. */
  readonly development: boolean;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config }
  /** One line for each mistake: the key's path, then a sentence. */
  | { readonly ok: false; readonly lines: readonly string[] };

/** A public key, hence for loopback only. With it a fresh checkout runs without any setting. */
const DEVELOPMENT_KEYS = { devkey: "development-secret-known-to-everyone" } as const;

/** `args`: the command line after the script's name; `--config path` takes precedence over `BLINDFOLD_CONFIG`. */
export function loadConfig(args: readonly string[], env: Environment): LoadedConfig {
  const file = readSettingsFile(args, env);
  if (!file.ok) return file;
  const { overrides, mistakes } = readEnvironment(env);
  const tree = overrides.reduce(withOverride, file.tree);
  const parsed = Settings.safeParse(tree);
  if (!parsed.success) return { ok: false, lines: [...mistakes, ...describe(parsed.error, tree, overrides)] };
  const lines = [...mistakes, ...contradictions(parsed.data)];
  return lines.length > 0 ? { ok: false, lines } : { ok: true, config: deepFreeze(derive(parsed.data)) };
}

type SettingsFile =
  | { readonly ok: true; readonly tree: unknown }
  | { readonly ok: false; readonly lines: string[] };

function readSettingsFile(args: readonly string[], env: Environment): SettingsFile {
  let path: string | undefined;
  try {
    const { values } = parseArgs({ args: [...args], options: { config: { type: "string" } }, strict: true });
    path = values.config ?? env[CONFIG_FILE_VARIABLE];
  } catch (error) {
    return { ok: false, lines: [`command line: ${messageOf(error)}`] };
  }
  if (path === undefined) return { ok: true, tree: {} };
  if (path === "") return { ok: false, lines: [`--config or ${CONFIG_FILE_VARIABLE}: names no file`] };
  try {
    const document = parseDocument(readFileSync(path, "utf8"));
    if (document.errors.length === 0) return { ok: true, tree: withoutEmptySections(document.toJS() ?? {}) };
    return { ok: false, lines: document.errors.map(({ message }) => `${path}: ${message.split("\n")[0]}`) };
  } catch (error) {
    return { ok: false, lines: [`${path}: ${messageOf(error)}`] };
  }
}

/** A section whose keys are all comments is as good as left out. */
function withoutEmptySections(tree: unknown): unknown {
  if (!isMap(tree)) return tree;
  const defaults: Record<string, unknown> = Settings.parse({});
  return Object.fromEntries(
    Object.entries(tree).filter(([key, value]) => value !== null || !isMap(defaults[key])),
  );
}

/** A copy of `tree` with one key set. A file whose sections are not maps is left for the schema to refuse. */
function withOverride(tree: unknown, { path, value }: Pick<Override, "path" | "value">): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (tree !== undefined && !isMap(tree)) return tree;
  return { ...tree, [key]: withOverride(tree?.[key], { path: rest, value }) };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Combinations of settings that are invalid though each key is valid on its own. */
function contradictions({ http, media, auth, ice, webhooks, development }: Settings): string[] {
  const lines: string[] = [];
  if (ice.turnUrls.length > 0 && ice.turnSecret === "") {
    lines.push("ice.turnSecret: name the secret that the servers of ice.turnUrls share with us");
  }
  if (ice.turnUrls.length === 0 && ice.turnSecret !== "") {
    lines.push("ice.turnUrls: name the servers that share ice.turnSecret with us");
  }
  const exposure = isLoopback(http.host) ? proxyExposure(http) : `http.host is ${http.host}`;
  if (exposure !== undefined && Object.keys(auth.keys).length === 0) {
    lines.push(`auth.keys: set at least one key, because the built-in one is public and ${exposure}`);
  }
  if (exposure !== undefined && development === "on") {
    lines.push(`development: cannot be on while ${exposure}, because it gives tokens to everybody`);
  }
  // This machine's addresses may be private, unreachable for clients elsewhere: media would fail without any error.
  if (exposure !== undefined && isWildcard(media.host) && media.announcedAddresses.length === 0) {
    lines.push(
      `media.announcedAddresses: name an address for clients to send to, because media.host is ${media.host} and ${exposure}`,
    );
  }
  if (zoneOf(media.host) !== "" && media.announcedAddresses.length === 0) {
    lines.push(
      `media.announcedAddresses: name an address for clients to send to, because media.host ${media.host} has a zone, which is known to this machine alone`,
    );
  }
  const lastThread = threadCount(media.threads) - 1;
  const overlap = http.host === media.host || [http.host, media.host].some(isWildcard);
  if (media.port + lastThread > 65_535) {
    lines.push(`media.threads: thread n uses media.port + n, which goes beyond 65535`);
  }
  const { urls, apiKey, firstRetrySeconds, maxRetrySeconds } = webhooks;
  if ((urls.length > 0 || apiKey !== "") && !signsWebhooks(apiKey, Object.keys(auth.keys))) {
    lines.push("webhooks.apiKey: name the one of auth.keys that is to sign webhooks");
  }
  if (firstRetrySeconds > maxRetrySeconds) {
    lines.push(
      `webhooks.firstRetrySeconds: ${firstRetrySeconds} is more than webhooks.maxRetrySeconds, which is ${maxRetrySeconds}`,
    );
  }
  if (media.tcp && http.port >= Math.max(media.port, 1) && http.port <= media.port + lastThread && overlap) {
    lines.push(`media.tcp: http.port ${http.port} is the port of a media thread too`);
  }
  for (const { address, port } of media.announcedAddresses) {
    if (port === null || port + lastThread <= 65_535) continue;
    lines.push(
      `media.announcedAddresses: thread n is announced at port ${port} + n of ${address}, which goes beyond 65535`,
    );
  }
  return lines;
}

/** Requests through a proxy come from loopback, whoever sent them. */
function proxyExposure({ trustedProxies }: Settings["http"]): string | undefined {
  return trustedProxies.length === 0 ? undefined : `http.trustedProxies is ${trustedProxies.join(", ")}`;
}

/** An empty name is unambiguous only with a single key. */
function signsWebhooks(apiKey: string, keys: readonly string[]): boolean {
  return apiKey === "" ? keys.length < 2 : keys.includes(apiKey);
}

/** One for each core but one, which the main thread, the DTLS thread and the kernel share. */
function threadCount(threads: Settings["media"]["threads"]): number {
  return threads === "auto" ? Math.max(1, availableParallelism() - 1) : threads;
}

function derive(settings: Settings): Config {
  const hasKeys = Object.keys(settings.auth.keys).length > 0;
  const { development, media, webhooks } = settings;
  const keys = hasKeys ? settings.auth.keys : { ...DEVELOPMENT_KEYS };
  return {
    ...settings,
    media: { ...media, threads: threadCount(media.threads) },
    auth: { keys },
    webhooks: { ...webhooks, apiKey: webhooks.apiKey === "" ? Object.keys(keys)[0]! : webhooks.apiKey },
    development: development === "auto" ? !hasKeys : development === "on",
  };
}

function describe(error: z.ZodError, tree: unknown, overrides: readonly Override[]): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => `${shownPath([...path, key])}: unknown key${suggestion(path)}`);
    }
    const override = overrides.find((other) => other.path.every((key, index) => key === path[index]));
    const origin = override === undefined ? "" : ` (from ${override.variable})`;
    return [`${shownPath(path)}: ${sentence(issue, path, tree)}${origin}`];
  });
}

/** Where a key and its secret were exchanged, the path holds the secret, and these lines go into logs. */
function shownPath(path: readonly string[]): string {
  const names = path.map((name) => (name.length < MIN_SECRET_BYTES ? name : `${name.slice(0, 4)}…`));
  return names.join(".") || "the file";
}

/** Settings whose values may hold a secret; so do URLs of receivers. */
const SECRETS = /^(?:auth|ice\.turnSecret|webhooks\.urls)(?:\.|$)/;

/** The known keys at `path`. */
function suggestion(path: readonly string[]): string {
  const known = valueAt(Settings.parse({}), path);
  return isMap(known) ? `; known here: ${Object.keys(known).join(", ")}` : "";
}

/** zod's types in the terms of a settings file. */
const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a whole number",
  string: "text in quotes",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys",
  record: "a map of keys",
};

function sentence(issue: z.core.$ZodIssue, path: readonly string[], tree: unknown): string {
  if (issue.code === "invalid_key") return issue.issues[0]!.message;
  if (issue.code !== "invalid_type") return issue.message;
  const unit = /(Bytes|Seconds|Days|PerMinute)$/
    .exec(path.at(-1) ?? "")?.[1]
    ?.replace("PerMinute", "requests per minute");
  const expected = TYPES[issue.expected] ?? issue.expected;
  const got = SECRETS.test(path.join(".")) ? "" : `, not ${JSON.stringify(valueAt(tree, path))}`;
  return `must be ${expected}${unit === undefined ? "" : ` of ${unit.toLowerCase()}`}${got}`;
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], tree);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
