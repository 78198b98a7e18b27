/**
 * Goal: memory that is handed on from who has left to who comes never has a receiver sent a packet that is not its own,
 * whatever happens in between: waiting for the pacer, repairs, padding, restarts, other sources, and late packets.
 * Method: random events on a few tracks and receivers of one thread. Each packet says in its payload who sent it as what
 * and when; whatever leaves has to be of a source that its receiver had, and each number goes out once.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import {
  asSsrc,
  type ParticipantId,
  type PathId,
  type SubscriptionId,
  type TrackId,
} from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import { HIGHEST_LAYERS, NO_PREFERENCE } from "../../src/contract/media.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { DownStream } from "../../src/sfu/down-stream.ts";
import { DownTrack } from "../../src/sfu/down-track.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { PacketWriter } from "../../src/sfu/packet-writer.ts";
import { Retransmitter } from "../../src/sfu/retransmitter.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { extensionMap, upPacket } from "./packets.ts";
import { VP8 } from "./payloads.ts";

const MAP = extensionMap({ transportCc: 3 });
const PLACES = 3;
/** Of a payload: VP8 descriptor and frame header, then who sent it. */
const HEAD_BYTES = 2;
const hexOf = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, "0");

/** One publisher's track; `life` is no other's in the test. */
class Publisher {
  readonly track: UpTrack;
  readonly life: number;
  seq = 1;
  ssrc: number;
  /** Numbers that have not come. */
  missing: number[] = [];

  constructor(life: number) {
    this.life = life;
    this.ssrc = 1_000 * life;
    const params = {
      trackId: `TR${life}` as TrackId,
      publisher: "PA" as ParticipantId,
      kind: "video",
      mid: "0",
      payloads: [VP8],
      rids: [],
      ssrcs: [],
      content: "camera",
    } as const;
    this.track = new UpTrack(params, MAP);
  }

  /** Its numbers begin anew, as those that were sent before. */
  restart(): void {
    this.ssrc += 1;
    this.seq = 1;
    this.missing = [];
  }

  /** Its receivers write into `ring`. */
  send(seq: number, isKey: boolean, bytes: number, ring: TransmitRing, nowUs: number): void {
    const content = hexOf(this.ssrc, 4) + hexOf(seq, 4);
    const payload = (isKey ? "1000" : "1001") + content.repeat(Math.ceil(bytes / 8));
    const packet = upPacket(MAP, { ssrc: this.ssrc, seq, timestamp: 3_000 * seq, payload });
    packet.receivedUs = nowUs;
    packet.nowUs = nowUs;
    const known = this.track.streams[0];
    const stream = known?.ssrc === this.ssrc ? known : this.track.startStream(asSsrc(this.ssrc), 0, VP8);
    expect(stream.isDuplicate(seq), "nothing is known of what has not come").toBe(false);
    stream.accept(packet, VP8);
    this.track.onPayload(VP8);
    this.track.forward([packet], 1, ring);
  }
}

class Thread {
  readonly ring = new TransmitRing(4096);
  readonly context = createCoreContext(this.ring, createSharedCounters());
  readonly publishers: Publisher[] = [];
  readonly downTracks: DownTrack[] = [];
  readonly controller: SendController;
  readonly retransmitter: Retransmitter;
  nowUs = 1_000_000;
  #lives = 0;
  /** By SSRC sent: tracks that it ever had as its source. */
  readonly #sources = new Map<number, Set<number>>();
  readonly #numbers = new Map<number, Set<number>>();
  /** By SSRC and number of what was sent first, for its repairs. */
  readonly #first = new Map<string, string>();

  constructor() {
    const outlet = new Outlet(0, this.context.rests);
    outlet.path = 1 as PathId;
    outlet.secure = true;
    this.controller = new SendController(outlet, MAP, this.context);
    this.retransmitter = new Retransmitter(this.controller, this.context);
    for (let place = 0; place < PLACES; place++) {
      this.publishers.push(this.#publisher());
      this.downTracks.push(this.#downTrack());
      this.connect(place, place);
    }
    this.controller.tick(this.nowUs, this.downTracks);
  }

  connect(place: number, to: number): void {
    const downTrack = this.downTracks[place]!;
    const { track, life } = this.publishers[to]!;
    this.#sources.get(downTrack.params.ssrc)!.add(life);
    downTrack.setSource({ track, payload: VP8 }, this.nowUs);
    const allocation = { choice: 0, reason: { kind: "complete" } } as const;
    downTrack.allot({ ...HIGHEST_LAYERS, bitrateBps: 0 }, allocation, Number.POSITIVE_INFINITY, this.nowUs);
  }

  /** As a publisher leaves and another comes. */
  replacePublisher(place: number): void {
    this.publishers[place]!.track.end(this.nowUs);
    this.publishers[place] = this.#publisher();
  }

  /** As `Transport.removeDownTrack` and `addDownTrack` do. */
  replaceReceiver(place: number): void {
    const former = this.downTracks[place]!;
    former.setSource(null, this.nowUs);
    former.stream.sent.free();
    this.downTracks[place] = this.#downTrack();
    this.connect(place, place);
  }

  tick(): void {
    this.nowUs += 5_000;
    for (const downTrack of this.downTracks) downTrack.closeGaps(this.nowUs);
    this.controller.tick(this.nowUs, this.downTracks);
  }

  /** Looks at all that has gone out since. */
  check(): void {
    for (let row = 0; row < this.ring.count; row++) {
      const at = row * SLOT_BYTES;
      this.#look(this.ring.slab.slice(at, at + this.ring.bytes[row]!), this.ring.extSeq[row]!);
    }
    this.ring.clear();
  }

  #look(bytes: Uint8Array, extSeq: number): void {
    const header = new RtpHeader();
    expect(parseRtpHeader(bytes, bytes.length, header)).toBe(true);
    const { ssrc, headerBytes } = header;
    const numbers = this.#numbers.get(ssrc)!;
    expect(numbers.has(extSeq), "a number goes out once").toBe(false);
    numbers.add(extSeq);
    if ((bytes[0]! & 0x20) !== 0) return;
    const isRepair = ssrc % 2 === 1;
    const mediaSsrc = isRepair ? ssrc - 1 : ssrc;
    const payload = Buffer.from(bytes.subarray(headerBytes + (isRepair ? 2 : 0)));
    if (payload.length === 0) return;
    const content = payload.toString("hex", HEAD_BYTES);
    expect(content, "all of it is one packet").toBe(content.slice(0, 16).repeat(content.length / 16));
    const life = Math.floor(payload.readUInt32BE(HEAD_BYTES) / 1_000);
    expect(this.#sources.get(mediaSsrc)!.has(life), "it is of a source that the receiver had").toBe(true);
    const original = isRepair ? (bytes[headerBytes]! << 8) | bytes[headerBytes + 1]! : header.seq;
    const key = `${mediaSsrc} ${original}`;
    const first = this.#first.get(key) ?? content;
    expect(content, "a repair is what went out first").toBe(first);
    this.#first.set(key, content);
  }

  #publisher(): Publisher {
    return new Publisher(++this.#lives);
  }

  #downTrack(): DownTrack {
    const ssrc = 2 * ++this.#lives;
    for (const sent of [ssrc, ssrc + 1]) this.#numbers.set(sent, new Set());
    this.#sources.set(ssrc, new Set());
    const params = {
      subscriptionId: `SU${ssrc}` as SubscriptionId,
      kind: "video",
      mid: "0",
      cname: "c",
      ssrc: asSsrc(ssrc),
      rtxSsrc: asSsrc(ssrc + 1),
    } as const;
    const writer = new PacketWriter(MAP, "0");
    const stream = new DownStream(params.ssrc, params.rtxSsrc, writer, this.controller, this.context);
    return new DownTrack(params, stream, this.controller, this.context);
  }
}

const place = fc.nat(PLACES - 1);
const event = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("burst"),
      place,
      count: fc.nat(120),
      bytes: fc.integer({ min: 8, max: 1_000 }),
      lost: fc.nat(7),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("late"), place, count: fc.nat(10) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("tick"), count: fc.nat(20) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("nack"), place, count: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pad"), place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart"), place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pause"), place, paused: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("connect"), place, to: place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("publisher"), place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("receiver"), place }) },
) as fc.Arbitrary<Event>;

interface Place {
  readonly place: number;
}

type Event =
  | (Place & {
      readonly kind: "burst";
      readonly count: number;
      readonly bytes: number;
      readonly lost: number;
    })
  | (Place & { readonly kind: "late" | "nack"; readonly count: number })
  | { readonly kind: "tick"; readonly count: number }
  | (Place & { readonly kind: "pad" | "restart" | "publisher" | "receiver" })
  | (Place & { readonly kind: "pause"; readonly paused: boolean })
  | (Place & { readonly kind: "connect"; readonly to: number });

function happen(thread: Thread, event: Event): void {
  const { nowUs } = thread;
  switch (event.kind) {
    case "burst": {
      const publisher = thread.publishers[event.place]!;
      for (let i = 0; i < event.count; i++) {
        const seq = publisher.seq++;
        // One of eight is missing, or none.
        if (i % 8 === event.lost && event.lost > 0) publisher.missing.push(seq);
        else publisher.send(seq, i === 0, event.bytes, thread.ring, nowUs);
      }
      return;
    }
    case "late": {
      const publisher = thread.publishers[event.place]!;
      for (const seq of publisher.missing.splice(0, event.count))
        publisher.send(seq, false, 64, thread.ring, nowUs);
      return;
    }
    case "tick":
      for (let i = 0; i < event.count; i++) thread.tick();
      return;
    case "nack": {
      const downTrack = thread.downTracks[event.place]!;
      const { highestOut } = downTrack.stream.numbers.seq;
      for (let back = 0; back < event.count && back < highestOut; back++)
        thread.retransmitter.onNack(downTrack, (highestOut - back) & 0xffff, nowUs);
      return;
    }
    case "pad":
      thread.downTracks[event.place]!.pad(nowUs);
      return;
    case "restart":
      return thread.publishers[event.place]!.restart();
    case "pause":
      return thread.downTracks[event.place]!.setPreference({ ...NO_PREFERENCE, paused: event.paused }, nowUs);
    case "connect":
      return thread.connect(event.place, event.to);
    case "publisher":
      return thread.replacePublisher(event.place);
    case "receiver":
      return thread.replaceReceiver(event.place);
    default:
      return event satisfies never;
  }
}

test("nobody is sent what is another's, and no number twice", () => {
  let seen = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 20, maxLength: 80 }), (events) => {
      const thread = new Thread();
      for (const one of events) {
        happen(thread, one);
        seen += thread.ring.count;
        thread.check();
      }
      for (let i = 0; i < 200; i++) thread.tick();
      thread.check();
    }),
    { numRuns: 50 },
  );
  expect(seen).toBeGreaterThan(2_000);
});
