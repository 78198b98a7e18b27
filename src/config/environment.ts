/**
 * Settings from the environment: `BLINDFOLD_` and the key's path in capitals, with `_` between words.
 *
 *   http.port              BLINDFOLD_HTTP_PORT=7880
 *   http.bodyLimitBytes    BLINDFOLD_HTTP_BODY_LIMIT_BYTES=65536
 *   http.corsOrigins       BLINDFOLD_HTTP_CORS_ORIGINS=https://a.example,https://b.example   (lists: commas)
 *   auth.keys              BLINDFOLD_AUTH_KEYS=key1:secret1,key2:secret2                     (maps: pairs)
 */
import { Settings } from "./schema.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = "BLINDFOLD_";
/** The path of the settings file, so it is read before there are settings. */
export const CONFIG_FILE_VARIABLE = "BLINDFOLD_CONFIG";

const PAIRS = "key:secret pairs parted by commas, each key once";

export interface Override {
  readonly path: readonly string[];
  readonly variable: string;
  readonly value: unknown;
}

/** The overrides, and a line for each variable that cannot be parsed, or has our prefix and is unknown. */
export function readEnvironment(env: Environment): {
  readonly overrides: readonly Override[];
  readonly mistakes: readonly string[];
} {
  const paths = new Map(leaves(Settings.parse({})).map((leaf) => [variableOf(leaf.path), leaf]));
  const overrides: Override[] = [];
  const mistakes: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || variable === CONFIG_FILE_VARIABLE || text === undefined) continue;
    const leaf = paths.get(variable);
    const value = leaf && convert(text, leaf.value);
    if (leaf === undefined) mistakes.push(`${variable}: no setting has this name`);
    else if (value === undefined) mistakes.push(`${variable}: must be ${PAIRS}`);
    else overrides.push({ path: leaf.path, variable, value });
  }
  return { overrides, mistakes };
}

function variableOf(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return PREFIX + words.join("_");
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Every settable key with its default. `auth.keys` is a leaf: its names are the operator's. */
function leaves(value: unknown, path: readonly string[] = []): Leaf[] {
  const isSection = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isSection || Array.isArray(value)) return [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

/**
 * Converts `text` to the type of the default; what does not parse stays text, and the schema reports it. Undefined for
 * a malformed list of pairs: it may hold a secret, which the schema's error would repeat as the name of a key.
 */
function convert(text: string, like: unknown): unknown {
  // Instead of "auto" or "all" there may be a number.
  if (typeof like === "number" || like === "auto" || like === "all")
    return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  if (typeof like === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (Array.isArray(like)) return splitList(text);
  if (typeof like === "object") return readPairs(text);
  return text;
}

const splitList = (text: string): string[] =>
  text.trim() === "" ? [] : text.split(",").map((part) => part.trim());

function readPairs(text: string): Record<string, string> | undefined {
  const pairs = splitList(text).map((pair): [string, string] => {
    const colon = pair.indexOf(":");
    return [pair.slice(0, Math.max(colon, 0)).trim(), pair.slice(colon + 1).trim()];
  });
  const names = new Set(pairs.map(([name]) => name));
  return names.size === pairs.length && !names.has("") ? Object.fromEntries(pairs) : undefined;
}
