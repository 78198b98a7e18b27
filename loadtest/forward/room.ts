/**
 * A room in media threads, with one publisher and its subscribers: sends the commands, messages and checks that the
 * control plane, the DTLS thread and browsers would send.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import {
  asSsrc,
  type ParticipantId,
  type RoomId,
  type SubscriptionId,
  type TrackId,
  type TransportId,
} from "../../src/base/ids.ts";
import { PacketPipe } from "../../src/base/packet-pipe.ts";
import type { FromDtls, ToDtls } from "../../src/contract/dtls.ts";
import type {
  ExtensionIds,
  IceCredentials,
  MediaCommand,
  PayloadParams,
  UpTrackParams,
} from "../../src/contract/media.ts";
import type { FromMediaThread, ToMediaThread } from "../../src/contract/media-thread.ts";
import { bindingRequest } from "../client/stun-request.ts";
import {
  EXTENSIONS,
  keysOf,
  type Load,
  PAYLOAD_TYPE,
  PUBLISHER,
  PUBLISHER_SSRC,
  subscriberAddress,
  subscriberExtensions,
  subscriberName,
  subscriberSsrc,
} from "./load.ts";
import { type Forwarder, Subject } from "./subject.ts";
import { tierName } from "./tier.ts";

const ROOM = "bench" as RoomId;
const TRACK = "TR_bench" as TrackId;
const HOST = "127.0.0.1";
/** RTX SSRC of subscriber 0, on which it is sent probes. */
const RTX_SSRC = 0x20000;
/** The server's default. */
const GATHER_US = 500;
const BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Starts a room in so many threads, the publisher in the first, its subscribers distributed evenly. Resolves when the
 * addresses of all subscribers have been checked.
 */
export async function startRoom(load: Load, sinkPort: number, threads = 1): Promise<Forwarder> {
  const members = await Promise.all(Array.from({ length: threads }, (_, index) => Member.start(index, load)));
  const [first, ...others] = members;
  const payload = payloadOf(load);
  const ssrcs = [{ ssrc: asSsrc(PUBLISHER_SSRC), rtxSsrc: asSsrc(0) }];
  const track: UpTrackParams = {
    trackId: TRACK,
    publisher: PUBLISHER as ParticipantId,
    kind: load.kind,
    mid: "0",
    payloads: [payload],
    rids: [],
    ssrcs,
    content: load.kind === "video" ? "camera" : "voice",
  };
  first!.join(PUBLISHER, EXTENSIONS);
  first!.send({ kind: "up-track.add", transportId: PUBLISHER as TransportId, track });
  const memberOf = (index: number): Member => members[index % threads]!;
  for (let index = 0; index < load.fanOut; index++) {
    memberOf(index).join(subscriberName(index), subscriberExtensions(load));
  }
  for (const other of others) pipe(first!, other, track);
  for (let index = 0; index < load.fanOut; index++) memberOf(index).subscribe(load, index, payload);
  await Promise.all(members.map((member) => member.secured()));
  const checkReceivers = async (): Promise<void> => {
    for (let index = 0; index < load.fanOut; index++) {
      await check(subscriberAddress(index), sinkPort, memberOf(index).port, subscriberName(index));
    }
  };
  await checkReceivers();
  const subjects = members.map(({ subject }) => subject);
  return { subjects, port: first!.port, hello: checkOf(PUBLISHER), checkReceivers };
}

/** One of the room's media threads. */
class Member {
  readonly subject: Subject;
  readonly index: number;
  port = 0;
  readonly #joining = new Set<string>();
  readonly #allSecure = Promise.withResolvers<void>();

  constructor(index: number, load: Load) {
    this.index = index;
    this.subject = new Subject("media", {
      index,
      address: HOST,
      port: 0,
      tcp: false,
      socketBufferBytes: BUFFER_BYTES,
      gatherUs: GATHER_US,
      tier: tierName,
      estimating: load.estimating ?? "as-it-is",
    });
    this.#answerHandshakes(load);
  }

  static async start(index: number, load: Load): Promise<Member> {
    const member = new Member(index, load);
    member.port = await new Promise<number>((resolve) => {
      member.subject.worker.on("message", (message: FromMediaThread) => {
        if (message.kind === "listening") resolve(message.port);
      });
    });
    return member;
  }

  send(message: ToMediaThread, transfer: MessagePort[] = []): void {
    this.subject.worker.postMessage(message, transfer);
  }

  join(name: string, extensions: ExtensionIds): void {
    this.#joining.add(name);
    this.send(openTransport(name, extensions));
  }

  subscribe({ kind, answered }: Load, index: number, payload: PayloadParams): void {
    const name = subscriberName(index);
    const transportId = name as TransportId;
    const subscriptionId = name as SubscriptionId;
    const ssrc = asSsrc(subscriberSsrc(index));
    const downTrack = {
      subscriptionId,
      kind,
      mid: "0",
      ssrc,
      rtxSsrc: asSsrc(answered === true ? RTX_SSRC + index : 0),
      cname: name,
    };
    this.send({ kind: "down-track.add", transportId, downTrack });
    this.send({ kind: "down-track.source", subscriptionId, source: { trackId: TRACK, payload } });
  }

  /** Resolves when all joined transports have keys. */
  secured(): Promise<void> {
    return this.#joining.size === 0 ? Promise.resolve() : this.#allSecure.promise;
  }

  /** Acts as the DTLS thread: gives every transport its keys. */
  #answerHandshakes({ profile }: Load): void {
    const { port1, port2 } = new MessageChannel();
    this.send({ kind: "dtls.connect", port: port2 as never }, [port2]);
    port1.on("message", (letters: readonly ToDtls[]) => {
      for (const { kind, transportId } of letters) {
        if (kind !== "open") continue;
        const keys = keysOf(transportId, profile);
        port1.postMessage([{ kind: "secure", transportId, keys }] satisfies FromDtls[]);
        this.#joining.delete(transportId);
      }
      if (this.#joining.size === 0) this.#allSecure.resolve();
    });
    port1.unref();
  }
}

const payloadOf = ({ kind }: Load): PayloadParams =>
  kind === "video"
    ? {
        payloadType: PAYLOAD_TYPE,
        codec: "VP8",
        clockRate: 90_000,
        profile: "",
        rtxPayloadType: PAYLOAD_TYPE + 1,
      }
    : { payloadType: PAYLOAD_TYPE, codec: "opus", clockRate: 48_000, profile: "" };

/** Pipes the track from one thread to another. */
function pipe(from: Member, to: Member, track: UpTrackParams): void {
  const channel = 0;
  const memory = PacketPipe.allocate();
  const { port1, port2 } = new MessageChannel();
  const ends = { out: port1 as never, in: port2 as never };
  from.send({ kind: "pipe.connect", thread: to.index, direction: "out", memory, port: ends.out }, [port1]);
  to.send({ kind: "pipe.connect", thread: from.index, direction: "in", memory, port: ends.in }, [port2]);
  to.send({
    kind: "piped-track.add",
    roomId: ROOM,
    track,
    extensions: EXTENSIONS,
    from: from.index,
    channel,
  });
  from.send({ kind: "up-track.pipe", trackId: track.trackId, to: to.index, channel });
}

const serverIce = (name: string): IceCredentials => ({
  ufrag: `s-${name}`,
  pwd: `password-of-server-for-${name}`,
});
const peerIce = (name: string): IceCredentials => ({ ufrag: `p-${name}`, pwd: `password-of-${name}-itself` });

function openTransport(name: string, extensions: ExtensionIds): MediaCommand {
  return {
    kind: "transport.open",
    transportId: name as TransportId,
    roomId: ROOM,
    localIce: serverIce(name),
    remoteIce: peerIce(name),
    fingerprints: [],
    extensions,
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

/** Repeats a connectivity check from `address:from` until it is answered. */
async function check(address: string, from: number, to: number, name: string): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind(from, address);
  await once(socket, "listening");
  const answered = once(socket, "message");
  socket.send(checkOf(name), to, HOST);
  await answered;
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}
