/**
 * Goal: each kind of content gets better in its own order, over the layers that are sent at the moment and no others.
 * Method: published tracks that are fed one frame of each layer; choices read as "spatial.temporal".
 */
import { expect, test } from "vitest";
import { asSsrc, type ParticipantId, type TrackId } from "../../src/base/ids.ts";
import { HIGHEST_LAYERS, type PayloadParams } from "../../src/contract/media.ts";
import type { DependencyStructure } from "../../src/rtp/dependency-structure.ts";
import { FrameInfo } from "../../src/rtp/frame-info.ts";
import { type Content, layerLadder, layerSets } from "../../src/sfu/layer-ladder.ts";
import type { UpStream } from "../../src/sfu/up-stream.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { extensionMap } from "./packets.ts";
import { L3T3, VP8_L1T3 } from "./structures.ts";

const SECOND_US = 1_000_000;
const VP8: PayloadParams = { payloadType: 96, codec: "VP8", clockRate: 90_000, profile: "" };

function publish(rids: readonly string[]): UpTrack {
  const params = {
    trackId: "TR" as TrackId,
    kind: "video",
    mid: "0",
    payloads: [VP8],
    rids,
    ssrcs: [],
    publisher: "PA" as ParticipantId,
    content: "camera",
  } as const;
  return new UpTrack(params, extensionMap({}));
}

/** One packet of each layer of the structure, of 1,000 bits more for each layer up. */
function send(
  stream: UpStream,
  structure: DependencyStructure,
  nowUs: number,
  maxSpatial = 3,
  minSpatial = 0,
): void {
  for (const { spatial, temporal, dtis } of structure.templates) {
    if (spatial > maxSpatial || spatial < minSpatial) continue;
    const frame = new FrameInfo();
    Object.assign(frame, { spatial, temporal, structure, dtis, maxTemporal: 2, minSpatial });
    frame.maxSpatial = Math.min(maxSpatial, structure.maxSpatialOf(structure.allTargets));
    stream.layerRates.add(frame, 1_000, nowUs);
    stream.activity.onPacket(nowUs);
  }
}

const ladder = (track: UpTrack, content: Content, nowUs: number, wanted = HIGHEST_LAYERS): string =>
  layerLadder(layerSets(track, nowUs), content, wanted)
    .map(({ spatial, temporal }) => `${spatial}.${temporal}`)
    .join(" ");

test("a camera keeps half its frames while it grows, a screen grows first", () => {
  const track = publish(["q", "h", "f"]);
  for (const encoding of [0, 1, 2])
    send(track.startStream(asSsrc(encoding + 1), encoding, VP8), VP8_L1T3, SECOND_US);
  expect(ladder(track, "camera", SECOND_US)).toBe("0.0 0.1 0.2 1.1 1.2 2.1 2.2");
  expect(ladder(track, "screen", SECOND_US)).toBe("0.0 1.0 2.0 2.1 2.2");
});

test("it ends at what is wanted, or at the lowest that is sent", () => {
  const track = publish(["q", "h", "f"]);
  for (const encoding of [1, 2])
    send(track.startStream(asSsrc(encoding + 1), encoding, VP8), VP8_L1T3, SECOND_US);
  const upTo = (content: Content, spatial: number, temporal: number): string =>
    ladder(track, content, SECOND_US, { spatial, temporal });
  expect(upTo("camera", 1, 7)).toBe("1.0 1.1 1.2");
  expect(upTo("camera", 3, 1)).toBe("1.0 1.1 2.0 2.1");
  expect(upTo("camera", 3, 0)).toBe("1.0 2.0");
  expect(upTo("camera", 0, 1)).toBe("1.0 1.1");
  expect(upTo("screen", 1, 7)).toBe("1.0 1.1 1.2");
});

test("so do the layers of one stream", () => {
  const track = publish([]);
  send(track.startStream(asSsrc(1), 0, VP8), L3T3, SECOND_US);
  expect(ladder(track, "camera", SECOND_US)).toBe("0.0 0.1 0.2 1.1 1.2 2.1 2.2");
  expect(ladder(track, "screen", SECOND_US)).toBe("0.0 1.0 2.0 2.1 2.2");
});

test("spatial layers that the encoder has stopped are no choice", () => {
  const track = publish([]);
  const stream = track.startStream(asSsrc(1), 0, VP8);
  send(stream, L3T3, SECOND_US);
  send(stream, L3T3, SECOND_US + 1, 1);
  expect(ladder(track, "camera", SECOND_US + 2)).toBe("0.0 0.1 0.2 1.1 1.2");
});

test("a lowest layer that it has stopped is none either, for whoever wants that", () => {
  const track = publish([]);
  const stream = track.startStream(asSsrc(1), 0, VP8);
  send(stream, L3T3, SECOND_US, 3, 1);
  expect(ladder(track, "camera", SECOND_US + 1)).toBe("1.0 1.1 1.2 2.1 2.2");
  expect(ladder(track, "camera", SECOND_US + 1, { spatial: 0, temporal: 7 })).toBe("1.0 1.1 1.2");
});

test("neither are encodings that are not sent", () => {
  const track = publish(["q", "h", "f"]);
  for (const encoding of [1, 2])
    send(track.startStream(asSsrc(encoding + 1), encoding, VP8), VP8_L1T3, SECOND_US);
  expect(ladder(track, "camera", SECOND_US)).toBe("1.0 1.1 1.2 2.1 2.2");
  track.streams[2]!.activity.stop(SECOND_US);
  expect(ladder(track, "camera", SECOND_US)).toBe("1.0 1.1 1.2");
  expect(ladder(track, "camera", 5 * SECOND_US)).toBe("");
});

test("choices carry the rate of the wire", () => {
  const track = publish(["q", "h"]);
  const stream = track.startStream(asSsrc(2), 1, VP8);
  send(stream, VP8_L1T3, SECOND_US);
  const rates = layerSets(track, SECOND_US).map(({ bitrateBps }) => bitrateBps);
  expect(rates).toEqual([0, 1, 2].map((temporal) => stream.layerRates.bps(0, temporal, SECOND_US)));
  expect(rates[0]).toBeLessThan(rates[1]!);
});
