/**
 * Goal: a publisher that names several encodings and sends all its spatial layers in one of them (VP9 and AV1 of Safari and
 * React Native) is forwarded layer by layer, as if it had named none; real simulcast is not taken for that.
 * Method: packets as such clients send them, one by one, on a track with three rids; what leaves is read back.
 */
import { describe, expect, test } from "vitest";
import { HIGHEST_LAYERS, NO_PREFERENCE } from "../../src/contract/media.ts";
import { VP9 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

const RIDS = ["q", "h", "f"];

/** Three spatial layers without Dependency Descriptor; only the key picture says how many there are. */
const KEY = ["2e000040aa", "2c0300bb", "2c0500cc"];
const DELTA = ["6c0000aa", "6c0300bb", "6c0500cc"];

class Publisher {
  readonly receiver = new ReceivedTrack("video", [VP9], VP9, { rids: RIDS });
  readonly #seqs = [1, 1, 1];
  #pictures = 0;

  /** A picture in one encoding, and the look at all receivers that follows. */
  send(encoding: number, picture: readonly string[]): void {
    const { receiver } = this;
    this.#pictures += 1;
    picture.forEach((payload, at) => {
      receiver.publish({
        ssrc: 11 + encoding,
        encoding,
        payloadType: 98,
        seq: this.#seqs[encoding]!++,
        timestamp: this.#pictures * 3000,
        payload,
        marker: at === picture.length - 1,
      });
    });
    receiver.track.tick(receiver.nowUs, receiver.context.events);
  }

  /** Starts and goes on, with a key picture whenever one is asked for. */
  run(encoding: number, pictures: number, key = KEY, delta = DELTA): void {
    for (let n = 0; n < pictures; n++) {
      const asked = this.receiver.track.streams[encoding]?.keyframes.poll(this.receiver.nowUs, 0) ?? true;
      this.send(encoding, asked ? key : delta);
    }
  }

  prefer(spatial: number): void {
    const layers = { spatial, temporal: HIGHEST_LAYERS.temporal };
    this.receiver.downTrack.setPreference({ ...NO_PREFERENCE, preferred: layers }, this.receiver.nowUs);
  }

  /** The last byte of what leaves while `pictures` come: which layers they are of. */
  layersOf(encoding: number, pictures: number): Set<string> {
    const before = this.receiver.packets.length;
    this.run(encoding, pictures);
    return new Set(this.receiver.packets.slice(before).map(({ payload }) => payload.at(-1)!.toString(16)));
  }
}

describe("all layers in one of three encodings", () => {
  test("a receiver gets those that it wants, and its picture ends with the last of them", () => {
    const publisher = new Publisher();
    publisher.run(2, 20);
    expect(publisher.layersOf(2, 3)).toEqual(new Set(["aa", "bb", "cc"]));
    expect(publisher.receiver.downTrack.current).toEqual({ spatial: 2, temporal: 0 });
    publisher.prefer(0);
    publisher.run(2, 20);
    expect(publisher.layersOf(2, 3)).toEqual(new Set(["aa"]));
    expect(publisher.receiver.downTrack.current).toEqual({ spatial: 0, temporal: 0 });
    expect(publisher.receiver.packets.at(-1)!.header.marker).toBe(true);
    publisher.prefer(1);
    publisher.run(2, 50);
    expect(publisher.layersOf(2, 3)).toEqual(new Set(["aa", "bb"]));
  });

  test("the ways up are its spatial layers, and so is what is measured", () => {
    const publisher = new Publisher();
    publisher.run(2, 20);
    const { track, nowUs } = publisher.receiver;
    expect(track.ladder(HIGHEST_LAYERS, nowUs).map(({ spatial }) => spatial)).toEqual([0, 1, 2]);
    expect(track.stats(nowUs).layers.map(({ spatial, rid }) => [spatial, rid])).toEqual([
      [0, "f"],
      [1, "f"],
      [2, "f"],
    ]);
  });

  test("goes on so where the encoding starts anew", () => {
    const publisher = new Publisher();
    publisher.run(2, 20);
    publisher.prefer(0);
    publisher.run(2, 20);
    const { track, nowUs } = publisher.receiver;
    track.startStream(99 as never, 2, VP9);
    expect(track.ladder(HIGHEST_LAYERS, nowUs + 1_000_000)).toEqual([]);
    expect(track.isSimulcast).toBe(false);
  });
});

describe("simulcast", () => {
  test("of encodings with one layer each is that while only one has come", () => {
    const publisher = new Publisher();
    publisher.run(0, 20, ["0c00aa"], ["4c00aa"]);
    expect(publisher.receiver.track.isSimulcast).toBe(true);
  });

  test("of encodings that have spatial layers each is that as soon as a second one comes", () => {
    const publisher = new Publisher();
    publisher.run(0, 20);
    expect(publisher.receiver.track.isSimulcast).toBe(false);
    for (let n = 0; n < 40; n++) {
      publisher.run(0, 1);
      publisher.run(1, 1);
    }
    const { track, downTrack } = publisher.receiver;
    expect(track.isSimulcast).toBe(true);
    expect(downTrack.current).toEqual({ spatial: 1, temporal: 0 });
    expect(publisher.layersOf(1, 3)).toEqual(new Set(["aa", "bb", "cc"]));
    expect(publisher.layersOf(0, 3)).toEqual(new Set());
  });

  test("a second encoding does not come into the numbering of the first", () => {
    const publisher = new Publisher();
    publisher.run(0, 20);
    const { receiver } = publisher;
    const before = receiver.packets.length;
    receiver.publish({
      ssrc: 12,
      encoding: 1,
      payloadType: 98,
      seq: 1000,
      timestamp: 90_000,
      payload: KEY[0]!,
    });
    receiver.publish({
      ssrc: 12,
      encoding: 1,
      payloadType: 98,
      seq: 1001,
      timestamp: 90_000,
      payload: KEY[1]!,
    });
    expect(receiver.packets.length).toBe(before);
  });
});
