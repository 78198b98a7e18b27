/** One publisher and its receivers at one server: what forwarding the video for some seconds costs the server. */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import { createDtlsCertificate, type DtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { chooseTier } from "../../src/worker/choose-tier.ts";
import { loadTier } from "../../src/worker/tiers.ts";
import { MediaLink } from "../client/media-link.ts";
import { monotonicUs } from "../client/monotonic-clock.ts";
import { Publisher } from "../client/publisher.ts";
import type { Answer } from "../client/session-answer.ts";
import type { LocalDescription } from "../client/session-offer.ts";
import { Subscriber } from "../client/subscriber.ts";
import { Meter } from "../measure/meter.ts";
import type { ServerProcess } from "../server-process.ts";
import type { Sfu } from "./sfu.ts";

const TICK_MS = 4;
const POLL_MS = 20;
const REACH_LIMIT_MS = 15_000;
const WARM_UP_MS = 2_000;
const FRAMES_PER_SECOND = 50;
const PACKET_BITS = 8 * 1_100;

export interface VideoLoad {
  readonly receivers: number;
  readonly packetsPerFrame: number;
  readonly seconds: number;
}

export interface Cost {
  /** RTP packets that reached the receivers. */
  readonly packets: number;
  readonly cpuSeconds: number;
  /** Share of the packets sent to the server that a receiver did not get, in [0, 1]. */
  readonly loss: number;
}

export interface Tools {
  readonly certificate: DtlsCertificate;
  readonly ciphers: SrtpCipherFactory;
}

export async function createTools(): Promise<Tools> {
  const { ciphers } = await loadTier((await chooseTier("auto")).tier);
  return { certificate: await createDtlsCertificate(), ciphers };
}

interface Client {
  readonly link: MediaLink;
  tick(nowUs: number): void;
}

class Room {
  readonly meter = new Meter();
  /** Why the client cannot be used; null while it can. */
  failure: string | null = null;
  readonly #tools: Tools;
  readonly #clients: Client[] = [];

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  tick(nowUs: number): void {
    for (const { link } of this.#clients) link.tick(nowUs);
    for (const client of this.#clients) if (client.link.isSecure) client.tick(nowUs);
  }

  close(): void {
    for (const { link } of this.#clients) link.close();
  }

  async publish(sfu: Sfu, packetsPerFrame: number): Promise<Publisher> {
    const local = this.#describe();
    const link = this.#connect(local, await sfu.publish(local), {
      onSecure: (nowUs) => publisher.start(nowUs),
      onRtp: () => {},
      onRtcp: (bytes, length, nowUs) => publisher.receiveRtcp(bytes, length, nowUs),
    });
    const publisher = new Publisher({
      link,
      publisher: 0,
      video: "single",
      audio: false,
      bitratesBps: [packetsPerFrame * PACKET_BITS * FRAMES_PER_SECOND],
      framesPerSecond: FRAMES_PER_SECOND,
      meter: this.meter,
      clock: monotonicUs,
    });
    this.#clients.push({ link, tick: (nowUs) => publisher.tick(nowUs) });
    return publisher;
  }

  async watch(sfu: Sfu): Promise<Subscriber> {
    const local = this.#describe();
    const answer = await sfu.watch(local);
    const link = this.#connect(local, answer, {
      onSecure: (nowUs) => subscriber.start(nowUs),
      onRtp: (bytes, length, header, nowUs) => subscriber.receiveRtp(bytes, length, header, nowUs),
      onRtcp: (bytes, length, nowUs) => subscriber.receiveRtcp(bytes, length, nowUs),
    });
    const subscriber = new Subscriber(link, answer, this.meter);
    this.#clients.push({ link, tick: (nowUs) => subscriber.tick(nowUs) });
    return subscriber;
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    for (const limitMs = performance.now() + REACH_LIMIT_MS; !condition(); await delay(POLL_MS)) {
      if (this.failure !== null) throw new Error(this.failure);
      if (performance.now() > limitMs) throw new Error(`waited in vain: ${what}`);
    }
  }

  #describe(): LocalDescription {
    const random = (bytes: number): string => randomBytes(bytes).toString("hex");
    return { ice: { ufrag: random(4), pwd: random(16) }, fingerprint: this.#tools.certificate.fingerprint };
  }

  #connect(
    local: LocalDescription,
    { address, port, ice: remoteIce }: Answer,
    handlers: Omit<ConstructorParameters<typeof MediaLink>[1], "onFailed">,
  ): MediaLink {
    const profiles = [SRTP_AEAD_AES_128_GCM] as const;
    return new MediaLink(
      { address, port, localIce: local.ice, remoteIce, ...this.#tools, profiles, clock: monotonicUs },
      {
        ...handlers,
        onFailed: (reason, detail) => {
          this.failure ??= `a client failed: ${reason}, ${detail}`;
        },
      },
    );
  }
}

/** Measures `load` on a server without other clients. */
export async function measureCost(
  server: ServerProcess,
  sfu: Sfu,
  { receivers, packetsPerFrame, seconds }: VideoLoad,
  tools: Tools,
): Promise<Cost> {
  const room = new Room(tools);
  const ticking = setInterval(() => room.tick(monotonicUs()), TICK_MS);
  try {
    const publisher = await room.publish(sfu, packetsPerFrame);
    await room.until(() => publisher.report().packets > 0, "the publisher sends");
    const subscribers: Subscriber[] = [];
    for (let i = 0; i < receivers; i++) subscribers.push(await room.watch(sfu));
    await room.until(
      () => subscribers.every(({ firstVideoUs }) => firstVideoUs > 0),
      "every receiver gets video",
    );
    await delay(WARM_UP_MS);

    const cpuBefore = await server.cpuSeconds();
    const sentBefore = publisher.report().packets;
    room.meter.drain();
    await delay(seconds * 1_000);
    const { receivedPackets: packets } = room.meter.drain();
    const cpuSeconds = (await server.cpuSeconds()) - cpuBefore;
    if (room.failure !== null) throw new Error(room.failure);
    const wanted = (publisher.report().packets - sentBefore) * receivers;
    return { packets, cpuSeconds, loss: 1 - packets / wanted };
  } finally {
    clearInterval(ticking);
    room.close();
    await sfu.end();
  }
}
