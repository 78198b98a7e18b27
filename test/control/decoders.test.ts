/**
 * Goal: whoever can decode a video is given it, under the payload type that fits best, and nobody is given what its decoder
 * does not take.
 * Method: publishers and receivers that offer this and that, each negotiated for itself and then dealt by control.
 */
import { describe, expect, test } from "vitest";
import type { PayloadParams } from "../../src/contract/media.ts";
import { negotiate } from "../../src/sdp/negotiate.ts";
import type { Flow } from "../../src/sdp/rtp-extensions.ts";
import type { SessionDescription } from "../../src/sdp/session-description.ts";
import { description, shortOffer } from "../sdp/offers.ts";
import { conference, connect, must, section, VP8 } from "./conference.ts";

/** What the first section for video of an offer comes to. */
function payloadsOf(offered: SessionDescription, flow: Flow): PayloadParams[] {
  const negotiation = negotiate(offered, { useOf: () => flow, data: false });
  if (!negotiation.ok) throw new Error(negotiation.error);
  const video = negotiation.outcome.media.find(({ kind }) => kind === "video");
  return video!.codecs.map(({ payload }) => payload);
}

/** H264 in these forms, `<profile-level-id>/<packetization-mode>`, under payload types from 96 up. */
function h264(...forms: string[]): SessionDescription {
  const payloadTypes = forms.map((_, at) => 96 + at);
  const lines = forms.flatMap((form, at) => {
    const [id, mode] = form.split("/");
    return [
      `a=rtpmap:${96 + at} H264/90000`,
      `a=fmtp:${96 + at} level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${id}`,
    ];
  });
  return description(shortOffer(`m=video 9 UDP/TLS/RTP/SAVPF ${payloadTypes.join(" ")}`, lines));
}

/** What somebody who takes `known` is sent of a video that comes as `sent`; null for nothing. */
function received(sent: PayloadParams, known: readonly PayloadParams[]): PayloadParams | null {
  const hall = conference();
  const track = must(connect(hall.rooms, "ada").publish(section("video", { payloads: [sent] })));
  hall.thread.codec(track.id, sent);
  must(connect(hall.rooms, "bo").addSlot({ kind: "video", mid: "0", payloads: known, reserved: track }));
  return hall.thread.sent("down-track.source").at(-1)?.source?.payload ?? null;
}

/** Which of the forms of `known` carries `sent`. */
function carried(sent: string, known: string): string | null {
  const forms = known.split(" ");
  const payload = received(payloadsOf(h264(sent), "up")[0]!, payloadsOf(h264(...forms), "down"));
  return payload && forms[payload.payloadType - 96]!;
}

describe("H264", () => {
  test.each([
    ["a page by WHIP, to Firefox", "42001f/1", "42e01f/1 42e01f/0", "42e01f/1"],
    ["the other way", "42e01f/1", "42001f/1", "42001f/1"],
    ["the same profile, be it last", "42001f/1", "640c1f/1 42e01f/1 42001f/1", "42001f/1"],
    ["the same profile at another level", "42e034/1", "42e01f/1", "42e01f/1"],
    ["constrained baseline, to who names high profiles only", "42e01f/1", "640c1f/1 64001f/1", "640c1f/1"],
    ["as near as there is", "42e01f/1", "f4001f/1 64001f/1 4d001f/1", "4d001f/1"],
    ["main, to high", "4d001f/1", "42e01f/1 64001f/1", "64001f/1"],
    ["high, to constrained high", "64001f/1", "42e01f/1 640c1f/1", "640c1f/1"],
    ["constrained high, to high", "640c1f/1", "42e01f/1 64001f/1", "64001f/1"],
    ["high, to Chromium without hardware", "64001f/1", "42001f/1 42e01f/1 4d001f/1 f4001f/1", "f4001f/1"],
    ["constrained high, to a baseline decoder", "640c1f/1", "42e01f/1 42001f/1", null],
    ["main, to a baseline decoder", "4d001f/1", "42e01f/1", null],
    ["high, to a main decoder", "64001f/1", "42e01f/1 4d001f/1", null],
    ["single NAL units, to who takes fragments too", "42e01f/0", "42e01f/1", "42e01f/1"],
    ["single NAL units, to who names them", "42e01f/0", "42e01f/1 42e01f/0", "42e01f/0"],
    ["fragments, to who takes single NAL units only", "42e01f/1", "42e01f/0", null],
    ["fragments, as another profile rather than not at all", "42e01f/1", "42e01f/0 64001f/1", "64001f/1"],
  ])("%s: %s to %s goes as %s", (_what, sent, known, expected) => {
    expect(carried(sent, known)).toBe(expected);
  });

  test("the media thread is told of the profile that comes, under the receiver's payload type", () => {
    const [sent] = payloadsOf(h264("42001f/1"), "up");
    const known = payloadsOf(h264("640c1f/1", "42e01f/1"), "down");
    expect(received(sent!, known)).toEqual({ ...known[1], profile: sent!.profile });
  });

  test("who can not decode the profile makes the track need a backup, and gets that", () => {
    const hall = conference();
    const publisher = connect(hall.rooms, "ada");
    const [high] = payloadsOf(h264("640c1f/1"), "up");
    const track = must(publisher.publish(section("video", { payloads: [high!] })));
    hall.thread.codec(track.id, high!);
    const known = [...payloadsOf(h264("42e01f/1"), "down"), { ...VP8, payloadType: 120 }];
    const bo = must(
      connect(hall.rooms, "bo").addSlot({ kind: "video", mid: "0", payloads: known, reserved: track }),
    );
    expect([bo.codec, track.needsBackup]).toEqual([null, true]);
    const backup = must(
      publisher.publishBackup(track, section("video", { mid: "b", payloads: [VP8] }), false),
    );
    hall.thread.codec(backup.id, VP8);
    expect([bo.codec, hall.thread.sent("down-track.source").at(-1)?.source?.payload.payloadType]).toEqual([
      "VP8",
      120,
    ]);
  });
});
