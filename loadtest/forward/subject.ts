/** The thread whose work is measured: the server's media thread, the floor or the naive way, each in a worker. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { createSharedCounters, FORWARD_DELAY_BOUNDS_US, SLOT } from "../../src/base/counters.ts";
import {
  asSsrc,
  type ParticipantId,
  type RoomId,
  type SubscriptionId,
  type TrackId,
  type TransportId,
} from "../../src/base/ids.ts";
import type { FromDtls, ToDtls } from "../../src/contract/dtls.ts";
import type { IceCredentials, MediaCommand, PayloadParams } from "../../src/contract/media.ts";
import type { FromMediaThread, ToMediaThread } from "../../src/contract/media-thread.ts";
import { bindingRequest } from "../client/stun-request.ts";
import type { FloorRun } from "./floor-thread.ts";
import {
  EXTENSIONS,
  keysOf,
  type Load,
  PAYLOAD_TYPE,
  PUBLISHER,
  PUBLISHER_SSRC,
  subscriberAddress,
  subscriberName,
  subscriberSsrc,
} from "./load.ts";
import type { ProbeReading } from "./thread-probe.ts";
import { tierName } from "./tier.ts";

const ROOM = "bench" as RoomId;
const TRACK = "TR_bench" as TrackId;
const HOST = "127.0.0.1";
const BUFFER_BYTES = 4 * 1024 * 1024;

export type SubjectName = "blindfold" | "floor" | "naive";

export class Subject {
  readonly worker: Worker;
  /** Whether it forwards what a publisher sends, so that its packets can be opened; the floor sends what it has. */
  readonly forwards: boolean;
  /** Of the media thread; unused by the others. */
  readonly counters = createSharedCounters();
  readonly #probe: MessagePort;

  constructor(name: SubjectName, data: object) {
    const { port1, port2 } = new MessageChannel();
    this.#probe = port1;
    this.forwards = name !== "floor";
    const file = name === "blindfold" ? "media" : name;
    this.worker = new Worker(new URL(`./${file}-thread.ts`, import.meta.url), {
      workerData: { ...data, probe: port2, counters: this.counters },
      transferList: [port2],
    });
    this.worker.on("error", (error) => {
      throw error;
    });
  }

  async read(): Promise<ProbeReading> {
    this.#probe.postMessage("read");
    const [reading] = await once(this.#probe, "message");
    return reading as ProbeReading;
  }

  /** Copies that the media thread forwarded, and those of them within 2 ms of receiving the packet. */
  forwarded(): { readonly all: number; readonly prompt: number } {
    const bucket = (index: number): number => this.counters[SLOT.forwardDelay_0 + index]!;
    const buckets = FORWARD_DELAY_BOUNDS_US.map((_, index) => bucket(index));
    const last = FORWARD_DELAY_BOUNDS_US.indexOf(2_000);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    return { all: sum(buckets) + bucket(buckets.length), prompt: sum(buckets.slice(0, last + 1)) };
  }

  async end(): Promise<void> {
    this.#probe.close();
    await this.worker.terminate();
  }
}

export async function startFloor(load: Load, sinkPort: number): Promise<Subject> {
  const subject = new Subject("floor", { load, sinkPort });
  await once(subject.worker, "message");
  return subject;
}

/** Resolves with the bursts sent. */
export async function runFloor({ worker }: Subject, run: FloorRun): Promise<number> {
  worker.postMessage(run);
  return (await once(worker, "message"))[0] as number;
}

/** A subject that forwards what comes to its UDP port. */
export interface Forwarder {
  readonly subject: Subject;
  readonly port: number;
  /** The datagram with which the publisher's address becomes known; none when it need not be. */
  readonly hello: Uint8Array | null;
}

export async function startNaive(load: Load, sinkPort: number): Promise<Forwarder> {
  const subject = new Subject("naive", { load, sinkPort });
  const [port] = (await once(subject.worker, "message")) as [number];
  return { subject, port, hello: null };
}

/** The media thread with one publisher and `fanOut` subscribers, whose addresses have been checked. */
export async function startMediaThread(load: Load, sinkPort: number): Promise<Forwarder> {
  const subject = new Subject("blindfold", {
    index: 0,
    address: HOST,
    port: 0,
    socketBufferBytes: BUFFER_BYTES,
    tier: tierName,
  });
  const { worker } = subject;
  const port = await new Promise<number>((resolve) => {
    worker.on("message", (message: FromMediaThread) => {
      if (message.kind === "listening") resolve(message.port);
    });
  });
  const send = (message: ToMediaThread, transfer: MessagePort[] = []): void =>
    worker.postMessage(message, transfer);
  const secured = answerHandshakes(load, send);

  const kind = load.kind;
  const payload: PayloadParams =
    kind === "video"
      ? { payloadType: PAYLOAD_TYPE, codec: "VP8", clockRate: 90_000, profile: "" }
      : { payloadType: PAYLOAD_TYPE, codec: "opus", clockRate: 48_000, profile: "" };
  send(openTransport(PUBLISHER));
  const ssrcs = [{ ssrc: asSsrc(PUBLISHER_SSRC), rtxSsrc: asSsrc(0) }];
  const track = { trackId: TRACK, kind, mid: "0", payloads: [payload], rids: [], ssrcs };
  const content = kind === "video" ? "camera" : "voice";
  const publisher = PUBLISHER as ParticipantId;
  const transportId = PUBLISHER as TransportId;
  send({ kind: "up-track.add", transportId, track: { ...track, publisher, content } });
  for (let index = 0; index < load.fanOut; index++) {
    const name = subscriberName(index);
    const subscriptionId = name as SubscriptionId;
    send(openTransport(name));
    const ssrc = asSsrc(subscriberSsrc(index));
    const downTrack = { subscriptionId, kind, mid: "0", ssrc, rtxSsrc: asSsrc(0), cname: name };
    send({ kind: "down-track.add", transportId: name as TransportId, downTrack });
    send({ kind: "down-track.source", subscriptionId, source: { trackId: TRACK, payload } });
  }
  await secured;
  for (let index = 0; index < load.fanOut; index++) {
    await check(subscriberAddress(index), sinkPort, port, subscriberName(index));
  }
  return { subject, port, hello: checkOf(PUBLISHER) };
}

/** Plays the DTLS thread: gives every transport its keys. Resolves when all have them. */
function answerHandshakes(
  { fanOut, profile }: Load,
  send: (message: ToMediaThread, transfer: MessagePort[]) => void,
): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  send({ kind: "dtls.connect", port: port2 as never }, [port2]);
  let left = fanOut + 1;
  return new Promise((resolve) => {
    port1.on("message", (letter: ToDtls) => {
      if (letter.kind !== "open") return;
      const { transportId } = letter;
      const keys = keysOf(transportId, profile);
      port1.postMessage({ kind: "secure", transportId, keys } satisfies FromDtls);
      left -= 1;
      if (left === 0) resolve();
    });
    port1.unref();
  });
}

const serverIce = (name: string): IceCredentials => ({
  ufrag: `s-${name}`,
  pwd: `password-of-server-for-${name}`,
});
const peerIce = (name: string): IceCredentials => ({ ufrag: `p-${name}`, pwd: `password-of-${name}-itself` });

function openTransport(name: string): MediaCommand {
  return {
    kind: "transport.open",
    transportId: name as TransportId,
    roomId: ROOM,
    localIce: serverIce(name),
    remoteIce: peerIce(name),
    fingerprints: [],
    extensions: EXTENSIONS,
  };
}

function checkOf(name: string): Uint8Array {
  const { ufrag, pwd } = serverIce(name);
  return bindingRequest({
    localUfrag: peerIce(name).ufrag,
    remoteUfrag: ufrag,
    remotePwd: pwd,
    transactionId: Buffer.from(name.padEnd(12).slice(-12)),
  });
}

/** One connectivity check from `address:from`, until it is answered. */
async function check(address: string, from: number, to: number, name: string): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind(from, address);
  await once(socket, "listening");
  const answered = once(socket, "message");
  socket.send(checkOf(name), to, HOST);
  await answered;
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}
