/**
 * Goal: whoever can decode a video is given it, under the payload type that fits best, and nobody is given what its decoder
 * does not take.
 * Method: publishers and receivers that offer this and that, each negotiated for itself and then dealt by control.
 */
import { describe, expect, test } from "vitest";
import type { MediaKind } from "../../src/base/codec.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import { negotiate } from "../../src/sdp/negotiate.ts";
import type { Flow } from "../../src/sdp/rtp-extensions.ts";
import type { SessionDescription } from "../../src/sdp/session-description.ts";
import { description, type OfferName, offer, shortOffer } from "../sdp/offers.ts";
import { conference, connect, must, section, VP8 } from "./conference.ts";

/** What the first section of its kind in an offer comes to, in the order of the answer. */
function payloadsOf(offered: SessionDescription, flow: Flow, kind: MediaKind = "video"): PayloadParams[] {
  const negotiation = negotiate(offered, { useOf: () => flow, data: false });
  if (!negotiation.ok) throw new Error(negotiation.error);
  const section = negotiation.outcome.media.find((one) => one.kind === kind);
  return section!.codecs.map(({ payload }) => payload);
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

/** What somebody who takes `known` is sent of a track that comes as `sent`; null for nothing. */
function received(
  sent: PayloadParams,
  known: readonly PayloadParams[],
  kind: MediaKind = "video",
): PayloadParams | null {
  const hall = conference();
  const track = must(connect(hall.rooms, "ada").publish(section(kind, { payloads: [sent] })));
  hall.thread.codec(track.id, sent);
  must(connect(hall.rooms, "bo").addSlot({ kind, mid: "0", payloads: known, reserved: track }));
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

/** The H264 of Firefox with its plug-in, which the captured one lacked, and of Safari, each in its order. */
const H264_LISTS = {
  "firefox-h264": h264("42e01f/1", "42e01f/0", "42001f/1", "42001f/0"),
  "safari-h264": h264("640c1f/1", "42e01f/1", "640c1f/0", "42e01f/0"),
};

const offered = (name: OfferName | keyof typeof H264_LISTS): SessionDescription =>
  name === "firefox-h264" || name === "safari-h264" ? H264_LISTS[name] : offer(name);

/** `<payload type> <codec>`, of H264 with profile and mode. */
function named({ payloadType, codec, profile }: PayloadParams): string {
  const form = /^packetization-mode=(\d);profile=(\w+)$/.exec(profile);
  return form === null ? `${payloadType} ${codec}` : `${payloadType} ${form[2]}/${form[1]}`;
}

/** Under what each form that a publisher may send, most wanted first, reaches a receiver; - for not at all. */
function flows(publisher: SessionDescription, receiver: SessionDescription, kind: MediaKind): string[] {
  const known = payloadsOf(receiver, "down", kind);
  return payloadsOf(publisher, "up", kind).map((sent) => {
    const got = received(sent, known, kind);
    const own = known.find(({ payloadType }) => payloadType === got?.payloadType);
    return `${named(sent)} > ${own === undefined ? "-" : named(own)}`;
  });
}

describe("what reaches whom", () => {
  const CHROMIUM = [
    "chromium-publish-simulcast",
    "chromium-publish-single",
    "chromium-data-channel",
  ] as const;
  const BY_VIDEO = [
    [
      CHROMIUM,
      "chromium-watch",
      [
        "96 VP8 > 96 VP8",
        "102 4200/1 > 102 4200/1",
        "104 4200/0 > 104 4200/0",
        "108 42e0/1 > 108 42e0/1",
        "114 42e0/0 > 114 42e0/0",
        "116 4d00/1 > 116 4d00/1",
        "39 4d00/0 > 39 4d00/0",
        "45 AV1 > 45 AV1",
        "98 VP9 > 98 VP9",
      ],
    ],
    [
      CHROMIUM,
      "firefox-watch",
      [
        "96 VP8 > 120 VP8",
        "102 4200/1 > -",
        "104 4200/0 > -",
        "108 42e0/1 > -",
        "114 42e0/0 > -",
        "116 4d00/1 > -",
        "39 4d00/0 > -",
        "45 AV1 > 99 AV1",
        "98 VP9 > 121 VP9",
      ],
    ],
    [
      CHROMIUM,
      "firefox-h264",
      [
        "96 VP8 > -",
        "102 4200/1 > 98 4200/1",
        "104 4200/0 > 99 4200/0",
        "108 42e0/1 > 96 42e0/1",
        "114 42e0/0 > 97 42e0/0",
        "116 4d00/1 > -",
        "39 4d00/0 > -",
        "45 AV1 > -",
        "98 VP9 > -",
      ],
    ],
    [
      CHROMIUM,
      "safari-h264",
      [
        "96 VP8 > -",
        "102 4200/1 > 97 42e0/1",
        "104 4200/0 > 99 42e0/0",
        "108 42e0/1 > 97 42e0/1",
        "114 42e0/0 > 99 42e0/0",
        "116 4d00/1 > 96 640c/1",
        "39 4d00/0 > 98 640c/0",
        "45 AV1 > -",
        "98 VP9 > -",
      ],
    ],
    [
      ["firefox-publish-simulcast"],
      "chromium-watch",
      ["120 VP8 > 96 VP8", "121 VP9 > 98 VP9", "99 AV1 > 45 AV1"],
    ],
    [
      ["firefox-publish-simulcast"],
      "firefox-watch",
      ["120 VP8 > 120 VP8", "121 VP9 > 121 VP9", "99 AV1 > 99 AV1"],
    ],
    [
      ["firefox-h264"],
      "chromium-watch",
      [
        "96 42e0/1 > 108 42e0/1",
        "97 42e0/0 > 114 42e0/0",
        "98 4200/1 > 102 4200/1",
        "99 4200/0 > 104 4200/0",
      ],
    ],
    [
      ["firefox-h264"],
      "firefox-h264",
      ["96 42e0/1 > 96 42e0/1", "97 42e0/0 > 97 42e0/0", "98 4200/1 > 98 4200/1", "99 4200/0 > 99 4200/0"],
    ],
    [
      ["firefox-h264"],
      "safari-h264",
      ["96 42e0/1 > 97 42e0/1", "97 42e0/0 > 99 42e0/0", "98 4200/1 > 97 42e0/1", "99 4200/0 > 99 42e0/0"],
    ],
    [
      ["safari-h264"],
      "chromium-watch",
      ["97 42e0/1 > 108 42e0/1", "99 42e0/0 > 114 42e0/0", "96 640c/1 > 41 f400/1", "98 640c/0 > 43 f400/0"],
    ],
    [
      ["safari-h264"],
      "firefox-h264",
      ["97 42e0/1 > 96 42e0/1", "99 42e0/0 > 97 42e0/0", "96 640c/1 > -", "98 640c/0 > -"],
    ],
    [
      ["safari-h264"],
      "safari-h264",
      ["97 42e0/1 > 97 42e0/1", "99 42e0/0 > 99 42e0/0", "96 640c/1 > 96 640c/1", "98 640c/0 > 98 640c/0"],
    ],
  ] as const;
  const BY_AUDIO = [
    ["chromium-publish-simulcast", "chromium-watch", ["111 opus > 111 opus", "63 red > 63 red"]],
    ["chromium-publish-simulcast", "chromium-data-channel", ["111 opus > 111 opus", "63 red > 63 red"]],
    ["chromium-publish-simulcast", "firefox-watch", ["111 opus > 109 opus", "63 red > 109 opus"]],
    ["chromium-publish-single", "chromium-watch", ["111 opus > 111 opus", "63 red > 63 red"]],
    ["chromium-publish-single", "chromium-data-channel", ["111 opus > 111 opus", "63 red > 63 red"]],
    ["chromium-publish-single", "firefox-watch", ["111 opus > 109 opus", "63 red > 109 opus"]],
    ["firefox-publish-simulcast", "chromium-watch", ["109 opus > 111 opus"]],
    ["firefox-publish-simulcast", "chromium-data-channel", ["109 opus > 111 opus"]],
    ["firefox-publish-simulcast", "firefox-watch", ["109 opus > 109 opus"]],
  ] as const;

  test.each(
    BY_VIDEO.flatMap(([publishers, receiver, expected]) =>
      publishers.map((publisher) => [publisher, receiver, expected] as const),
    ),
  )("of the video of %s, %s", (publisher, receiver, expected) => {
    expect(flows(offered(publisher), offered(receiver), "video")).toEqual(expected);
  });

  test.each(BY_AUDIO)("of the sound of %s, %s", (publisher, receiver, expected) => {
    expect(flows(offered(publisher), offered(receiver), "audio")).toEqual(expected);
  });
});
