/** A server in this process, and a WHIP publisher with ICE and DTLS of its own: for tests of what threads do together. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SignJWT } from "jose";
import { pino } from "pino";
import { expect } from "vitest";
import { MediaLink } from "../loadtest/client/media-link.ts";
import { monotonicUs } from "../loadtest/client/monotonic-clock.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { SRTP_AEAD_AES_128_GCM } from "../src/contract/dtls.ts";
import type { IceCredentials } from "../src/contract/media.ts";
import type { Transport } from "../src/control/transport.ts";
import { createDtlsCertificate, type DtlsCertificate } from "../src/dtls/dtls-certificate.ts";
import { portableCipherFactory } from "../src/portable/portable-cipher.ts";
import { type Server, startServer } from "../src/server.ts";

export const ADDRESS = "127.0.0.1";
const ROOM = "hall";
const OFFER = readFileSync(new URL("sdp/offers/chromium-publish-single.sdp", import.meta.url), "utf8");

export async function start(threads = 1): Promise<Server> {
  const loaded = loadConfig([], {
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_HOST: ADDRESS,
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: `${threads}`,
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  return startServer(loaded.config, pino({ level: "silent" }));
}

/** Offer and answer are exchanged; nothing has been sent to the media port. */
export interface Publisher {
  readonly certificate: DtlsCertificate;
  readonly localIce: IceCredentials;
  readonly remoteIce: IceCredentials;
  readonly port: number;
  /** That the answer promises, of SHA-256. */
  readonly fingerprint: string;
  /** The server's end. */
  readonly transport: Transport;
}

/** Joins the hall. */
export async function publish(server: Server, identity: string): Promise<Publisher> {
  const certificate = await createDtlsCertificate();
  const localIce = { ufrag: randomBytes(6).toString("hex"), pwd: randomBytes(16).toString("hex") };
  const { algorithm, value } = certificate.fingerprint;
  const offer = OFFER.replaceAll(/a=fingerprint:.*/g, `a=fingerprint:${algorithm} ${value}`)
    .replaceAll(/a=ice-ufrag:.*/g, `a=ice-ufrag:${localIce.ufrag}`)
    .replaceAll(/a=ice-pwd:.*/g, `a=ice-pwd:${localIce.pwd}`);
  const token = await new SignJWT({ video: { roomJoin: true, room: ROOM } })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("devkey")
    .setSubject(identity)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode("development-secret-known-to-everyone"));
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
  const reply = await fetch(`${server.url}/whip/${ROOM}`, { method: "POST", headers, body: offer });
  expect(reply.status).toBe(201);
  const answer = await reply.text();
  const find = (pattern: RegExp): string => pattern.exec(answer)![1]!;
  return {
    certificate,
    localIce,
    remoteIce: { ufrag: find(/ice-ufrag:(\S+)/), pwd: find(/ice-pwd:(\S+)/) },
    port: Number(find(/candidate:\S+ 1 udp \d+ \S+ (\d+)/i)),
    fingerprint: find(/a=fingerprint:sha-256 (\S+)/),
    transport: [...server.rooms.get(ROOM)!.participant(identity)!.transports][0]!,
  };
}

export interface Connection {
  readonly link: MediaLink;
  /** Both ends are done with DTLS. */
  readonly secured: Promise<void>;
  /** Why it ends. */
  readonly ended: Promise<string>;
}

/** Begins with ICE and DTLS. */
export function connect({ transport, certificate, localIce, remoteIce, port }: Publisher): Connection {
  const keys = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const link = new MediaLink(
    {
      address: ADDRESS,
      port,
      localIce,
      remoteIce,
      certificate,
      profiles: [SRTP_AEAD_AES_128_GCM],
      ciphers: portableCipherFactory,
      clock: monotonicUs,
    },
    { onSecure: () => keys.resolve(), onRtp() {}, onRtcp() {}, onFailed: ended.resolve },
  );
  const timer = setInterval(() => link.tick(monotonicUs()), 20);
  void ended.promise.then(() => clearInterval(timer));
  return { link, secured: keys.promise.then(() => isConnected(transport)), ended: ended.promise };
}

/** The server has the last word of the handshake. */
async function isConnected(transport: Transport): Promise<void> {
  while (transport.state.kind !== "open" || transport.state.connection !== "connected") await delay(10);
}
