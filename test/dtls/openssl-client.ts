/** `openssl s_client` over loopback UDP against a server of ours, with a place between them to lose datagrams. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fingerprint } from "../../src/contract/media.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";

const TICK_MS = 20;

export interface ClientCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly fingerprint: Fingerprint;
}

const folder = mkdtempSync(join(tmpdir(), "dtls-test-"));

/** `newKey`: arguments of `openssl req` that choose the key. */
export function makeClientCertificate(name: string, newKey: readonly string[]): ClientCertificate {
  const certFile = join(folder, `${name}.pem`);
  const keyFile = join(folder, `${name}.key`);
  const subject = ["-nodes", "-subj", `/CN=${name}`, "-days", "2", "-out", certFile, "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", "-newkey", ...newKey, ...subject], { stdio: "pipe" });
  const value = new X509Certificate(readFileSync(certFile)).fingerprint256;
  return { certFile, keyFile, fingerprint: { algorithm: "sha-256", value } };
}

/** Passes a datagram on to `deliver`: now, later, twice or never. */
export type Path = (datagram: Uint8Array, deliver: (datagram: Uint8Array) => void) => void;

const cleanPath: Path = (datagram, deliver) => deliver(datagram);

export interface Session {
  readonly endpoint: Endpoint;
  readonly client: ChildProcessWithoutNullStreams;
  /** What s_client printed so far. */
  output(): string;
  /** Resolves when `done` holds; rejects after the timeout with what s_client printed. */
  until(done: () => boolean, timeoutMs: number): Promise<void>;
  end(): Promise<void>;
}

/** Starts s_client with `args` against a fresh server that expects `fingerprints`. */
export async function openSession(
  fingerprints: readonly Fingerprint[],
  args: readonly string[],
  toServer: Path = cleanPath,
  toClient: Path = cleanPath,
): Promise<Session> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  let clientPort = 0;
  let open = true;
  const nowUs = (): number => Math.round(performance.now() * 1000);
  const sendToClient = (datagram: Uint8Array): void => {
    if (open) socket.send(datagram, clientPort, "127.0.0.1");
  };
  const endpoint = createEndpoint(fingerprints, (datagram) => toClient(datagram, sendToClient));
  socket.on("message", (datagram, from) => {
    clientPort = from.port;
    toServer(datagram, (passed) => endpoint.server.receive(nowUs(), passed));
  });
  const ticks = setInterval(() => endpoint.server.tick(nowUs()), TICK_MS);

  const target = ["s_client", "-connect", `127.0.0.1:${socket.address().port}`];
  const version = args.includes("-dtls1") ? [] : ["-dtls1_2"];
  const client = spawn("openssl", [...target, ...version, ...args]);
  let output = "";
  client.stdout.on("data", (chunk) => {
    output += chunk;
  });
  client.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const exited = once(client, "exit");

  return {
    endpoint,
    client,
    output: () => output,
    until: (done, timeoutMs) => waitUntil(done, timeoutMs, () => output),
    end: async () => {
      client.kill();
      await exited;
      open = false;
      clearInterval(ticks);
      socket.close();
    },
  };
}

async function waitUntil(done: () => boolean, timeoutMs: number, explain: () => string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!done()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms:\n${explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
