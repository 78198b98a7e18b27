/**
 * Goal: what one receiver is sent of a video goes on, and in its numbers, whatever its publisher does with layers,
 * structures and picture ids.
 * Method: packets as clients send them, one by one; what leaves is read back from the transmit ring.
 */
import { describe, expect, test } from "vitest";
import { HIGHEST_LAYERS, NO_PREFERENCE } from "../../src/contract/media.ts";
import { EXTENSION } from "../../src/rtp/header-extensions.ts";
import { OSN_BYTES, UpPacket } from "../../src/sfu/up-packet.ts";
import { toHex } from "../rtp/hex.ts";
import { extensionMap } from "./packets.ts";
import { AV1, H264, VP8, VP9 } from "./payloads.ts";
import { ReceivedTrack, type SentPacket } from "./received-track.ts";
import { VP8_L1T3 } from "./structures.ts";

const DESCRIPTOR = 7;

/** The structure VP8_L1T3 as a key frame brings it, with template ids that begin at 0 or behind those. */
const STRUCTURE = "8002044eaaaf2860414d34538a0940404fc02cc0";
const NEXT_STRUCTURE = "80e2044eaaaf2860414d34538a0940404fc02cc0";
const NEXT_IDS = 7;
/** Of one layer, as Chromium sends it. */
const L1T1 = "80003a4101809f805980";
const KEY = VP8_L1T3.templates.findIndex(({ independent }) => independent);
const BASE = VP8_L1T3.templates.findIndex(({ temporal, independent }) => temporal === 0 && !independent);
const STARTS = 0x80;
const ENDS = 0x40;

/** An extension block with a Dependency Descriptor of which `first` is the first byte. */
function descriptor(first: number, frame: number, structure = ""): string {
  const body = `${first.toString(16).padStart(2, "0")}${frame.toString(16).padStart(4, "0")}${structure}`;
  const element = `${DESCRIPTOR.toString(16).padStart(2, "0")}${(body.length / 2).toString(16).padStart(2, "0")}${body}`;
  const words = Math.ceil(element.length / 8);
  return `1000${words.toString(16).padStart(4, "0")}${element.padEnd(words * 8, "0")}`;
}

/** Sequence number and frame number. */
function numbersOf({ header, extensions, bytes }: SentPacket): [number, number] {
  const at = extensions.at[EXTENSION.dependencyDescriptor]!;
  return [header.seq, (bytes[at + 1]! << 8) | bytes[at + 2]!];
}

test("VP9 of three spatial layers without descriptor: who gets the top layer asks for no key frames", () => {
  const receiver = new ReceivedTrack("video", [VP9]);
  // Only the key picture says how many layers there are (V, three spatial layers).
  const KEY = ["2e000040aa", "2c0300bb", "2c0500cc"];
  const DELTA = ["6c0000aa", "6c0300bb", "6c0500cc"];
  let seq = 1;
  const publish = (picture: readonly string[], timestamp: number): void => {
    picture.forEach((payload, spatial) => {
      receiver.publish({ payloadType: 98, seq: seq++, timestamp, payload, marker: spatial === 2 });
    });
  };
  publish(KEY, 0);
  expect(receiver.downTrack.current).toEqual({ spatial: 2, temporal: 0 });
  const { keyframes } = receiver.track.streams[0]!;
  expect(keyframes.poll(receiver.nowUs, 0)).toBe(false);
  let requests = 0;
  for (let n = 1; n < 50; n++) {
    publish(DELTA, n * 3000);
    if (keyframes.poll(receiver.nowUs, 0)) requests += 1;
  }
  expect(receiver.packets.length).toBe(150);
  expect(requests).toBe(0);
});

test("VP9: a base frame that comes late ends no picture that has begun", () => {
  const receiver = new ReceivedTrack("video", [VP9]);
  const publish = (seq: number, picture: number, payload: string): void => {
    const marker = payload.endsWith("cc");
    receiver.publish({ payloadType: 98, seq, timestamp: picture * 3000, payload, marker });
  };
  ["2e000040aa", "2c0300bb", "2c0500cc"].forEach((payload, at) => {
    publish(1 + at, 0, payload);
  });
  // Missing: 4, of the base frame.
  publish(5, 1, "6c0300bb");
  publish(6, 1, "6c0500cc");
  publish(7, 2, "6c0000aa");
  publish(8, 2, "6c0300bb");
  const lowest = { spatial: 0, temporal: 7 };
  receiver.downTrack.setPreference({ ...NO_PREFERENCE, preferred: lowest }, receiver.nowUs);
  publish(4, 1, "6c0000aa");
  publish(9, 2, "6c0500cc");
  ["6c0000aa", "6c0300bb", "6c0500cc"].forEach((payload, at) => {
    publish(10 + at, 3, payload);
  });
  const last = receiver.packets.slice(-3);
  expect(last.map(({ header, payload }) => `${header.timestamp} ${payload.at(-1)!.toString(16)}`)).toEqual([
    "3000 aa",
    "6000 cc",
    "9000 aa",
  ]);
  expect(last.map(({ header }) => header.marker)).toEqual([false, true, true]);
});

test("VP9 of eight spatial layers costs its receivers no less than it does", () => {
  const receiver = new ReceivedTrack("video", [VP9]);
  const PICTURES = 30;
  let seq = 1;
  for (let n = 0; n < PICTURES; n++) {
    for (let spatial = 0; spatial < 8; spatial++) {
      const layer = (2 * spatial).toString(16).padStart(2, "0");
      const [first, structure] = n === 0 && spatial === 0 ? ["2e", "e0"] : [n === 0 ? "2c" : "6c", ""];
      const payload = `${first}${layer}00${structure}aabb`;
      receiver.publish({ payloadType: 98, seq: seq++, timestamp: n * 3000, payload, marker: spatial === 7 });
    }
  }
  expect(receiver.packets.length).toBe(8 * PICTURES);
  const costs = receiver.track.ladder(HIGHEST_LAYERS, receiver.nowUs).map(({ bitrateBps }) => bitrateBps);
  expect(costs).toHaveLength(4);
  const rising = [...costs].sort((a, b) => a - b);
  expect(costs).toEqual(rising);
  expect(costs[0]).toBeGreaterThan(0);
});

/** A key frame of H.264 as libwebrtc sends it: the sets in one packet, the IDR slice in others; and another frame. */
const H264_SETS = "7800026742000268ce";
const [IDR_BEGINS, IDR_ENDS, SLICE] = ["7c85aa", "7c45bb", "61cc"];

describe("H.264", () => {
  test("starts with the parameter sets, also where those come late", () => {
    const receiver = new ReceivedTrack("video", [H264]);
    const publish = (seq: number, picture: number, payload: string): void => {
      receiver.publish({ payloadType: 102, seq, timestamp: picture * 3000, payload });
    };
    receiver.downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, receiver.nowUs);
    [H264_SETS, IDR_BEGINS, IDR_ENDS].forEach((payload, at) => {
      publish(1 + at, 1, payload);
    });
    publish(4, 2, SLICE);
    receiver.downTrack.setPreference(NO_PREFERENCE, receiver.nowUs);
    // Missing: 5, with the sets of the next key frame.
    [IDR_BEGINS, IDR_ENDS].forEach((payload, at) => {
      publish(6 + at, 10, payload);
    });
    publish(8, 11, SLICE);
    expect(receiver.sent()).toEqual([]);
    publish(5, 10, H264_SETS);
    publish(9, 12, SLICE);
    const frames = [H264_SETS, IDR_BEGINS, IDR_ENDS, SLICE, SLICE];
    expect(receiver.sent()).toEqual(frames.map((payload) => `102 ${payload}`));
  });

  test("starts with the IDR slice where the parameter sets came once, or never", () => {
    const receiver = new ReceivedTrack("video", [H264]);
    let seq = 1;
    const publish = (picture: number, payload: string): void => {
      receiver.publish({ payloadType: 102, seq: seq++, timestamp: picture * 3000, payload });
    };
    publish(1, SLICE);
    publish(2, IDR_BEGINS);
    publish(3, H264_SETS);
    receiver.downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, receiver.nowUs);
    publish(3, IDR_BEGINS);
    receiver.downTrack.setPreference(NO_PREFERENCE, receiver.nowUs);
    publish(4, IDR_BEGINS);
    publish(5, IDR_BEGINS);
    publish(5, IDR_ENDS);
    const frames = [IDR_BEGINS, H264_SETS, IDR_BEGINS, IDR_ENDS].map((payload) => `102 ${payload}`);
    expect(receiver.sent()).toEqual(frames);
  });
});

test("frames keep their numbers while the packet that brings their structure is missing", () => {
  const receiver = new ReceivedTrack("video", [AV1], AV1, {
    map: extensionMap({ dependencyDescriptor: DESCRIPTOR }),
  });
  const publish = (seq: number, frame: number, first: number, structure = ""): void => {
    const [timestamp, extensions] = [frame * 3000, descriptor(first, frame, structure)];
    const marker = (first & ENDS) !== 0;
    receiver.publish({ payloadType: 45, seq, timestamp, extensions, payload: "10aaaa", marker });
  };
  publish(1, 101, STARTS | ENDS | KEY, STRUCTURE);
  publish(2, 102, STARTS | ENDS | BASE);
  publish(3, 103, STARTS | ENDS | BASE);
  // A key frame of two packets in another size: the first one is lost on the way up, and repaired later.
  publish(5, 104, ENDS | (NEXT_IDS + KEY));
  publish(6, 105, STARTS | ENDS | (NEXT_IDS + BASE));
  publish(4, 104, STARTS | (NEXT_IDS + KEY), NEXT_STRUCTURE);
  publish(7, 106, STARTS | ENDS | (NEXT_IDS + BASE));
  expect(receiver.packets.map(numbersOf)).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [5, 4],
    [6, 5],
    [4, 4],
    [7, 6],
  ]);
});

test("who is said to get several temporal layers does not, once the publisher sends one", () => {
  const receiver = new ReceivedTrack("video", [AV1], AV1, {
    map: extensionMap({ dependencyDescriptor: DESCRIPTOR }),
  });
  const publish = (seq: number, structure: string): void => {
    const extensions = descriptor(STARTS | ENDS | KEY, seq, structure);
    receiver.publish({
      payloadType: 45,
      seq,
      timestamp: seq * 3000,
      extensions,
      payload: "10aaaa",
      marker: true,
    });
  };
  const layers = (): unknown => receiver.track.stats(receiver.nowUs).layers;
  publish(1, STRUCTURE);
  expect(receiver.downTrack.current).toEqual({ spatial: 0, temporal: 2 });
  expect(layers()).toMatchObject([{ maxTemporal: 2 }]);
  publish(2, L1T1);
  expect(receiver.downTrack.current).toEqual({ spatial: 0, temporal: 0 });
  expect(layers()).toMatchObject([{ maxTemporal: 0 }]);
});

/** A VP8 packet with a picture id of 15 bits, or 7: of a key frame, of another, or of its later packets. */
function vp8(id: number, kind: "key" | "delta" | "later", bits: 7 | 15 = 15): string {
  const start = kind === "later" ? "80" : "90";
  const number = bits === 15 ? (0x8000 | id).toString(16) : (id & 0x7f).toString(16).padStart(2, "0");
  return `${start}80${number}${kind === "key" ? "00" : "01"}aa`;
}

/** Picture ids of what is sent, padding left out. */
function pictureIds({ packets }: ReceivedTrack, bits: 7 | 15 = 15): number[] {
  return packets
    .filter(({ payload }) => payload.length > 1)
    .map(({ payload }) => (bits === 15 ? ((payload[2]! & 0x7f) << 8) | payload[3]! : payload[2]!));
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("VP8 picture ids", () => {
  test("that begin anew at a key frame: the receiver gets what follows, and rising ones", () => {
    const receiver = new ReceivedTrack("video", [VP8]);
    let seq = 1;
    const run = (firstId: number, pictures: number): void => {
      for (let i = 0; i < pictures; i++, seq++) {
        const payload = vp8(firstId + i, i === 0 ? "key" : "delta");
        receiver.publish({ seq, timestamp: seq * 3000, payload, marker: true });
      }
    };
    run(1000, 5);
    run(0, 20);
    run(500, 20);
    run(400, 20);
    const ids = pictureIds(receiver);
    expect(ids.length).toBe(65);
    const steps = ids.slice(1).map((id, i) => (id - ids[i]! + 0x8000) % 0x8000);
    expect(steps.every((step) => step > 0 && step < 0x4000)).toBe(true);
  });

  test("of 7 bits: what follows an outage of more than half of their range is sent", () => {
    const receiver = new ReceivedTrack("video", [VP8]);
    const publish = (id: number, kind: "key" | "delta"): void => {
      const payload = vp8(id, kind, 7);
      receiver.publish({ seq: id + 1, timestamp: id * 3000, payload, marker: true });
    };
    for (const id of range(0, 5)) publish(id, id === 0 ? "key" : "delta");
    for (const id of range(75, 105)) publish(id, id === 75 ? "key" : "delta");
    expect(pictureIds(receiver, 7)).toEqual([...range(0, 5), ...range(75, 105)]);
  });

  test("of packets that come late, from before such a key frame and after it, are those of their pictures", () => {
    const receiver = new ReceivedTrack("video", [VP8]);
    const publish = (seq: number, id: number, kind: "key" | "delta" | "later"): void => {
      receiver.publish({ seq, timestamp: seq * 3000, payload: vp8(id, kind), marker: kind !== "key" });
    };
    publish(1, 1000, "key");
    publish(2, 1000, "later");
    publish(3, 1001, "delta");
    // Missing: the rest of pictures 1001 and 0.
    publish(5, 0, "key");
    publish(7, 1, "delta");
    publish(4, 1001, "later");
    publish(6, 0, "later");
    publish(8, 2, "delta");
    const bySeq = receiver.packets
      .map(({ header }) => header.seq)
      .map((seq, i) => [seq, pictureIds(receiver)[i]!]);
    const first = bySeq.find(([seq]) => seq === 5)![1]!;
    expect(bySeq).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
      [5, first],
      [7, first + 1],
      [4, 1],
      [6, first],
      [8, first + 2],
    ]);
  });

  test("leave no gap for a picture that is not sent, whichever of its packets comes first", () => {
    const receiver = new ReceivedTrack("video", [VP8]);
    receiver.downTrack.setPreference({ ...NO_PREFERENCE, preferred: { spatial: 0, temporal: 0 } }, 0);
    const publish = (seq: number, id: number, temporal: 0 | 2, kind: "key" | "delta" | "later"): void => {
      const layer = (temporal << 6).toString(16).padStart(2, "0");
      const payload = `${kind === "later" ? "80" : "90"}a0${(0x8000 | id).toString(16)}${layer}${kind === "key" ? "00" : "01"}aa`;
      receiver.publish({ seq, timestamp: id * 3000, payload, marker: kind !== "delta" });
    };
    publish(1, 10, 0, "key");
    publish(3, 11, 2, "later");
    publish(4, 12, 0, "delta");
    publish(2, 11, 2, "delta");
    publish(5, 13, 0, "delta");
    expect(pictureIds(receiver)).toEqual([0, 1, 2]);
    expect(receiver.packets.map(({ header }) => header.seq)).toEqual([1, 3, 2, 4]);
  });

  test("of an old key frame, repeated late, change nothing", () => {
    const receiver = new ReceivedTrack("video", [VP8]);
    const publish = (seq: number, kind: "key" | "delta"): void => {
      receiver.publish({ seq, timestamp: seq * 3000, payload: vp8(seq, kind), marker: true });
    };
    publish(1, "key");
    publish(2, "delta");
    publish(4, "delta");
    publish(3, "key");
    publish(5, "delta");
    expect(pictureIds(receiver)).toEqual([0, 1, 3, 2, 4]);
  });
});

describe("VP9 picture numbers", () => {
  interface Picture {
    readonly encoding?: number;
    readonly id: number;
    readonly temporal?: number;
    readonly tl0: number;
  }
  const byte = (value: number): string => value.toString(16).padStart(2, "0");

  /** A picture of one packet, in non-flexible mode; a key picture has a scalability structure of one layer. */
  class Publisher extends ReceivedTrack {
    readonly #seqs = [1, 1];

    constructor() {
      super("video", [VP9], VP9, { rids: ["h", "f"] });
    }

    send(kind: "key" | "delta", { encoding = 0, id, temporal = 0, tl0 }: Picture): void {
      const numbers = `${(0x8000 | id).toString(16)}${byte(temporal << 5)}${byte(tl0)}`;
      const payload = kind === "key" ? `ae${numbers}00aa` : `ec${numbers}bb`;
      const seq = this.#seqs[encoding]!++;
      const timestamp = Math.round(this.nowUs * 0.09);
      this.publish({ ssrc: 11 + encoding, encoding, payloadType: 98, seq, timestamp, payload, marker: true });
    }

    prefer(spatial: number, temporal: number): void {
      this.downTrack.setPreference({ ...NO_PREFERENCE, preferred: { spatial, temporal } }, this.nowUs);
    }
  }

  /** Picture id and TL0PICIDX of what has been sent. */
  const numbersOf = (packets: readonly SentPacket[]): number[][] =>
    packets.map(({ payload }) => [((payload[1]! & 0x7f) << 8) | payload[2]!, payload[4]!]);

  test("go on where another encoding is sent, and in what is sent of it again", () => {
    const publisher = new Publisher();
    publisher.prefer(0, 7);
    publisher.send("key", { id: 20_000, tl0: 250 });
    publisher.send("delta", { id: 20_001, tl0: 251 });
    publisher.send("delta", { encoding: 1, id: 2, tl0: 248 });
    publisher.prefer(1, 7);
    // The receiver would take a lower TL0PICIDX for that of a picture which it has had.
    publisher.send("key", { encoding: 1, id: 3, tl0: 249 });
    publisher.send("delta", { encoding: 1, id: 4, tl0: 250 });
    expect(numbersOf(publisher.packets)).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    const { stream } = publisher.downTrack;
    const again = new UpPacket();
    expect(publisher.downTrack.recall(stream.find(4), publisher.nowUs, again)).toBe(true);
    stream.resend(again, stream.find(4), 99);
    const { payload } = publisher.packets.at(-1)!;
    expect(toHex(payload.subarray(OSN_BYTES))).toBe("ec80030004bb");
  });

  test("have gaps where temporal layers are left out: an id says which picture of its group it is", () => {
    const publisher = new Publisher();
    publisher.prefer(0, 0);
    publisher.send("key", { id: 32_766, tl0: 0 });
    [2, 1, 2].forEach((temporal, at) => {
      publisher.send("delta", { id: (32_767 + at) % 0x8000, temporal, tl0: 0 });
    });
    publisher.send("delta", { id: 2, tl0: 1 });
    expect(numbersOf(publisher.packets)).toEqual([
      [0, 1],
      [4, 2],
    ]);
  });
});

test("late packets before a change of spatial layers belong to the layers that were sent there", () => {
  const receiver = new ReceivedTrack("video", [VP9]);
  const PICTURE = {
    key: ["2e000040aa", "2c0300aa", "2c0500aa"],
    delta: ["6c0000bb", "6c0300bb", "6c0500bb"],
  };
  const publish = (seq: number, picture: keyof typeof PICTURE): void => {
    const spatial = (seq - 1) % 3;
    const payload = PICTURE[picture][spatial]!;
    const timestamp = Math.floor((seq - 1) / 3) * 3000;
    receiver.publish({ payloadType: 98, seq, timestamp, payload, marker: spatial === 2 });
  };
  const prefer = (spatial: number): void =>
    receiver.downTrack.setPreference(
      { ...NO_PREFERENCE, preferred: { spatial, temporal: 0 } },
      receiver.nowUs,
    );
  prefer(1);
  for (const seq of [1, 2, 3]) publish(seq, "key");
  prefer(2);
  // Missing: 5, which ends the picture for who gets two layers, and 6, which is not for them.
  publish(4, "delta");
  for (const seq of [7, 8, 9]) publish(seq, "key");
  publish(5, "delta");
  publish(6, "delta");
  const inOrder = receiver.packets.sort((a, b) => a.header.seq - b.header.seq);
  // The last byte of an empty packet is the length of its padding.
  expect(inOrder.map(({ header, payload }) => `${payload.at(-1)?.toString(16)} ${header.marker}`)).toEqual([
    "aa false",
    "aa true",
    "bb false",
    "bb true",
    "1 false",
    "aa false",
    "aa false",
    "aa true",
  ]);
});
