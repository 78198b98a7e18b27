/** coturn on loopback, which hands out relays to whoever has credentials by the shared secret. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeTcpPort } from "./free-ports.ts";
import { programPath } from "./programs.ts";
import { Subprocess } from "./subprocess.ts";

const LOOPBACK = "127.0.0.1";
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5_000;

export class TurnServer {
  /** Clients reach it over UDP and TCP. */
  readonly urls: readonly string[];
  readonly secret: string;
  readonly #process: Subprocess;
  readonly #folder: string;

  private constructor(process: Subprocess, folder: string, port: number, secret: string) {
    this.urls = ["udp", "tcp"].map((transport) => `turn:${LOOPBACK}:${port}?transport=${transport}`);
    this.secret = secret;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(): Promise<TurnServer> {
    const [port, folder] = await Promise.all([freeTcpPort(), mkdtemp(join(tmpdir(), "turn-"))]);
    const secret = "a secret of coturn and of ours";
    const options = [
      // No file of the machine's, and none that it would write elsewhere.
      ["-n"],
      ["--userdb", join(folder, "turndb")],
      ["--pidfile", join(folder, "pid")],
      ["--log-file", "stdout"],
      ["--listening-ip", LOOPBACK],
      ["--relay-ip", LOOPBACK],
      ["--listening-port", String(port)],
      ["--realm", "test"],
      ["--use-auth-secret", "--static-auth-secret", secret],
      // Our media ports are here, where a relay for the public must not reach.
      ["--allow-loopback-peers"],
      ["--no-cli", "--no-tls", "--no-dtls", "--verbose"],
    ];
    const subprocess = new Subprocess(programPath("coturn"), options.flat(), {
      PATH: process.env.PATH ?? "",
    });
    const server = new TurnServer(subprocess, folder, port, secret);
    try {
      await subprocess.until("listening", START_LIMIT_MS, () =>
        /TCP listener opened on/.test(subprocess.output) ? true : undefined,
      );
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** What it has printed: an allocation of a relay is a line. */
  get log(): string {
    return this.#process.output;
  }

  async stop(): Promise<void> {
    await this.#process.terminate(STOP_LIMIT_MS);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
