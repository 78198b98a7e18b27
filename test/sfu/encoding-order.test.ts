/**
 * Goal: where RIDs do not tell the order of the encodings, the bitrates do, once and for all; what is being sent goes on.
 * Method: a publisher that names its highest encoding first, as OBS does, with one receiver; what leaves is read back.
 */
import { describe, expect, test } from "vitest";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { EncodingOrder } from "../../src/sfu/encoding-order.ts";
import type { UpStream } from "../../src/sfu/up-stream.ts";
import { VP8 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

const SECOND_US = 1_000_000;
const LOOK_US = 50_000;

/** Streams of these bitrates; 0 is one that is not sent. */
class Streams {
  readonly #order = new EncodingOrder();
  readonly #bytes: number[];
  #nowUs = 0;

  constructor(count: number) {
    this.#bytes = new Array<number>(count).fill(0);
  }

  /** What was found in the meantime. */
  run(seconds: number, kbps: readonly number[]): readonly (readonly number[])[] {
    const found: (readonly number[])[] = [];
    for (const endUs = this.#nowUs + seconds * SECOND_US; this.#nowUs < endUs; this.#nowUs += LOOK_US) {
      kbps.forEach((rate, index) => {
        this.#bytes[index]! += (rate * 1000 * LOOK_US) / (8 * SECOND_US);
      });
      const streams = this.#bytes.map((bytes, index) => ({
        isActive: () => kbps[index]! > 0,
        rate: { bytes },
      }));
      const order = this.#order.find(streams as unknown as UpStream[], streams.length, this.#nowUs);
      if (order !== null) found.push(order);
    }
    return found;
  }
}

describe("the order of encodings", () => {
  test.each([
    ["highest first", [4000, 1500, 500], [2, 1, 0]],
    ["in no order", [1500, 4000, 500], [2, 0, 1]],
    ["two, highest first", [1500, 500], [1, 0]],
  ])("%s: found once, after three seconds", (_name, kbps, expected) => {
    const streams = new Streams(kbps.length);
    expect(streams.run(2.9, kbps)).toEqual([]);
    expect(streams.run(0.2, kbps)).toEqual([expected]);
    // Encodings of other sizes would be a publisher's own wish.
    expect(streams.run(10, kbps.toReversed())).toEqual([]);
  });

  test("lowest first: as assumed, however near they are", () => {
    const streams = new Streams(3);
    expect(streams.run(4, [500, 510, 520])).toEqual([]);
    expect(streams.run(10, [4000, 1500, 500])).toEqual([]);
  });

  test.each([
    ["a still picture in this order", [25, 100]],
    ["one in another", [100, 25]],
    ["encodings that are near each other", [1500, 1200]],
  ])("%s: tells nothing, and is measured again", (_name, kbps) => {
    const streams = new Streams(2);
    expect(streams.run(7, kbps)).toEqual([]);
    expect(streams.run(7, [1500, 500])).toEqual([[1, 0]]);
  });

  test("is looked for only while all are sent", () => {
    const streams = new Streams(3);
    expect(streams.run(10, [1500, 500, 0])).toEqual([]);
    expect(streams.run(2, [1500, 500, 4000])).toEqual([]);
    expect(streams.run(0.1, [0, 500, 4000])).toEqual([]);
    expect(streams.run(2.9, [1500, 500, 4000])).toEqual([]);
    expect(streams.run(0.2, [1500, 500, 4000])).toEqual([[1, 0, 2]]);
  });
});

const KEY = "1000";
const DELTA = "1001";

/** Packets in a picture of each encoding. */
const PACKETS = [4, 2, 1];

class HighestFirst {
  readonly receiver = new ReceivedTrack("video", [VP8], VP8, {
    rids: ["0", "1", "2"],
    isOrderGuessed: true,
    spacingUs: 4_000,
  });
  readonly #seqs = [1, 1, 1];
  #pictures = 0;

  get #track() {
    return this.receiver.track;
  }

  /** A picture in each encoding, whose payloads end with its RID; then the tick. */
  #picture(): void {
    const { receiver } = this;
    this.#pictures += 1;
    PACKETS.forEach((packets, at) => {
      const ssrc = 11 + at;
      const stream = this.#track.streams.find((one) => one?.ssrc === ssrc);
      const isKey = stream === undefined || stream.keyframes.poll(receiver.nowUs, 0);
      for (let packet = 0; packet < packets; packet++) {
        receiver.publish({
          ssrc,
          encoding: stream?.encoding ?? at,
          seq: this.#seqs[at]!++,
          timestamp: this.#pictures * 3000,
          payload: `${packet > 0 ? "00" : isKey ? KEY : DELTA}${"00".repeat(900)}0${at}`,
          marker: packet === packets - 1,
        });
      }
    });
    receiver.context.run.forward();
    this.#track.tick(receiver.nowUs, receiver.context.events);
  }

  /** RIDs of what the receiver is sent while so many pictures come, in order, without repetitions. */
  run(pictures: number): string[] {
    const rids: string[] = [];
    for (let n = 0; n < pictures; n++) {
      this.#picture();
      for (const { payload } of this.receiver.packets) {
        const rid = String(payload.at(-1));
        if (rids.at(-1) !== rid) rids.push(rid);
      }
      this.receiver.ring.clear();
    }
    return rids;
  }

  prefer(spatial: number): void {
    const preference = { ...NO_PREFERENCE, preferred: { spatial, temporal: 7 } };
    this.receiver.downTrack.setPreference(preference, this.receiver.nowUs);
  }

  get stats() {
    return this.#track.stats(this.receiver.nowUs).layers.map(({ spatial, rid }) => [spatial, rid]);
  }
}

/** Until the order is found: pictures of 28 ms. */
const MEASURED = 140;

describe("a publisher that names its highest encoding first", () => {
  test("a receiver that wants all gets the lowest, and then the highest, without a break", () => {
    const publisher = new HighestFirst();
    expect(publisher.run(90).at(-1)).toBe("2");
    expect(publisher.run(MEASURED)).toEqual(["2", "0"]);
    expect(publisher.receiver.downTrack.current).toEqual({ spatial: 2, temporal: 0 });
    expect(publisher.stats).toEqual([
      [0, "2"],
      [1, "1"],
      [2, "0"],
    ]);
  });

  test("one that wants the lowest is sent what it asks for", () => {
    const publisher = new HighestFirst();
    publisher.prefer(0);
    expect(publisher.run(90)).toEqual(["0"]);
    expect(publisher.run(MEASURED)).toEqual(["0", "2"]);
    publisher.prefer(1);
    expect(publisher.run(MEASURED)).toEqual(["1"]);
  });

  test("what is being sent has its new place at once", () => {
    const publisher = new HighestFirst();
    while (publisher.stats[0]?.[1] !== "2") publisher.run(1);
    expect(publisher.receiver.downTrack.encoding).toBe(0);
    expect(publisher.receiver.downTrack.current).toEqual({ spatial: 0, temporal: 0 });
  });

  test("what was sent before is repaired with the same", () => {
    const publisher = new HighestFirst();
    const { receiver } = publisher;
    publisher.run(60);
    while (!publisher.run(1).includes("0")) {}
    const { stream } = receiver.downTrack;
    const before = stream.numbers.seq.highestOut - 12;
    receiver.downTrack.release(before, receiver.nowUs);
    expect(receiver.packets.at(-1)!.payload.at(-1)).toBe(2);
    expect(receiver.packets.at(-1)!.header.seq).toBe(before);
  });
});
