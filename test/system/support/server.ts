/** A whole Blindfold for one test: its own process, its own ports, settings through the environment only. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SignJWT } from "jose";
import { parsePrometheusText } from "../../../loadtest/measure/prometheus-text.ts";
import type { Grants } from "../../../src/control/access-token.ts";
import { freeMediaPort, freeTcpPort } from "./free-ports.ts";
import { Subprocess } from "./subprocess.ts";

/** A cold start with its DTLS warm-up takes a second or two on two busy cores. Larger: a hang is reported later. */
const START_LIMIT_MS = 30_000;
/** Beyond the drain that a test asks for. Smaller: a slow machine fails; larger: a hang is reported later. */
const STOP_LIMIT_MS = 15_000;

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The built-in pair of a server without keys, as README.md names it. */
const DEVELOPMENT_PAIR = "devkey:development-secret-known-to-everyone";

/** What `BLINDFOLD_FAST_PATH` can be here; without the setting a server takes the first. */
export const TIERS =
  process.platform === "linux" ? (["native", "portable"] as const) : (["portable"] as const);

export type Environment = Readonly<Record<string, string>>;

export class TestServer {
  /** Where HTTP is served, without a trailing slash. */
  readonly url: string;
  readonly mediaPort: number;
  readonly #process: Subprocess;
  readonly #store: string;
  /** API key and secret. */
  readonly pair: readonly [apiKey: string, secret: string];

  /** `store`: a directory that goes with it, if it is made. */
  constructor(process: Subprocess, env: Environment, store: string) {
    const { BLINDFOLD_HTTP_PORT, BLINDFOLD_MEDIA_PORT, BLINDFOLD_AUTH_KEYS = DEVELOPMENT_PAIR } = env;
    const [apiKey = "", secret = ""] = BLINDFOLD_AUTH_KEYS.split(",", 1)[0]!.split(":");
    this.url = `http://127.0.0.1:${BLINDFOLD_HTTP_PORT}`;
    this.mediaPort = Number(BLINDFOLD_MEDIA_PORT);
    this.#process = process;
    this.#store = store;
    this.pair = [apiKey, secret];
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Everything that the server has printed. */
  get logs(): string {
    return this.#process.output;
  }

  /** Resolves when `/readyz` says that it takes participants. */
  async ready(): Promise<void> {
    await this.#process.until("ready", START_LIMIT_MS, async () => {
      const reply = await fetch(`${this.url}/readyz`).catch(() => undefined);
      return reply?.ok ? true : undefined;
    });
  }

  /** Signed here and not by the server's own code, as an application's back end would. */
  token(room: string, identity: string, grants: Partial<Grants> = {}): Promise<string> {
    const [apiKey, secret] = this.pair;
    return new SignJWT({ video: { roomJoin: true, room, ...grants } })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(apiKey)
      .setSubject(identity)
      .setExpirationTime("10m")
      .sign(new TextEncoder().encode(secret));
  }

  async metrics(): Promise<Map<string, number>> {
    const reply = await fetch(`${this.url}/metrics`);
    if (!reply.ok) throw new Error(`/metrics answered ${reply.status}`);
    return parsePrometheusText(await reply.text());
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    await this.#process.exited(0);
    this.#forget();
  }

  /** Asks it to drain, and resolves when it has ended by itself with 0; throws when it has not. */
  async stop(): Promise<void> {
    const code = await this.#process.terminate(STOP_LIMIT_MS);
    this.#forget();
    if (code !== 0)
      throw new Error(`the server ended with ${code ?? "a signal"} after SIGTERM:\n${this.logs}`);
  }

  #forget(): void {
    rmSync(this.#store, { recursive: true, force: true });
  }
}

/** `overrides`: settings of the server under test, `{ BLINDFOLD_ROOMS_E2EE: "required" }`. */
export async function startServer(overrides: Environment = {}): Promise<TestServer> {
  const store = join(tmpdir(), `blindfold-${randomUUID()}`);
  const env: Environment = {
    BLINDFOLD_STORE_PATH: store,
    PATH: process.env.PATH ?? "",
    BLINDFOLD_HTTP_PORT: String(await freeTcpPort()),
    BLINDFOLD_MEDIA_PORT: String(await freeMediaPort()),
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
    ...overrides,
  };
  const subprocess = new Subprocess(process.execPath, [MAIN], env, ROOT);
  const server = new TestServer(subprocess, env, store);
  try {
    await server.ready();
    return server;
  } catch (error) {
    await subprocess.terminate(STOP_LIMIT_MS);
    throw error;
  }
}
