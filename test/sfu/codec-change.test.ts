/**
 * Goal: a publisher may change its codec at any packet; no receiver is sent one codec under another's payload type, and
 * control hears of it without being flooded.
 * Method: packets of several payload types through a track with one receiver, before and after control has told it.
 */
import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import { H264, OPUS, RED, VP8, VP9 } from "./payloads.ts";
import { ReceivedTrack, SPACING_US } from "./received-track.ts";

const H264_BASELINE: PayloadParams = { ...H264, profile: "42e01f" };
const H264_HIGH: PayloadParams = { ...H264, payloadType: 104, profile: "640c1f" };

const VP8_KEY = "9080800000aa";
const VP8_DELTA = "9080800101aa";
const VP9_KEY = "0caabbcc";
const VP9_DELTA = "4caabbcc";

const dropped = ({ context }: ReceivedTrack): number => context.counters[SLOT.downDropped_other_codec]!;

describe("until control has told the receiver's payload type", () => {
  test("packets of another codec are dropped and counted", () => {
    const received = new ReceivedTrack("video", [VP8, VP9], VP8);
    received.publish({ payloadType: 96, seq: 1, timestamp: 3000, payload: VP8_KEY });
    received.publish({ payloadType: 98, seq: 2, timestamp: 6000, payload: VP9_KEY });
    received.publish({ payloadType: 98, seq: 3, timestamp: 9000, payload: VP9_DELTA });
    expect(received.sent()).toEqual([`96 ${VP8_KEY}`]);
    expect(dropped(received)).toBe(2);

    received.know({ ...VP9, payloadType: 45 });
    received.publish({ payloadType: 98, seq: 4, timestamp: 12_000, payload: VP9_KEY });
    expect(received.sent("numbered").slice(1)).toEqual([`45 #2 ${VP9_KEY}`]);
    expect(dropped(received)).toBe(2);
  });

  test("a profile of the same codec is another codec", () => {
    const received = new ReceivedTrack("video", [H264_BASELINE, H264_HIGH], H264_BASELINE);
    received.publish({ payloadType: 102, seq: 1, timestamp: 3000, payload: "65aa" });
    received.publish({ payloadType: 104, seq: 2, timestamp: 6000, payload: "65bb" });
    expect(received.sent()).toEqual(["102 65aa"]);
    expect(dropped(received)).toBe(1);
  });

  test("plain Opus is not sent as redundant audio, while redundant audio is taken apart", () => {
    const knowing = new ReceivedTrack("audio", [OPUS, RED], RED);
    const plain = new ReceivedTrack("audio", [OPUS, RED], OPUS);
    for (const received of [knowing, plain]) {
      received.publish({ payloadType: 63, seq: 1, payload: "6fee" });
      received.publish({ payloadType: 111, seq: 2, payload: "dd" });
      received.publish({ payloadType: 63, seq: 3, payload: "6fcc" });
    }
    expect(knowing.sent("numbered")).toEqual(["63 #1 6fee", "63 #2 6fcc"]);
    expect(plain.sent("numbered")).toEqual(["111 #1 ee", "111 #2 dd", "111 #3 cc"]);
    expect([dropped(knowing), dropped(plain)]).toEqual([1, 0]);
  });

  test("a receiver that comes meanwhile is sent nothing either", () => {
    const received = new ReceivedTrack("audio", [OPUS, RED], RED);
    received.publish({ payloadType: 111, seq: 1, payload: "dd" });
    received.know(RED);
    received.publish({ payloadType: 111, seq: 2, payload: "dd" });
    expect(received.sent()).toEqual([]);
    received.know(OPUS);
    received.publish({ payloadType: 111, seq: 3, payload: "dd" });
    expect(received.sent()).toEqual(["111 dd"]);
  });
});

describe("sound with redundancy in one packet and without in the next", () => {
  const THEIR_OPUS: PayloadParams = { ...OPUS, payloadType: 109 };
  const THEIR_RED: PayloadParams = { ...RED, payloadType: 121 };

  function alternate(received: ReceivedTrack): string[] {
    received.publish({ payloadType: 63, seq: 1, timestamp: 960, payload: "6fee" });
    received.publish({ payloadType: 111, seq: 2, timestamp: 1920, payload: "dd" });
    received.publish({ payloadType: 63, seq: 3, timestamp: 2880, payload: "6fcc" });
    return received.sent("numbered");
  }

  test.each([
    ["with redundancy", THEIR_RED, THEIR_OPUS],
    ["plain", THEIR_OPUS, THEIR_RED],
  ])(
    "each packet is what the receiver knows it as, be it %s that control has heard of",
    (_name, one, other) => {
      const received = new ReceivedTrack("audio", [OPUS, RED], one);
      received.know(one, other);
      expect(alternate(received)).toEqual(["121 #1 6fee", "109 #2 dd", "121 #3 6fcc"]);
      expect(received.packets.map(({ header }) => header.timestamp)).toEqual([960, 1920, 2880]);
      expect(dropped(received)).toBe(0);
    },
  );

  test("also for one that comes when a plain packet was the latest", () => {
    const received = new ReceivedTrack("audio", [OPUS, RED], THEIR_RED);
    received.publish({ payloadType: 111, seq: 1, payload: "dd" });
    received.know(THEIR_RED, THEIR_OPUS);
    received.publish({ payloadType: 111, seq: 2, payload: "dd" });
    expect(received.sent()).toEqual(["109 dd"]);
  });

  test("nothing is taken apart that is sealed", () => {
    const received = new ReceivedTrack("audio", [OPUS, RED], OPUS, { isSealed: true });
    expect(alternate(received)).toEqual(["111 #1 dd"]);
    expect(dropped(received)).toBe(2);
  });
});

test("a stray packet of another codec leaves no gap", () => {
  const received = new ReceivedTrack("video", [VP8, VP9], VP8);
  received.publish({ payloadType: 96, seq: 1, timestamp: 3000, payload: VP8_KEY });
  received.publish({ payloadType: 98, seq: 2, timestamp: 6000, payload: VP9_KEY });
  received.publish({ payloadType: 96, seq: 3, timestamp: 9000, payload: VP8_DELTA });
  expect(received.sent("numbered")).toEqual([`96 #1 ${VP8_KEY}`, `96 #2 ${VP8_DELTA}`]);
});

test("nor is one sent that waited in the history for a key frame that came late", () => {
  const received = new ReceivedTrack("video", [VP8, VP9], VP8);
  received.publish({ payloadType: 98, seq: 2, timestamp: 6000, payload: VP9_DELTA });
  received.publish({ payloadType: 96, seq: 3, timestamp: 9000, payload: VP8_DELTA });
  received.publish({ payloadType: 96, seq: 1, timestamp: 3000, payload: VP8_KEY });
  expect(received.sent().filter((packet) => packet.includes(VP9_DELTA))).toEqual([]);
});

describe("control hears of the payload", () => {
  const PAYLOADS = { "-": null, a: VP8, b: VP9, r: RED, o: OPUS } as const;
  const TICK_US = 100_000;

  /** A letter a tick: a packet of VP8 or VP9, of RED or Opus, or none. Returns "tick: payloadType" of what control is told. */
  function told(script: string): string[] {
    const received = /[ro]/.test(script)
      ? new ReceivedTrack("audio", [OPUS, RED], OPUS)
      : new ReceivedTrack("video", [VP8, VP9], VP8);
    const { track, context } = received;
    const startUs = received.nowUs;
    return [...script].flatMap((letter, tick) => {
      context.events.length = 0;
      const nowUs = startUs + tick * TICK_US;
      received.nowUs = nowUs - SPACING_US;
      const payload = PAYLOADS[letter as keyof typeof PAYLOADS];
      if (payload !== null)
        received.publish({ payloadType: payload.payloadType, seq: tick, payload: "00aa" });
      track.tick(nowUs, context.events);
      return context.events.flatMap((event) =>
        event.kind === "up-track.codec" ? [`${tick}: ${event.payloadType}`] : [],
      );
    });
  }

  test.each([
    ["at the first packet", "--aaaaaaaaaaaaaaa", ["2: 96"]],
    ["at the first of another, when nothing was told lately", "aaaaaaaaaaaabbbb", ["0: 96", "12: 98"]],
    ["a second after it was told something else", "aabbbbbbbbbbbbbbb", ["0: 96", "10: 98"]],
    ["also where nothing comes any more", "aab----------------", ["0: 96", "10: 98"]],
    ["not where all is as before by then", "aabbaaaaaaaaaaaaa", ["0: 96"]],
  ])("%s", (_name, script, expected) => {
    expect(told(script)).toEqual(expected);
  });

  test.each([
    ["at once when it begins", "oooor", ["0: 111", "10: 63"], 10],
    ["not when it pauses", `r${"ror".repeat(100)}${"o".repeat(99)}r`, ["0: 63"], 1],
    ["when it has ended for long", `ro${"r".repeat(18)}${"o".repeat(101)}`, ["0: 63", "120: 111"], 1],
  ])("of redundancy %s", (_name, script, expected, rest) => {
    expect(told(script + "-".repeat(rest))).toEqual(expected);
  });

  test("at most once a second from a publisher that changes with every packet", () => {
    expect(told("ab".repeat(500)).length).toBeLessThanOrEqual(100);
    expect(told("aab".repeat(300)).length).toBeGreaterThan(40);
  });
});
