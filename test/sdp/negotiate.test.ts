import { describe, expect, test, vi } from "vitest";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";
import {
  type AcceptedMedia,
  type NegotiationOutcome,
  type NegotiationPolicy,
  negotiate,
} from "../../src/sdp/negotiate.ts";
import type { Flow } from "../../src/sdp/rtp-extensions.ts";
import { description, type OfferName, offer, offerText, shortOffer } from "./offers.ts";

const VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97";
const VP8 = "a=rtpmap:96 VP8/90000";
const UP: NegotiationPolicy = { useOf: () => "up", data: false };

function outcomeOf(text: string, flow: Flow = "up"): NegotiationOutcome {
  const negotiation = negotiate(description(text), { useOf: () => flow, data: false });
  if (!negotiation.ok) throw new Error(negotiation.error);
  return negotiation.outcome;
}

function outcomeOfOffer(name: OfferName, flow: Flow): NegotiationOutcome {
  const negotiation = negotiate(offer(name), { useOf: () => flow, data: false });
  if (!negotiation.ok) throw new Error(negotiation.error);
  return negotiation.outcome;
}

const payloadsOf = ({ codecs }: AcceptedMedia) =>
  codecs.map(({ payload: { payloadType, codec, profile, rtxPayloadType } }) =>
    `${payloadType}/${rtxPayloadType ?? "-"} ${codec} ${profile}`.trimEnd(),
  );

describe("real offers", () => {
  test("Chromium publishes: every codec that we route with its RTX, others not", () => {
    const { transport, media } = outcomeOfOffer("chromium-publish-simulcast", "up");
    expect(transport.remoteIce.ufrag).toBe("azJT");
    expect(transport.fingerprints).toHaveLength(1);
    expect(media.map(payloadsOf)).toEqual([
      ["111/- opus", "63/- red 111/111"],
      [
        "96/97 VP8",
        "102/103 H264 packetization-mode=1;profile=4200",
        "104/107 H264 packetization-mode=0;profile=4200",
        "108/109 H264 packetization-mode=1;profile=42e0",
        "114/115 H264 packetization-mode=0;profile=42e0",
        "116/117 H264 packetization-mode=1;profile=4d00",
        "39/40 H264 packetization-mode=0;profile=4d00",
        "45/46 AV1 profile=0",
        "98/99 VP9 profile-id=0",
      ],
    ]);
    const [audio, video] = media;
    expect(audio!.codecs[0]).toMatchObject({
      rtpmap: "opus/48000/2",
      fmtp: "minptime=10;useinbandfec=1",
      feedback: ["transport-cc"],
    });
    expect(video!.codecs[0]).toMatchObject({
      rtpmap: "VP8/90000",
      fmtp: "",
      feedback: ["nack", "nack pli", "ccm fir", "transport-cc"],
    });
    expect(video!.published).toMatchObject({ lowestFirst: ["q", "h", "f"], ssrcs: [] });
    // What nobody reads, such as video-layers-allocation, would only make packets longer.
    const known: readonly string[] = Object.values(EXTENSION_URI);
    expect(Object.keys(transport.extensions).filter((uri) => !known.includes(uri))).toEqual([]);
  });

  test("Firefox publishes: SSRCs belong to encodings, limits of its decoder are not repeated", () => {
    const { transport, media } = outcomeOfOffer("firefox-publish-simulcast", "up");
    const video = media[1]!;
    expect(payloadsOf(video)).toEqual(["120/124 VP8", "121/125 VP9 profile-id=0", "99/100 AV1 profile=0"]);
    expect(video.codecs[0]!.fmtp).toBe("");
    expect(video.published!.ssrcs.map(({ ssrc }) => ssrc)).toEqual([1286889273, 3910802003, 3772680460]);
    expect(transport.extensions).toEqual({
      "urn:ietf:params:rtp-hdrext:ssrc-audio-level": 1,
      "urn:ietf:params:rtp-hdrext:sdes:mid": 3,
      "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": 4,
      "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": 7,
      "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": 8,
      "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": 9,
      "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": 10,
    });
  });

  test("Chromium watches: transport-wide feedback, and no REMB beside it", () => {
    const { transport, media } = outcomeOfOffer("chromium-watch", "down");
    expect(media.map(({ kind }) => kind)).toEqual(["audio", "video", "audio", "video"]);
    expect(media[0]!.codecs[0]!.feedback).toEqual(["transport-cc"]);
    expect(media[1]!.codecs[0]!.feedback).toEqual(["nack", "nack pli", "ccm fir", "transport-cc"]);
    expect(media[1]!.published).toBeNull();
    // Not for what it watches, but for what it may publish later on the same connection.
    expect(transport.extensions["urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"]).toBe(10);
    expect(transport.extensions["urn:ietf:params:rtp-hdrext:sdes:mid"]).toBe(4);
  });

  test("GStreamer publishes: its retransmissions are taken, forward error correction (RED, ULPFEC) is not", () => {
    const { transport, media, group } = outcomeOfOffer("gstreamer-publish", "up");
    expect(transport.extensions).toEqual({});
    expect(media.map(payloadsOf)).toEqual([["96/100 VP8"], ["97/104 opus"]]);
    expect(media.map(({ codecs }) => codecs[0]!.feedback)).toEqual([
      ["nack", "nack pli", "ccm fir"],
      ["nack"],
    ]);
    expect(media.map(({ published }) => published!.ssrcs)).toEqual([
      [{ ssrc: 1829440528, rtxSsrc: 1090123366 }],
      [{ ssrc: 3305914740, rtxSsrc: 1178127357 }],
    ]);
    expect(group).toEqual(["video0", "audio1"]);
  });

  test("GStreamer publishes one section without a BUNDLE group", () => {
    const { media, group } = outcomeOfOffer("gstreamer-publish-alone", "up");
    expect(media.map(payloadsOf)).toEqual([["96/- H264 packetization-mode=1;profile=42e0"]]);
    expect(group).toEqual([]);
  });

  test("GStreamer watches", () => {
    const { media } = outcomeOfOffer("gstreamer-watch", "down");
    expect(media.map(payloadsOf)).toEqual([
      ["96/98 VP8", "102/- H264 packetization-mode=1;profile=42e0"],
      ["97/99 opus"],
    ]);
  });

  test.each([
    { lacks: "transport-wide-cc", hears: "goog-remb" },
    { lacks: "abs-send-time", hears: "transport-cc" },
    { lacks: "transport-wide-cc|abs-send-time", hears: "neither" },
  ])("who publishes without $lacks hears $hears", ({ lacks, hears }) => {
    const lines = offerText("chromium-publish-simulcast").split("\r\n");
    const kept = lines.filter((line) => !(line.startsWith("a=extmap") && new RegExp(lacks).test(line)));
    const { feedback } = outcomeOf(kept.join("\r\n")).media[1]!.codecs[0]!;
    expect(feedback.filter((value) => /goog-remb|transport-cc/.test(value))).toEqual(
      hears === "neither" ? [] : [hears],
    );
  });

  test("data channels are rejected where they are not wanted, and so is a section that receives only", () => {
    const { sections, bundle } = outcomeOfOffer("chromium-data-channel", "up");
    expect(sections.map((section) => section.accepted || section.reason)).toEqual([
      "a=recvonly does not fit here",
      true,
      "m=application is not supported",
    ]);
    expect(bundle.map(({ mid }) => mid)).toEqual(["1"]);
  });
});

describe("sessions that live long", () => {
  const LIVE: NegotiationPolicy = {
    useOf: ({ direction }) => (direction === "recvonly" ? "down" : direction === "inactive" ? "none" : "up"),
    data: true,
  };

  function live(text: string, policy = LIVE): NegotiationOutcome {
    const negotiation = negotiate(description(text), policy);
    if (!negotiation.ok) throw new Error(negotiation.error);
    return negotiation.outcome;
  }

  test("data channels are accepted, and described last as in the offer", () => {
    const { bundle, media, data } = live(offerText("chromium-data-channel"));
    expect(data).toBe(bundle[2]);
    expect(bundle.map(({ kind }) => kind)).toEqual(["audio", "video", "application"]);
    expect(media.map(({ use }) => use)).toEqual(["down", "up"]);
  });

  test("data channels alone carry a transport", () => {
    const line = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
    expect(live(shortOffer(line, ["a=sctp-port:5000"]))).toMatchObject({
      media: [],
      bundle: [{ kind: "application", mid: "0" }],
      transport: { extensions: {} },
    });
    expect(negotiate(description(shortOffer(line, [])), LIVE)).toEqual({
      ok: false,
      error: "a=sctp-port is needed",
    });
  });

  test("a section that rests keeps its codecs and header extensions", () => {
    const extmap = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid";
    const [video] = live(shortOffer(VIDEO, [VP8, extmap, "a=inactive", "a=ssrc:1 cname:x"])).media;
    expect(video).toMatchObject({ use: "none", published: null, extensions: [{ id: 4 }] });
    expect(payloadsOf(video!)).toEqual(["96/- VP8"]);
  });

  test("the codec that is preferred comes first, and what is said of Opus is the server's wish", () => {
    const preferenceFor: NegotiationPolicy["preferenceFor"] = ({ kind }) =>
      kind === "audio" ? { opus: { stereo: true, dtx: false } } : { codec: "VP9" };
    const { media } = live(offerText("chromium-publish-simulcast"), { ...LIVE, preferenceFor });
    expect(media[0]!.codecs[0]!.fmtp).toBe("minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000");
    expect(media[0]!.codecs[1]).toMatchObject({ rtpmap: "red/48000/2", fmtp: "111/111" });
    expect(payloadsOf(media[1]!).slice(0, 2)).toEqual(["98/99 VP9 profile-id=0", "96/97 VP8"]);
    expect(media[1]!.codecs).toHaveLength(9);

    const silent = { ...LIVE, preferenceFor: () => ({ opus: { stereo: false, dtx: true } }) };
    const [audio] = live(offerText("chromium-publish-simulcast"), silent).media;
    expect(audio!.codecs[0]!.fmtp).toBe("minptime=10;useinbandfec=1;usedtx=1");
  });
});

describe("codecs", () => {
  test.each([
    ["opus/48000/2", "", "111/- opus"],
    ["OPUS/48000/2", "", "111/- opus"],
    ["opus/48000", "", null],
    ["opus/16000/2", "", null],
    ["red/48000/2", "111/111", "111/- red 111/111"],
    ["red/48000/2", "", null],
    ["red/48000/2", "0-5", null],
    ["red/90000", "111/111", null],
    ["VP8/90000", "", null],
  ])("audio %s", (rtpmap, fmtp, expected) => {
    const lines = [`a=rtpmap:111 ${rtpmap}`, ...(fmtp === "" ? [] : [`a=fmtp:111 ${fmtp}`])];
    expectPayload(shortOffer("m=audio 9 UDP/TLS/RTP/SAVPF 111", lines), expected);
  });

  test.each([
    ["VP8/90000", "max-fr=60", "96/- VP8"],
    ["vp8/90000", "", "96/- VP8"],
    ["VP8/48000", "", null],
    ["VP9/90000", "", "96/- VP9 profile-id=0"],
    ["VP9/90000", "profile-id=0", "96/- VP9 profile-id=0"],
    ["VP9/90000", "profile-id=2", null],
    ["AV1/90000", "", "96/- AV1 profile=0"],
    ["AV1/90000", "level-idx=5; PROFILE=0", "96/- AV1 profile=0"],
    ["AV1/90000", "profile=1", null],
    ["H265/90000", "", null],
    ["H264/90000", "", "96/- H264 packetization-mode=0;profile=4200"],
    ["H264/90000", "packetization-mode=1", "96/- H264 packetization-mode=1;profile=4200"],
    ["H264/90000", "packetization-mode=2;profile-level-id=42e01f", null],
    ["H264/90000", "profile-level-id=42e01f", "96/- H264 packetization-mode=0;profile=42e0"],
    ["H264/90000", "profile-level-id=42C02A", "96/- H264 packetization-mode=0;profile=42e0"],
    ["H264/90000", "profile-level-id=4d801f", "96/- H264 packetization-mode=0;profile=42e0"],
    ["H264/90000", "profile-level-id=58c01f", "96/- H264 packetization-mode=0;profile=42e0"],
    ["H264/90000", "profile-level-id=58801f", "96/- H264 packetization-mode=0;profile=4200"],
    ["H264/90000", "profile-level-id=4d001f", "96/- H264 packetization-mode=0;profile=4d00"],
    ["H264/90000", "profile-level-id=640028", "96/- H264 packetization-mode=0;profile=6400"],
    ["H264/90000", "profile-level-id=640c28", "96/- H264 packetization-mode=0;profile=640c"],
    ["H264/90000", "profile-level-id=f4001f", null],
    ["H264/90000", "profile-level-id=nonsense", null],
  ])("video %s %s", (rtpmap, fmtp, expected) => {
    const lines = [`a=rtpmap:96 ${rtpmap}`, ...(fmtp === "" ? [] : [`a=fmtp:96 ${fmtp}`])];
    expectPayload(shortOffer("m=video 9 UDP/TLS/RTP/SAVPF 96", lines), expected);
  });

  function h264(...ids: string[]): string {
    const lines = ids.flatMap((id, at) => [
      `a=rtpmap:${97 + at} H264/90000`,
      `a=fmtp:${97 + at} packetization-mode=1;profile-level-id=${id}`,
    ]);
    const line = `m=video 9 UDP/TLS/RTP/SAVPF ${ids.map((_, at) => 97 + at).join(" ")} 96`;
    return shortOffer(line, [...lines, VP8]);
  }

  const profilesOf = (text: string, flow: Flow): string[] =>
    outcomeOf(text, flow).media[0]!.codecs.map(
      ({ payload }) => payload.profile.split("profile=")[1] ?? "VP8",
    );

  test.each([
    ["Safari", ["640c1f", "42e01f"], ["42e0", "640c", "VP8"]],
    ["Chromium, which encodes baseline in hardware", ["42001f", "42e01f"], ["4200", "42e0", "VP8"]],
    ["one with every profile", ["64001f", "4d001f", "42e01f"], ["42e0", "4d00", "6400", "VP8"]],
  ])("of H264 a publisher is to send what the most can decode: %s", (_who, ids, expected) => {
    expect(profilesOf(h264(...ids), "up")).toEqual(expected);
  });

  test("what a receiver names of H264 stays in its order", () => {
    expect(profilesOf(h264("640c1f", "42e01f"), "down")).toEqual(["640c", "42e0", "VP8"]);
  });

  test("high 4:4:4 is asked of nobody, though those who decode it may be sent the profiles below", () => {
    const text = h264("f4001f", "42e01f");
    expect(profilesOf(text, "up")).toEqual(["42e0", "VP8"]);
    expect(profilesOf(text, "down")).toEqual(["f400", "42e0", "VP8"]);
  });

  function expectPayload(text: string, expected: string | null): void {
    const negotiation = negotiate(description(text), UP);
    if (expected === null) {
      expect(negotiation).toEqual({ ok: false, error: "no codec of the section is supported" });
    } else {
      expect(negotiation.ok && payloadsOf(negotiation.outcome.media[0]!)).toEqual([expected]);
    }
  }

  test("payload types that look like RTCP are not used (RFC 5761 §4)", () => {
    const line = "m=video 9 UDP/TLS/RTP/SAVPF 63 64 95 96 72 97";
    const lines = [63, 64, 95, 96].map((payloadType) => `a=rtpmap:${payloadType} VP8/90000`);
    const rtx = ["a=rtpmap:72 rtx/90000", "a=fmtp:72 apt=63", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96"];
    const [video] = outcomeOf(shortOffer(line, [...lines, ...rtx])).media;
    expect(payloadsOf(video!)).toEqual(["63/- VP8", "96/97 VP8"]);
  });

  test("format parameters may be spaced and in any case; the first of two with one name counts", () => {
    const fmtp = "a=fmtp:96 Profile-Level-Id=42E01F; packetization-mode = 1 ;sprop;packetization-mode=0";
    const [video] = outcomeOf(shortOffer(VIDEO, ["a=rtpmap:96 H264/90000", fmtp])).media;
    expect(payloadsOf(video!)).toEqual(["96/- H264 packetization-mode=1;profile=42e0"]);
    expect(video!.codecs[0]!.fmtp).toBe("profile-level-id=42E01F;packetization-mode=1");
  });

  test("of two RTX for one payload type the first counts, and its name has no case", () => {
    const line = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98";
    const rtx = (payloadType: number) => [
      `a=rtpmap:${payloadType} RTX/90000`,
      `a=fmtp:${payloadType} apt=96`,
    ];
    const [video] = outcomeOf(shortOffer(line, [VP8, ...rtx(97), ...rtx(98)])).media;
    expect(payloadsOf(video!)).toEqual(["96/97 VP8"]);
  });

  test("a viewer whose packets are numbered, and who reports no arrivals, is asked for its own estimate", () => {
    const extmap = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    const text = shortOffer(VIDEO, [VP8, "a=rtcp-fb:96 goog-remb", extmap]);
    expect(outcomeOf(text, "down").media[0]!.codecs[0]!.feedback).toEqual(["goog-remb"]);
  });

  test("transport-cc needs its header extension", () => {
    const lines = [VP8, "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:96 nack"];
    const extmap = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    const feedback = (...more: string[]) =>
      outcomeOf(shortOffer(VIDEO, [...lines, ...more])).media[0]!.codecs[0]!.feedback;
    expect(feedback()).toEqual(["nack"]);
    expect(feedback(extmap)).toEqual(["nack", "transport-cc"]);
  });

  test("a space at its end does not matter", () => {
    const text = shortOffer(VIDEO, [VP8, "a=rtcp-fb:96 nack ", "a=rtcp-fb:96 nack pli"]);
    expect(outcomeOf(text).media[0]!.codecs[0]!.feedback).toEqual(["nack", "nack pli"]);
  });
});

describe("header extensions", () => {
  const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";

  test.each([
    ["a one-byte id", [`a=extmap:14 ${MID}`], { [MID]: 14 }],
    ["a two-byte id", [`a=extmap:16 ${MID}`], {}],
    ["a two-byte id where forms may be mixed", [`a=extmap:16 ${MID}`, "a=extmap-allow-mixed"], { [MID]: 16 }],
    ["one that the offerer only sends", [`a=extmap:1/sendonly ${MID}`], { [MID]: 1 }],
    ["one that the offerer only receives", [`a=extmap:1/recvonly ${MID}`], {}],
    ["an inactive one", [`a=extmap:1/inactive ${MID}`], {}],
    ["an unknown one", ["a=extmap:1 urn:unknown"], {}],
  ])("%s, when publishing", (_name, lines, expected) => {
    expect(outcomeOf(shortOffer(VIDEO, [VP8, ...lines])).transport.extensions).toEqual(expected);
  });

  const TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
  const LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
  const extensionsOf = ({ media }: NegotiationOutcome) =>
    media.map(({ extensions }) => extensions.map(({ uri, id }) => [uri, id]));

  test.each([
    [`a=extmap:1 ${MID}`, `a=extmap:2 ${MID}`],
    [`a=extmap:1 ${MID}`, `a=extmap:1 ${TIME}`],
  ])("what a section says otherwise than an earlier one is left out: %s, %s", (first, second) => {
    const outcome = outcomeOf(twoSections([VP8, first], [VP8, second]));
    expect(extensionsOf(outcome)).toEqual([[[MID, 1]], []]);
    expect(outcome.transport.extensions).toEqual({ [MID]: 1 });
    expect(extensionsOf(outcomeOf(shortOffer(VIDEO, [VP8, first, second])))).toEqual([[[MID, 1]]]);
  });

  test("a section that is rejected takes no id", () => {
    const outcome = outcomeOf(twoSections([`a=extmap:1 ${MID}`], [VP8, `a=extmap:1 ${TIME}`]));
    expect(outcome.transport.extensions).toEqual({ [TIME]: 1 });
  });

  test("aiortc, to which id 2 is another one in each section, is promised no estimate from the second", () => {
    const outcome = outcomeOfOffer("aiortc-publish", "up");
    expect(extensionsOf(outcome)).toEqual([
      [
        [MID, 1],
        [LEVEL, 2],
      ],
      [[MID, 1]],
    ]);
    expect(outcome.media[1]!.codecs.map(({ feedback }) => feedback)).toEqual(
      Array.from({ length: 3 }, () => ["nack", "nack pli"]),
    );
    const text = offerText("aiortc-publish").replace(`a=extmap:2 ${TIME}`, `a=extmap:3 ${TIME}`);
    expect(outcomeOf(text).media[1]!.codecs[0]!.feedback).toEqual(["nack", "nack pli", "goog-remb"]);
  });
});

function twoSections(first: string[], second: string[], media = VIDEO): string {
  const text = shortOffer(media, first).replace("BUNDLE 0", "BUNDLE 0 1");
  return `${text}${VIDEO}\r\na=mid:1\r\na=rtcp-mux\r\n${second.join("\r\n")}\r\n`;
}

describe("simulcast", () => {
  const lowestFirst = (streams: string) => published(streams).lowestFirst;
  const published = (streams: string, more: string[] = []) => {
    const rids = streams.split(/[;,]/).map((rid) => `a=rid:${rid.replace("~", "")} send`);
    const lines = [VP8, ...new Set(rids), `a=simulcast:send ${streams}`, ...more];
    return outcomeOf(shortOffer(VIDEO, lines)).media[0]!.published!;
  };

  test.each([
    ["q;h;f", ["q", "h", "f"]],
    ["f;h;q", ["q", "h", "f"]],
    ["f;q", ["q", "f"]],
    ["h;m;l", ["l", "m", "h"]],
    ["l;h", ["l", "h"]],
    ["h;f", ["h", "f"]],
    ["2;1;0", ["2", "1", "0"]],
    ["hi;lo", ["hi", "lo"]],
    ["q;m", ["q", "m"]],
    ["q;q;f", ["q", "f"]],
    ["a,b;c", ["a", "c"]],
    ["a,b;a,b", ["a", "b"]],
    ["q", ["q"]],
  ])("send %s: from the lowest up %j", (streams, expected) => {
    expect(lowestFirst(streams)).toEqual(expected);
  });

  test.each([
    ["q;h;f", false],
    ["h;l", false],
    ["2;1;0", true],
    ["q;m", true],
  ])("send %s: its order is a guess: %j", (streams, expected) => {
    expect(published(streams).isOrderGuessed).toBe(expected);
  });

  test("streams keep the offer's order and stay paused", () => {
    expect(published("f;~q").simulcast).toEqual([
      { rid: "f", paused: false },
      { rid: "q", paused: true },
    ]);
  });

  test("only rids that are declared for sending count", () => {
    const lines = [VP8, "a=rid:q send", "a=rid:h recv", "a=simulcast:send q;h;f"];
    expect(outcomeOf(shortOffer(VIDEO, lines)).media[0]!.published!.lowestFirst).toEqual(["q"]);
  });

  test("a rid for payload types that are gone is gone; others keep what is left", () => {
    const lines = [
      VP8,
      "a=rtpmap:97 H265/90000",
      "a=rid:q send pt=96,97;max-width=320",
      "a=rid:f send pt=97",
      "a=simulcast:send q;f",
    ];
    expect(outcomeOf(shortOffer(VIDEO, lines)).media[0]!.published!.rids).toEqual([
      { id: "q", direction: "send", restrictions: ["pt=96", "max-width=320"] },
    ]);
  });

  test("a rid that is named again and again is read once", () => {
    const alternatives = Array(16).fill(Array(16).fill("q").join(",")).join(";");
    const lines = [VP8, `a=rid:q send pt=97;${"a=1;".repeat(100)}b=2`, `a=simulcast:send ${alternatives}`];
    const offered = description(shortOffer(VIDEO, lines));
    const join = vi.spyOn(offered.sections[0]!.rids[0]!.restrictions as string[], "join");
    expect(negotiate(offered, UP).ok).toBe(true);
    expect(join).toHaveBeenCalledOnce();
  });

  const SSRCS = ["1", "2"].map((ssrc) => `a=ssrc:${ssrc} cname:x`);
  test.each([
    ["as many SSRCs as streams: in the order of layers", "f;q", SSRCS, [2, 1]],
    ["more streams than SSRCs: not known", "q;h;f", SSRCS, []],
    ["a stream that is not taken: not known", "q;q", SSRCS, []],
  ])("%s", (_name, streams, ssrcs, expected) => {
    expect(published(streams, ssrcs).ssrcs.map(({ ssrc }) => ssrc)).toEqual(expected);
  });

  test("without simulcast the first SSRC is the stream's", () => {
    const { media } = outcomeOf(shortOffer(VIDEO, [VP8, ...SSRCS]));
    expect(media[0]!.published).toEqual({
      simulcast: [],
      rids: [],
      lowestFirst: [],
      isOrderGuessed: false,
      ssrcs: [{ ssrc: 1, rtxSsrc: 0 }],
    });
  });
});

describe("transport", () => {
  const NOT_BUNDLED = "a=group:BUNDLE must name all sections, as it does with the bundle policy max-bundle";
  const text = shortOffer(VIDEO, [VP8]);
  test.each([
    ["a=group:BUNDLE 0", "a=group:BUNDLE 1", NOT_BUNDLED],
    ["a=mid:0", "a=x", "a=mid is needed"],
    ["a=rtcp-mux", "a=x", "a=rtcp-mux is needed"],
    ["a=ice-ufrag:abcd", "a=x", "a=ice-ufrag and a=ice-pwd are needed"],
    ["a=ice-pwd:abcdefghijklmnopqrstuv", "a=x", "a=ice-ufrag and a=ice-pwd are needed"],
    ["a=fingerprint:sha-256", "a=x:", "a=fingerprint with sha-256, sha-384 or sha-512 is needed"],
    ["a=setup:actpass", "a=setup:passive", "a=setup must be actpass or active"],
    ["a=setup:actpass", "a=x", "a=setup must be actpass or active"],
    ["UDP/TLS/RTP/SAVPF", "RTP/AVP", "RTP/AVP is not supported"],
    ["m=video 9", "m=video 0", "the section has port 0"],
    ["a=rtcp-mux", "a=rtcp-mux\r\na=recvonly", "a=recvonly does not fit here"],
  ])("without %s (%s)", (from, to, error) => {
    expect(negotiate(description(text.replace(from, to)), UP)).toEqual({ ok: false, error });
  });

  test("a section that is alone needs no BUNDLE group, two do", () => {
    expect(outcomeOf(text.replace("a=group:BUNDLE 0", "a=group:LS 0"))).toMatchObject({
      bundle: [{ mid: "0" }],
      group: [],
    });
    const two = twoSections([VP8], [VP8]).replace("a=group:BUNDLE 0 1", "a=group:LS 0 1");
    expect(negotiate(description(two), UP)).toEqual({ ok: false, error: NOT_BUNDLED });
  });

  test("the DTLS client role may be fixed", () => {
    expect(outcomeOf(text.replace("actpass", "active")).bundle).toHaveLength(1);
  });

  test("the group's transport is that of the first accepted section, or of the tagged one", () => {
    const own = ["a=ice-ufrag:wxyz", "a=ice-pwd:zyxwvutsrqponmlkjihgfe"];
    const more = [`a=fingerprint:sha-256 ${Array(32).fill("CD").join(":")}`, "a=setup:actpass"];
    const application = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
    const ufrag = (second: string[]) =>
      outcomeOf(twoSections([], [VP8, ...second], application)).transport.remoteIce.ufrag;
    expect(ufrag([])).toBe("abcd");
    expect(ufrag([...own, ...more])).toBe("wxyz");
  });

  test("each section may flow its own way", () => {
    const text = twoSections([VP8, "a=sendonly"], [VP8, "a=recvonly"]);
    const negotiation = negotiate(description(text), {
      useOf: ({ direction }) => (direction === "sendonly" ? "up" : "down"),
      data: false,
    });
    expect(negotiation.ok && negotiation.outcome.media.map(({ use }) => use)).toEqual(["up", "down"]);
  });
});
