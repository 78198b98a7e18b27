import { describe, expect, test } from "vitest";
import { asSsrc } from "../../src/base/ids.ts";
import type { Fingerprint } from "../../src/contract/media.ts";
import { negotiate } from "../../src/sdp/negotiate.ts";
import type { Flow } from "../../src/sdp/rtp-extensions.ts";
import type { OfferedCodec } from "../../src/sdp/session-description.ts";
import { writeAnswer } from "../../src/sdp/write-answer.ts";
import type { Sender } from "../../src/sdp/write-section.ts";
import { description, OFFERS, offerText, shortOffer } from "./offers.ts";

const DIGEST = Array.from({ length: 32 }, () => "0F").join(":");
const FINGERPRINT: Fingerprint = { algorithm: "sha-256", value: DIGEST };
const LOCAL = {
  ice: { ufrag: "ourufrag", pwd: "our-password-would-have-no-dashes".replaceAll("-", "") },
  fingerprint: FINGERPRINT,
  candidates: [
    { protocol: "udp", address: "192.0.2.1", port: 7882 },
    { protocol: "udp", address: "2001:db8::1", port: 7882 },
    { protocol: "tcp", address: "192.0.2.1", port: 7882 },
    { protocol: "tcp", address: "2001:db8::1", port: 7882 },
  ],
} as const;
const SENDER: Sender = {
  ssrc: asSsrc(11),
  rtxSsrc: asSsrc(12),
  cname: "TP-0",
  msid: { streamId: "TP-0", trackId: "SU_1" },
};

function answerTo(text: string, flow: Flow, senders = new Map<string, Sender>()): string {
  const negotiation = negotiate(description(text), { useOf: () => flow, data: false });
  if (!negotiation.ok) throw new Error(negotiation.error);
  const { outcome } = negotiation;
  return writeAnswer({ sessionId: 77, version: 3, local: LOCAL, outcome, senders });
}

const HEAD = [
  "v=0",
  "o=- 77 3 IN IP4 0.0.0.0",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0",
  "a=ice-lite",
  "a=ice-options:trickle ice2",
  `a=fingerprint:sha-256 ${DIGEST}`,
  "a=msid-semantic:WMS *",
];
const TRANSPORT = [
  "c=IN IP4 0.0.0.0",
  "a=mid:0",
  "a=ice-ufrag:ourufrag",
  "a=ice-pwd:ourpasswordwouldhavenodashes",
  "a=setup:passive",
  "a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host",
  "a=candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host",
  "a=candidate:3 1 tcp 2124414975 192.0.2.1 7882 typ host tcptype passive",
  "a=candidate:4 1 tcp 2124414719 2001:db8::1 7882 typ host tcptype passive",
  "a=end-of-candidates",
];
const toText = (lines: string[]) => lines.map((line) => `${line}\r\n`).join("");

test("an answer to a publisher, word for word", () => {
  const text = shortOffer("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", [
    "a=sendonly",
    "a=rtcp-rsize",
    "a=extmap-allow-mixed",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:10/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 goog-remb",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:98 VP9/90000",
    "a=fmtp:98 profile-id=0;max-fs=12288",
    "a=rid:f send max-width=1280",
    "a=rid:q send",
    "a=simulcast:send f;~q",
  ]);
  expect(answerTo(text, "up")).toBe(
    toText([
      ...HEAD,
      "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98",
      ...TRANSPORT,
      "a=recvonly",
      "a=extmap-allow-mixed",
      "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
      "a=extmap:10/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
      "a=rtcp-mux",
      "a=rtcp-rsize",
      "a=rtpmap:96 VP8/90000",
      "a=rtcp-fb:96 nack",
      "a=rtpmap:97 rtx/90000",
      "a=fmtp:97 apt=96",
      "a=rtpmap:98 VP9/90000",
      "a=fmtp:98 profile-id=0",
      "a=rid:f recv max-width=1280",
      "a=rid:q recv",
      "a=simulcast:recv f;~q",
    ]),
  );
});

test("an answer to a viewer, word for word; what is not media has port 0", () => {
  const text = shortOffer("m=video 9 UDP/TLS/RTP/SAVPF 96 97", [
    "a=recvonly",
    "a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 goog-remb",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "a=mid:data",
    "m=text 9 RTP/AVP 100",
  ]);
  expect(answerTo(text, "down", new Map([["0", SENDER]]))).toBe(
    toText([
      ...HEAD,
      "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
      ...TRANSPORT,
      "a=sendonly",
      "a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid",
      "a=rtcp-mux",
      "a=rtpmap:96 VP8/90000",
      "a=rtcp-fb:96 goog-remb",
      "a=rtpmap:97 rtx/90000",
      "a=fmtp:97 apt=96",
      "a=msid:TP-0 SU_1",
      "a=ssrc-group:FID 11 12",
      "a=ssrc:11 cname:TP-0",
      "a=ssrc:12 cname:TP-0",
      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
      "c=IN IP4 0.0.0.0",
      "a=mid:data",
      "a=inactive",
      "m=text 0 RTP/AVP 100",
      "c=IN IP4 0.0.0.0",
      "a=inactive",
    ]),
  );
});

test("data channels are answered with our port and size, and may describe the transport", () => {
  const text = shortOffer("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", ["a=sctp-port:5000"]);
  const negotiation = negotiate(description(text), { useOf: () => "none", data: true });
  if (!negotiation.ok) throw new Error(negotiation.error);
  const { outcome } = negotiation;
  expect(writeAnswer({ sessionId: 77, version: 3, local: LOCAL, outcome, senders: new Map() })).toBe(
    toText([
      ...HEAD,
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
      ...TRANSPORT,
      "a=sctp-port:5000",
      "a=max-message-size:262144",
    ]),
  );
});

test("without retransmissions there is one SSRC and no group; without anything to send the section is inactive", () => {
  const text = shortOffer("m=audio 9 UDP/TLS/RTP/SAVPF 111", ["a=rtpmap:111 opus/48000/2"]);
  const sender = { ...SENDER, rtxSsrc: asSsrc(0) };
  const lines = answerTo(text, "down", new Map([["0", sender]])).split("\r\n");
  expect(lines.filter((line) => line.startsWith("a=ssrc"))).toEqual(["a=ssrc:11 cname:TP-0"]);
  expect(answerTo(text, "down")).toContain("a=inactive\r\n");
});

/** Names of codecs are compared without regard to case (RFC 8866 §6.6); GStreamer writes OPUS. */
const nameOf = ({ payloadType, name }: OfferedCodec): string => `${payloadType} ${name.toLowerCase()}`;

describe.each(OFFERS)("%s", (name) => {
  const flow: Flow = name.includes("watch") ? "down" : "up";
  const offered = description(offerText(name));
  const senders = new Map(
    offered.sections.map(({ mid, kind }): [string, Sender] => [
      mid,
      kind === "video" ? SENDER : { ...SENDER, rtxSsrc: asSsrc(0) },
    ]),
  );
  const answer = description(answerTo(offerText(name), flow, flow === "down" ? senders : new Map()));

  test("the answer is well-formed and mirrors the offer section by section", () => {
    expect(answer.sections.map(({ mid, media, protocol }) => ({ mid, media, protocol }))).toEqual(
      offered.sections.map(({ mid, media, protocol }) => ({ mid, media, protocol })),
    );
  });

  test("it says nothing that was not offered", () => {
    for (const [index, section] of answer.sections.entries()) {
      const before = offered.sections[index]!;
      const offeredCodecs = before.codecs.map(nameOf);
      const offeredExtensions = before.extensions.map(({ id, uri }) => `${id} ${uri}`);
      for (const codec of section.codecs) {
        expect(offeredCodecs).toContain(nameOf(codec));
        const offeredCodec = before.codecs.find(({ payloadType }) => payloadType === codec.payloadType)!;
        expect(codec.feedback.isSubsetOf(offeredCodec.feedback)).toBe(true);
      }
      for (const { id, uri } of section.extensions) expect(offeredExtensions).toContain(`${id} ${uri}`);
      expect(before.rtcpRsize || !section.rtcpRsize).toBe(true);
      expect(before.extmapAllowMixed || !section.extmapAllowMixed).toBe(true);
    }
  });

  test("one transport, named in each section, and a group where the offer has one", () => {
    const described = answer.sections.filter(({ ice }) => ice !== null);
    const accepted = answer.sections.filter(({ rejected }) => !rejected).map(({ mid }) => mid);
    expect(described.map(({ mid }) => mid)).toEqual(accepted);
    expect(answer.bundle).toEqual(offered.bundle.length > 0 ? accepted : []);
    for (const { ice, setup } of described)
      expect({ ice, setup }).toEqual({ ice: LOCAL.ice, setup: "passive" });
    for (const { fingerprints } of answer.sections) expect(fingerprints).toEqual([FINGERPRINT]);
  });
});
