/**
 * Goal: each packet of a publisher finds its encoding, by whatever it has to say of itself; what says nothing that was
 * agreed on finds none.
 * Method: tables, one packet a row.
 */
import { describe, expect, test } from "vitest";
import { asSsrc, type ParticipantId, type TrackId } from "../../src/base/ids.ts";
import type { UpTrackParams } from "../../src/contract/media.ts";
import { StreamDemux } from "../../src/sfu/stream-demux.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { toHex } from "../rtp/hex.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";
import { H264, OPUS, VP8 } from "./payloads.ts";

const IDS = { mid: 1, rid: 2, repairedRid: 3 } as const;
const MAP = extensionMap(IDS);

function track(trackId: string, params: Partial<UpTrackParams>): UpTrack {
  const rest = { kind: "video", mid: "1", payloads: [VP8], rids: [], ssrcs: [], ...params } as const;
  const publisher = "PA" as ParticipantId;
  return new UpTrack({ trackId: trackId as TrackId, publisher, content: "camera", ...rest }, MAP);
}

const pair = (ssrc: number, rtxSsrc: number): UpTrackParams["ssrcs"][number] => ({
  ssrc: asSsrc(ssrc),
  rtxSsrc: asSsrc(rtxSsrc),
});

const TRACKS: Readonly<Record<string, () => UpTrack>> = {
  audio: () => track("audio", { kind: "audio", mid: "0", payloads: [OPUS] }),
  camera: () => track("camera", { mid: "1", payloads: [VP8, H264], rids: ["q", "h", "f"] }),
  /** Another section with the same RIDs: MIDs tell them apart. */
  screen: () => track("screen", { mid: "2", payloads: [VP8, H264], rids: ["q", "h", "f"] }),
  plain: () => track("plain", { mid: "3", payloads: [VP8] }),
  announced: () => track("announced", { mid: "4", ssrcs: [pair(40, 41)] }),
  byGroup: () => track("byGroup", { mid: "5", rids: ["0", "1"], ssrcs: [pair(50, 60), pair(51, 61)] }),
};

interface Said extends PacketOptions {
  readonly mid?: string;
  readonly rid?: string;
  readonly repairedRid?: string;
}

function packet({ mid, rid, repairedRid, ...options }: Said): ReturnType<typeof upPacket> {
  const elements = Object.entries({ mid, rid, repairedRid }).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [(IDS[name as keyof typeof IDS] << 4) | (value.length - 1), ...Buffer.from(value)],
  );
  while (elements.length % 4 !== 0) elements.push(0);
  const block = Uint8Array.of(0xbe, 0xde, 0, elements.length / 4, ...elements);
  return upPacket(MAP, { ...options, ...(elements.length > 0 && { extensions: toHex(block) }) });
}

/** "camera 1", "camera 1 rtx", or why there is none. */
function place(demux: StreamDemux, said: Said, receivedUs = 0): string {
  const arriving = packet(said);
  arriving.receivedUs = receivedUs;
  const found = demux.find(arriving);
  if (typeof found === "string") return found;
  return `${found.track.id} ${found.stream.encoding}${found.rtx ? " rtx" : ""}`;
}

interface Case {
  readonly name: string;
  readonly tracks: readonly string[];
  readonly rows: readonly (readonly [Said, string])[];
}

const CASES: readonly Case[] = [
  {
    name: "MID and RID, then the SSRC alone",
    tracks: ["audio", "camera", "screen"],
    rows: [
      [{ ssrc: 1, payloadType: 111, mid: "0" }, "audio 0"],
      [{ ssrc: 2, mid: "1", rid: "h" }, "camera 1"],
      [{ ssrc: 3, mid: "2", rid: "h" }, "screen 1"],
      [{ ssrc: 4, mid: "1", rid: "q" }, "camera 0"],
      [{ ssrc: 2 }, "camera 1"],
      [{ ssrc: 3, payloadType: 102 }, "screen 1"],
      // What was bound once stays where it is.
      [{ ssrc: 2, mid: "2", rid: "q" }, "camera 1"],
    ],
  },
  {
    name: "RTX by the RID that it repairs, once that has come",
    tracks: ["camera", "screen"],
    rows: [
      [{ ssrc: 12, payloadType: 97, mid: "1", repairedRid: "h" }, "unknown_stream"],
      [{ ssrc: 2, mid: "1", rid: "h" }, "camera 1"],
      [{ ssrc: 12, payloadType: 97, mid: "1", repairedRid: "h" }, "camera 1 rtx"],
      [{ ssrc: 12, payloadType: 97 }, "camera 1 rtx"],
      [{ ssrc: 13, payloadType: 103, mid: "1", repairedRid: "h" }, "camera 1 rtx"],
      [{ ssrc: 14, payloadType: 97, mid: "1", repairedRid: "f" }, "unknown_stream"],
    ],
  },
  {
    name: "SSRCs from the description",
    tracks: ["camera", "announced", "byGroup"],
    rows: [
      [{ ssrc: 41, payloadType: 97 }, "unknown_stream"],
      [{ ssrc: 40 }, "announced 0"],
      [{ ssrc: 41, payloadType: 97 }, "announced 0 rtx"],
      [{ ssrc: 51 }, "byGroup 1"],
      [{ ssrc: 50 }, "byGroup 0"],
      [{ ssrc: 61, payloadType: 97 }, "byGroup 1 rtx"],
    ],
  },
  {
    name: "a payload type that only one track has",
    tracks: ["audio", "plain"],
    rows: [
      [{ ssrc: 1, payloadType: 111 }, "audio 0"],
      [{ ssrc: 2, payloadType: 96 }, "plain 0"],
      [{ ssrc: 3, payloadType: 97 }, "plain 0 rtx"],
    ],
  },
  {
    name: "nothing that was agreed on",
    tracks: ["audio", "camera", "screen"],
    rows: [
      [{ ssrc: 1, mid: "9", rid: "q" }, "unknown_stream"],
      [{ ssrc: 2, mid: "1", rid: "z" }, "unknown_stream"],
      // Simulcast without a RID could be any of the three.
      [{ ssrc: 3, mid: "1" }, "unknown_stream"],
      [{ ssrc: 4, mid: "1", rid: "q", payloadType: 100 }, "unknown_payload_type"],
      [{ ssrc: 5, mid: "0", payloadType: 96 }, "unknown_payload_type"],
      // Two tracks have this payload type.
      [{ ssrc: 6, payloadType: 96 }, "unknown_stream"],
      [{ ssrc: 7, payloadType: 100 }, "unknown_stream"],
      // None of these has bound its SSRC to anything.
      [{ ssrc: 2, mid: "1", rid: "f" }, "camera 2"],
    ],
  },
  {
    name: "an encoding that restarts with another SSRC",
    tracks: ["camera", "screen"],
    rows: [
      [{ ssrc: 1, mid: "1", rid: "q" }, "camera 0"],
      [{ ssrc: 2, payloadType: 97, mid: "1", repairedRid: "q" }, "camera 0 rtx"],
      [{ ssrc: 3, mid: "1", rid: "q" }, "camera 0"],
      [{ ssrc: 1 }, "unknown_stream"],
      [{ ssrc: 2, payloadType: 97 }, "unknown_stream"],
      [{ ssrc: 3 }, "camera 0"],
    ],
  },
];

function demuxOf(names: readonly string[]): StreamDemux {
  const demux = new StreamDemux();
  for (const name of names) demux.add(TRACKS[name]!());
  return demux;
}

test.each(CASES)("$name", ({ tracks, rows }) => {
  const demux = demuxOf(tracks);
  for (const [said, where] of rows) expect(place(demux, said), JSON.stringify(said)).toBe(where);
});

describe("the streams of a track", () => {
  test("are found by SSRC, without their retransmissions", () => {
    const demux = demuxOf(["camera"]);
    place(demux, { ssrc: 1, mid: "1", rid: "q" });
    place(demux, { ssrc: 2, payloadType: 97, mid: "1", repairedRid: "q" });
    expect(demux.binding(asSsrc(1))?.stream.encoding).toBe(0);
    expect(demux.binding(asSsrc(2))).toBeUndefined();
    expect([...demux.streams()].map(({ ssrc }) => ssrc)).toEqual([1]);
  });

  test("go with it", () => {
    const demux = demuxOf(["camera", "screen"]);
    place(demux, { ssrc: 1, mid: "1", rid: "q" });
    place(demux, { ssrc: 2, mid: "2", rid: "q" });
    demux.remove(demux.tracks[0]!);
    expect(place(demux, { ssrc: 1 })).toBe("unknown_stream");
    expect(place(demux, { ssrc: 1, mid: "1", rid: "q" })).toBe("unknown_stream");
    expect(place(demux, { ssrc: 2 })).toBe("screen 0");
  });
});

test("the SSRCs of one publisher are limited, and what is bound stays bound", () => {
  const demux = demuxOf(["camera"]);
  place(demux, { ssrc: 1, mid: "1", rid: "q" });
  const rtx = (ssrc: number): Said => ({ ssrc, payloadType: 97, mid: "1", repairedRid: "q" });
  for (let ssrc = 2; ssrc <= 64; ssrc++) expect(place(demux, rtx(ssrc))).toBe("camera 0 rtx");
  expect(place(demux, rtx(65))).toBe("stream_limit");
  expect(place(demux, { ssrc: 66, mid: "1", rid: "h" })).toBe("stream_limit");
  expect(place(demux, { ssrc: 1 })).toBe("camera 0");
  expect(place(demux, { ssrc: 64, payloadType: 97 })).toBe("camera 0 rtx");
  expect(place(demux, { ssrc: 67, mid: "1", rid: "q" }), "a restart needs no room").toBe("camera 0");
});

describe("an SSRC whose place another has taken", () => {
  const SECOND_US = 1_000_000;
  const q = (ssrc: number): Said => ({ ssrc, mid: "1", rid: "q" });
  const rtx = (ssrc: number): Said => ({ ssrc, payloadType: 97, mid: "1", repairedRid: "q" });
  const LATE_US = SECOND_US;
  const LATER_US = 5 * SECOND_US;

  test("does not take it back with packets that were on their way, nor with repairs of them", () => {
    const demux = demuxOf(["camera"]);
    place(demux, q(1));
    place(demux, rtx(11));
    expect(place(demux, q(2)), "a restart is followed at once").toBe("camera 0");
    const [stream] = [...demux.streams()];
    expect(place(demux, q(1), LATE_US)).toBe("unknown_stream");
    expect(place(demux, rtx(11), LATE_US)).toBe("unknown_stream");
    expect(place(demux, q(2), LATE_US)).toBe("camera 0");
    expect(place(demux, rtx(12), LATE_US)).toBe("camera 0 rtx");
    expect([...demux.streams()]).toEqual([stream]);
  });

  test("may come back later", () => {
    const demux = demuxOf(["camera"]);
    place(demux, q(1));
    place(demux, q(2));
    expect(place(demux, q(1), LATER_US)).toBe("camera 0");
    expect(place(demux, q(2), LATER_US)).toBe("unknown_stream");
  });

  test("may belong to another track when that one has gone", () => {
    const demux = demuxOf(["camera"]);
    place(demux, q(1));
    place(demux, q(2));
    demux.remove(demux.tracks[0]!);
    demux.add(TRACKS.camera!());
    expect(place(demux, q(1))).toBe("camera 0");
  });

  test("keeps its place as that of repairs, as soon as it repairs what has begun", () => {
    const demux = demuxOf(["camera", "screen"]);
    const receive = (said: Said): void => {
      const arriving = packet(said);
      const found = demux.find(arriving);
      if (typeof found !== "string") found.stream.accept(arriving, VP8);
    };
    // MID and RID are said until they are known.
    const repair = (seq: number): Said => ({
      ssrc: 11,
      payloadType: 97,
      payload: `${seq.toString(16).padStart(4, "0")}00`,
    });
    for (const seq of [40_000, 40_001, 40_002]) receive({ ...q(1), seq });
    receive(rtx(11));
    for (const seq of [50_000, 50_003]) receive({ ...q(2), seq });
    expect(place(demux, repair(40_001)), "of the former").toBe("unknown_stream");
    expect(place(demux, repair(50_004)), "of nothing").toBe("unknown_stream");
    expect(place(demux, repair(50_001))).toBe("camera 0 rtx");
    expect(demux.find(packet(repair(50_002)))).toMatchObject({ stream: { ssrc: 2 } });
  });

  /** Streams made in ten seconds for a packet each millisecond. */
  const streamsMade = (ssrc: (at: number) => number): number => {
    const demux = demuxOf(["camera"]);
    const made = new Set<unknown>();
    for (let at = 0; at < 10_000; at++) {
      place(demux, q(ssrc(at)), at * 1_000);
      for (const stream of demux.streams()) made.add(stream);
    }
    return made.size;
  };

  test("does not make a stream for each packet of a publisher that goes back and forth", () => {
    expect(streamsMade((at) => 1 + (at % 2))).toBeLessThan(10);
  });

  test("nor does one that takes another SSRC for each packet", () => {
    expect(streamsMade((at) => 1 + at)).toBeLessThan(13);
  });
});
