/**
 * Goal: a peer that reads our offer finds what we send in it, and its answer, read like an offer, says what it takes.
 */
import { describe, expect, test } from "vitest";
import { asSsrc } from "../../src/base/ids.ts";
import { negotiate } from "../../src/sdp/negotiate.ts";
import { type OfferSection, writeOffer } from "../../src/sdp/write-offer.ts";
import { description } from "./offers.ts";

const LOCAL = {
  ice: { ufrag: "ourufrag", pwd: "ourpasswordwouldhavenodashes" },
  fingerprint: { algorithm: "sha-256", value: Array(32).fill("0F").join(":") },
  candidates: [{ protocol: "udp", address: "192.0.2.1", port: 7882 }],
} as const;
const SENDER = { ssrc: asSsrc(11), rtxSsrc: asSsrc(12), cname: "c", msid: { streamId: "s", trackId: "t" } };

const SECTIONS = [
  { kind: "application", mid: "0" },
  { kind: "audio", mid: "1", sender: { ...SENDER, rtxSsrc: asSsrc(0) } },
  { kind: "video", mid: "2", sender: SENDER },
  { kind: "video", mid: "3", sender: undefined },
] satisfies OfferSection[];

const text = writeOffer({ sessionId: 5, version: 2, local: LOCAL, sections: SECTIONS as never });
const offer = description(text);

describe("an offer of ours", () => {
  test("has a section for each of ours in its place, in one bundle", () => {
    expect(offer.bundle).toEqual(["0", "1", "2", "3"]);
    expect(offer.sections.map(({ mid, media, direction }) => `${mid} ${media} ${direction}`)).toEqual([
      "0 application sendrecv",
      "1 audio sendonly",
      "2 video sendonly",
      "3 video inactive",
    ]);
    expect(offer.sections[0]).toMatchObject({ ice: LOCAL.ice, setup: "actpass", sctpPort: 5000 });
  });

  test("says how to reach us in each section, as long as nobody has agreed that they share a transport", () => {
    for (const { ice, setup, mid } of offer.sections) {
      expect({ mid, ice, setup }).toEqual({ mid, ice: LOCAL.ice, setup: "actpass" });
    }
    expect(text.match(/a=candidate/g)).toHaveLength(1);
  });

  test("names its streams", () => {
    const [, audio, video, idle] = offer.sections;
    expect(audio!.ssrcs).toEqual([{ ssrc: 11, rtxSsrc: 0 }]);
    expect(video!.ssrcs).toEqual([{ ssrc: 11, rtxSsrc: 12 }]);
    expect(video!.msid).toEqual({ streamId: "s", trackId: "t" });
    expect(idle!.ssrcs).toEqual([]);
  });

  test("proposes every payload type and every extension id once", () => {
    const [, audio, video] = offer.sections;
    const types = [...audio!.codecs, ...video!.codecs].map(({ payloadType }) => payloadType);
    expect(new Set(types).size).toBe(types.length);
    const ids = new Map(video!.extensions.map(({ id, uri }) => [id, uri]));
    expect(ids.size).toBe(video!.extensions.length);
    for (const { id, uri } of audio!.extensions) expect(ids.get(id)).toBe(uri);
  });
});

test("an answer that takes VP8 only, in the server's numbers", () => {
  const answer = text
    .replaceAll("a=sendonly", "a=recvonly")
    .replace("a=setup:actpass", "a=setup:active")
    .replace(/a=(?:ssrc|msid).*\r\n/g, "")
    .replace(/(m=video 9 \S+).*/g, "$1 96 97")
    .replace(/a=(?:rtpmap|fmtp|rtcp-fb):(?:98|99|10\d|11[0-3]) .*\r\n/g, "");
  const negotiation = negotiate(description(answer), {
    useOf: ({ direction }) => (direction === "inactive" ? "none" : "down"),
    data: true,
  });
  if (!negotiation.ok) throw new Error(negotiation.error);
  const { media, transport } = negotiation.outcome;
  expect(media.map(({ mid, use }) => `${mid} ${use}`)).toEqual(["1 down", "2 down", "3 none"]);
  expect(media[1]!.codecs.map(({ payload }) => payload)).toEqual([
    { payloadType: 96, codec: "VP8", clockRate: 90_000, profile: "", rtxPayloadType: 97 },
  ]);
  expect(media[1]!.codecs[0]!.feedback).toContain("nack pli");
  expect(transport.extensions["urn:ietf:params:rtp-hdrext:sdes:mid"]).toBe(1);
});
