/**
 * Goal: packets of a picture that are forwarded together reach each receiver as if they had been forwarded one by one.
 * Method: the same packets, some lost and some late, to a receiver of runs and to one of single packets; and runs whose
 * packets are recorded.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { PacketRun } from "../../src/sfu/packet-run.ts";
import type { UpPacket } from "../../src/sfu/up-packet.ts";
import type { UpTrack } from "../../src/sfu/up-track.ts";
import { toHex } from "../rtp/hex.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";
import { VP8, VP9 } from "./payloads.ts";
import { type Published, ReceivedTrack } from "./received-track.ts";

const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

interface Picture {
  readonly isKey: boolean;
  readonly packets: number;
  readonly hasMarker: boolean;
}

/** VP8 with picture ids and TL0PICIDX. */
function vp8(picture: Picture, number: number, packet: number): string {
  const start = packet === 0 ? "90" : "80";
  return `${start}e0${hexOf(0x8000 | number, 4)}${hexOf(number & 0xff, 2)}00${picture.isKey ? "00" : "01"}${hexOf(packet, 2)}`;
}

/** VP9 of as many spatial layers as there are packets, up to three; only its key pictures say how many. */
function vp9({ isKey, packets }: Picture, _number: number, packet: number): string {
  const spatial = Math.min(packet, 2);
  if (!isKey) return `6c${hexOf(2 * spatial, 2)}00${hexOf(packet, 2)}`;
  if (packet > 0) return `2c${hexOf(2 * spatial + 1, 2)}00${hexOf(packet, 2)}`;
  return `2e0000${hexOf((Math.min(packets, 3) - 1) << 5, 2)}00`;
}

interface Sent {
  readonly picture: Picture;
  /** For each of its packets: lost where it is null, else so many packets late. */
  readonly delays: readonly (number | null)[];
}

const sent: fc.Arbitrary<Sent> = fc
  .record({
    picture: fc.record({
      isKey: fc.boolean(),
      packets: fc.integer({ min: 1, max: 20 }),
      hasMarker: fc.boolean(),
    }),
    seed: fc.array(
      fc.oneof(
        { weight: 12, arbitrary: fc.constant<number | null>(0) },
        { weight: 1, arbitrary: fc.constant<number | null>(null) },
        { weight: 2, arbitrary: fc.integer({ min: 1, max: 30 }) },
      ),
      { minLength: 20, maxLength: 20 },
    ),
  })
  .map(({ picture, seed }) => ({ picture, delays: seed.slice(0, picture.packets) }));

/** The packets in the order in which they come. */
function arriving(pictures: readonly Sent[], payloadOf: typeof vp8, payloadType: number): Published[] {
  let seq = 0;
  const all: { readonly at: number; readonly packet: Published }[] = [];
  for (const [number, { picture, delays }] of pictures.entries()) {
    for (const [i, delay] of delays.entries()) {
      seq += 1;
      if (delay === null) continue;
      const payload = payloadOf(picture, number, i);
      const marker = picture.hasMarker && i === delays.length - 1;
      all.push({
        at: seq + delay,
        packet: { payloadType, seq, timestamp: 3_000 * number, payload, marker },
      });
    }
  }
  return all.sort((a, b) => a.at - b.at).map(({ packet }) => packet);
}

test.each([
  { codec: VP8, payloadOf: vp8 },
  { codec: VP9, payloadOf: vp9 },
])("a receiver gets of a run what it would get of single packets: $codec.codec", ({ codec, payloadOf }) => {
  fc.assert(
    fc.property(fc.array(sent, { minLength: 1, maxLength: 8 }), (pictures) => {
      const packets = arriving(pictures, payloadOf, codec.payloadType);
      const outcome = (inRuns: boolean): object => {
        const received = new ReceivedTrack("video", [codec], codec, { inRuns, spacingUs: 0 });
        for (const packet of packets) received.publish(packet);
        received.context.run.forward();
        const asked = received.track.streams[0]?.keyframes.poll(received.nowUs, 0);
        return { sent: received.sent("numbered"), asked, counters: [...received.context.counters] };
      };
      expect(outcome(true)).toEqual(outcome(false));
    }),
    { numRuns: 300 },
  );
});

/** Notes the sequence numbers of each run that it forwards. */
class Recorder {
  readonly runs: number[][] = [];
  readonly track: UpTrack;

  constructor(kind: "audio" | "video" = "video") {
    const forward = (packets: readonly UpPacket[], count: number): void => {
      this.runs.push(packets.slice(0, count).map(({ header }) => header.seq));
    };
    this.track = { params: { kind }, forward } as unknown as UpTrack;
  }
}

describe("a run", () => {
  const bring = (
    run: PacketRun,
    { track }: Recorder,
    options: PacketOptions & { readonly marker?: boolean },
    source: object = track,
  ): void => {
    const packet = upPacket(extensionMap({}), options);
    packet.header.marker = options.marker === true;
    run.admit(source, packet.header);
    run.add(track, packet);
  };

  test.each<{ name: string; change: PacketOptions }>([
    { name: "picture", change: { timestamp: 1 } },
    { name: "stream", change: { ssrc: 2 } },
    { name: "payload type", change: { payloadType: 97 } },
  ])("ends before a packet of another $name", ({ change }) => {
    const [run, recorder] = [new PacketRun(new TransmitRing(16)), new Recorder()];
    bring(run, recorder, { seq: 1 });
    bring(run, recorder, { seq: 2 });
    bring(run, recorder, { seq: 3, ...change });
    expect(recorder.runs).toEqual([[1, 2]]);
    run.forward();
    expect(recorder.runs).toEqual([[1, 2], [3]]);
    run.forward();
    expect(recorder.runs).toHaveLength(2);
  });

  test("ends before a packet of another publisher under the same SSRC", () => {
    const run = new PacketRun(new TransmitRing(16));
    const [one, other] = [new Recorder(), new Recorder()];
    bring(run, one, { seq: 1 });
    bring(run, other, { seq: 2 });
    run.forward();
    expect([one.runs, other.runs]).toEqual([[[1]], [[2]]]);
  });

  test("is forwarded at the last packet of a picture, at once where it is full, and for each packet of a voice", () => {
    const run = new PacketRun(new TransmitRing(16));
    const [video, voice] = [new Recorder(), new Recorder("audio")];
    bring(run, video, { seq: 1 });
    bring(run, video, { seq: 2, marker: true });
    expect(video.runs).toEqual([[1, 2]]);
    for (let seq = 3; seq < 20; seq++) bring(run, video, { seq, timestamp: 1 });
    expect(video.runs[1]).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    expect(video.runs).toHaveLength(2);
    bring(run, voice, { seq: 1 });
    expect([video.runs.at(-1), voice.runs]).toEqual([[19], [[1]]]);
  });

  test("leaves the packet that is being received as it is", () => {
    const [run, recorder] = [new PacketRun(new TransmitRing(16)), new Recorder()];
    const fill = (seq: number, timestamp: number): UpPacket => {
      const { next } = run;
      next.header.seq = seq;
      next.header.timestamp = timestamp;
      run.admit(recorder, next.header);
      return next;
    };
    for (let seq = 1; seq <= 3; seq++) run.add(recorder.track, fill(seq, 0));
    const other = fill(4, 1);
    expect(run.next).toBe(other);
    run.add(recorder.track, other);
    run.add(recorder.track, fill(5, 1));
    run.forward();
    expect(recorder.runs).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });
});

test.each([100, 4_000])("a packet that is kept in a run is a copy: buffer of %i bytes", (size) => {
  const packet = upPacket(extensionMap({}), { payload: "aabbcc" });
  const received = Buffer.alloc(size);
  received.set(packet.bytes);
  packet.bytes = received;
  packet.keep();
  received.fill(0);
  expect(toHex(packet.payload)).toBe("aabbcc");
  expect(packet.bytes[1]).toBe(96);
});
