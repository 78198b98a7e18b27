/**
 * A conference in one call stack: a MediaCore, people with browsers' habits, and lossy links between them.
 *
 * Everybody publishes an audio and a simulcast video, and watches all others, over one transport. Time is a number.
 */
import { createHash, type Hash } from "node:crypto";
import { createSharedCounters } from "../../src/base/counters.ts";
import { asSsrc, type PathId, type RoomId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SLOT_BYTES } from "../../src/base/transmit-ring.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import type { MediaEvent, PayloadParams } from "../../src/contract/media.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { sealRing } from "../../src/core/seal-ring.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { SimLink } from "./sim-link.ts";
import { SimPeer } from "./sim-peer.ts";
import { CLOCK_RATE, EXTENSION_IDS, PAYLOAD_TYPE, RIDS } from "./sim-publisher.ts";

const ROOM = "room" as RoomId;
const TICK_US = 10_000;

const OPUS_PAYLOAD: PayloadParams = {
  payloadType: PAYLOAD_TYPE.opus,
  codec: "opus",
  clockRate: CLOCK_RATE.audio,
  profile: "",
};
const VP8_PAYLOAD: PayloadParams = {
  payloadType: PAYLOAD_TYPE.vp8,
  codec: "VP8",
  clockRate: CLOCK_RATE.video,
  profile: "",
  rtxPayloadType: PAYLOAD_TYPE.vp8Rtx,
};

export interface ConferenceOptions {
  readonly people: number;
  readonly loss: number;
  readonly seed: number;
}

interface Seat {
  readonly peer: SimPeer;
  path: PathId;
  readonly up: SimLink<Uint8Array>;
  readonly down: SimLink<Uint8Array>;
}

export class Conference {
  readonly core: MediaCore;
  readonly paths = new PathTable(64);
  readonly events: MediaEvent[] = [];
  readonly seats: Seat[] = [];
  nowUs = 1_000_000;
  /** Of everything that reached anybody, in order. */
  readonly digest: Hash = createHash("sha256");

  constructor({ people, loss, seed }: ConferenceOptions) {
    this.core = new MediaCore({
      counters: createSharedCounters(),
      paths: this.paths,
      ringSlots: 1024,
      ciphers: portableCipherFactory,
      seed,
    });
    const path = { delayUs: 30_000, jitterUs: 20_000, loss };
    for (let i = 0; i < people; i++) {
      this.seats.push({
        peer: new SimPeer(i, seed),
        path: this.paths.intern(`10.0.0.${i + 1}`, 50_000),
        up: new SimLink({ ...path, seed: seed * 1000 + i }),
        down: new SimLink({ ...path, seed: seed * 1000 + 500 + i }),
      });
    }
    for (const { peer } of this.seats) this.#open(peer);
    for (const { peer } of this.seats)
      for (const { peer: other } of this.seats) if (other !== peer) this.#watch(peer, other);
  }

  get people(): readonly SimPeer[] {
    return this.seats.map(({ peer }) => peer);
  }

  /** Lets `durationUs` pass in steps of one tick. */
  run(durationUs: number): void {
    for (const endUs = this.nowUs + durationUs; this.nowUs < endUs; this.nowUs += TICK_US) this.#step();
  }

  #open(peer: SimPeer): void {
    const { transportId } = peer;
    this.core.command(this.nowUs, {
      kind: "transport.open",
      transportId,
      roomId: ROOM,
      localIce: peer.serverIce,
      remoteIce: peer.ice,
      fingerprints: [],
      extensions: EXTENSION_IDS,
    });
    const audio = {
      trackId: peer.audioTrack,
      kind: "audio",
      mid: "0",
      payloads: [OPUS_PAYLOAD],
      rids: [],
      ssrcs: [],
    } as const;
    const video = {
      trackId: peer.videoTrack,
      kind: "video",
      mid: "1",
      payloads: [VP8_PAYLOAD],
      rids: RIDS,
      ssrcs: [],
    } as const;
    for (const track of [audio, video])
      this.core.command(this.nowUs, { kind: "up-track.add", transportId, track });
    this.core.receiveLetter(this.nowUs, {
      kind: "secure",
      transportId,
      keys: peer.serverKeys(SRTP_AEAD_AES_128_GCM),
    });
  }

  #watch(peer: SimPeer, other: SimPeer): void {
    const sections = [
      { kind: "audio", track: other.audioTrack, payload: OPUS_PAYLOAD, view: peer.viewOf(other, "audio") },
      { kind: "video", track: other.videoTrack, payload: VP8_PAYLOAD, view: peer.viewOf(other, "video") },
    ] as const;
    for (const { kind, track, payload, view } of sections) {
      const { subscriptionId, viewer } = view;
      const ids = { ssrc: asSsrc(viewer.ssrc), rtxSsrc: asSsrc(kind === "video" ? viewer.rtxSsrc : 0) };
      this.core.command(this.nowUs, {
        kind: "down-track.add",
        transportId: peer.transportId,
        downTrack: { subscriptionId, kind, mid: `${viewer.ssrc}`, cname: other.name, ...ids },
      });
      this.core.command(this.nowUs, {
        kind: "down-track.source",
        subscriptionId,
        source: { trackId: track, payload },
      });
    }
  }

  #step(): void {
    const { nowUs } = this;
    for (const { peer, up } of this.seats) for (const datagram of peer.tick(nowUs)) up.send(nowUs, datagram);
    for (const { path, up } of this.seats) {
      for (const datagram of up.arrivals(nowUs)) {
        this.core.receive(nowUs, datagram, datagram.length, path);
        this.#flush();
      }
    }
    this.core.tick(nowUs);
    this.#flush();
    for (const { peer, down } of this.seats) {
      for (const datagram of down.arrivals(nowUs)) {
        this.digest.update(`${peer.name} ${nowUs} `).update(datagram);
        peer.receive(datagram, nowUs);
      }
    }
  }

  /** What a thread's shell does at the end of a turn. */
  #flush(): void {
    const { ring, senders, events, letters } = this.core;
    sealRing(ring, senders);
    for (let row = 0; row < ring.count; row++) {
      const at = row * SLOT_BYTES;
      const seat = this.seats.find(({ path }) => path === ring.path[row]);
      seat?.down.send(this.nowUs, ring.slab.slice(at, at + ring.bytes[row]!));
    }
    ring.clear();
    this.events.push(...events.splice(0));
    letters.length = 0;
  }
}
