/**
 * Goal: a peer that the server lets go of, alone or because the server ends, is told so at once and need not find out by
 * silence.
 * Method: the server in this process, and a WHIP client with real DTLS. The client hears the close_notify.
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SignJWT } from "jose";
import { pino } from "pino";
import { expect, test } from "vitest";
import { MediaLink } from "../loadtest/client/media-link.ts";
import { monotonicUs } from "../loadtest/client/monotonic-clock.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { SRTP_AEAD_AES_128_GCM } from "../src/contract/dtls.ts";
import { createDtlsCertificate } from "../src/dtls/dtls-certificate.ts";
import { portableCipherFactory } from "../src/portable/portable-cipher.ts";
import { type Server, startServer } from "../src/server.ts";

const ADDRESS = "127.0.0.1";
const OFFER = readFileSync(new URL("sdp/offers/chromium-publish-single.sdp", import.meta.url), "utf8");

async function start(): Promise<Server> {
  const loaded = loadConfig([], {
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_HOST: ADDRESS,
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "1",
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  return startServer(loaded.config, pino({ level: "silent" }));
}

async function publish(url: string, offer: string): Promise<string> {
  const token = await new SignJWT({ video: { roomJoin: true, room: "hall" } })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("devkey")
    .setSubject("ada")
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode("development-secret-known-to-everyone"));
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
  const reply = await fetch(`${url}/whip/hall`, { method: "POST", headers, body: offer });
  expect(reply.status).toBe(201);
  return reply.text();
}

const find = (sdp: string, pattern: RegExp): string => pattern.exec(sdp)![1]!;
const iceOf = (sdp: string): { ufrag: string; pwd: string } => ({
  ufrag: find(sdp, /ice-ufrag:(\S+)/),
  pwd: find(sdp, /ice-pwd:(\S+)/),
});

/** Publishes as ada. Resolves when DTLS is done, with a promise of why it ends. */
async function join(server: Server): Promise<{ link: MediaLink; ended: Promise<string> }> {
  const certificate = await createDtlsCertificate();
  const { algorithm, value } = certificate.fingerprint;
  const offer = OFFER.replaceAll(/a=fingerprint:.*/g, `a=fingerprint:${algorithm} ${value}`);
  const answer = await publish(server.url, offer);
  const secured = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const link = new MediaLink(
    {
      address: ADDRESS,
      port: Number(find(answer, /candidate:\S+ 1 udp \d+ \S+ (\d+)/i)),
      localIce: iceOf(offer),
      remoteIce: iceOf(answer),
      certificate,
      profiles: [SRTP_AEAD_AES_128_GCM],
      ciphers: portableCipherFactory,
      clock: monotonicUs,
    },
    { onSecure: () => secured.resolve(), onRtp() {}, onRtcp() {}, onFailed: ended.resolve },
  );
  const timer = setInterval(() => link.tick(monotonicUs()), 20);
  void ended.promise.then(() => clearInterval(timer));
  await secured.promise;
  // The server has the last word of the handshake.
  const [transport] = server.rooms.get("hall")!.participant("ada")!.transports;
  while (transport!.state.kind !== "open" || transport!.state.connection !== "connected") await delay(10);
  return { link, ended: ended.promise };
}

test("a client whose participant is removed hears close_notify", async () => {
  const server = await start();
  const { link, ended } = await join(server);
  server.rooms.get("hall")!.participant("ada")!.leave("participant_removed");
  expect(await ended).toBe("closed_by_server");
  link.close(true);
  await server.drain();
});

test("so does one whose server ends", async () => {
  const server = await start();
  const { link, ended } = await join(server);
  await server.drain();
  expect(await ended).toBe("closed_by_server");
  link.close(true);
});
