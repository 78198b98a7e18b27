/** Goal: every line that a browser writes is understood, and nothing that anybody writes does harm. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDescription } from "../../src/sdp/parse.ts";
import { description, OFFERS, offer, offerText, shortOffer } from "./offers.ts";

describe("golden offers", () => {
  test("Chromium publishes audio and simulcast video", () => {
    const { sections, bundle } = offer("chromium-publish-simulcast");
    expect(bundle).toEqual(["0", "1"]);
    const [audio, video] = sections;
    expect(audio).toMatchObject({
      media: "audio",
      kind: "audio",
      protocol: "UDP/TLS/RTP/SAVPF",
      rejected: false,
      mid: "0",
      direction: "sendonly",
      ice: { ufrag: "azJT", pwd: "Ixho/W/yuj37cOUGWcVqUBUF" },
      setup: "actpass",
      rtcpMux: true,
      rtcpRsize: true,
      extmapAllowMixed: true,
      rids: [],
      simulcast: [],
      ssrcs: [{ ssrc: 3588119298, rtxSsrc: 0 }],
      msid: {
        streamId: "b32be153-5084-4e27-a017-ef117c433c62",
        trackId: "1e7ee43d-bcb3-4c29-90e7-cf3ef57b1dbe",
      },
    });
    expect(audio!.fingerprints).toEqual([
      { algorithm: "sha-256", value: expect.stringMatching(/^3C:48:16(:[0-9A-F]{2}){29}$/) },
    ]);
    expect(audio!.codecs[0]).toEqual({
      payloadType: 111,
      name: "opus",
      clockRate: 48_000,
      channels: 2,
      fmtp: "minptime=10;useinbandfec=1",
      feedback: new Set(["transport-cc"]),
    });
    expect(audio!.codecs.map(({ name }) => name)).toEqual(
      "opus red G722 PCMU PCMA CN telephone-event telephone-event".split(" "),
    );

    expect(video!.rids.map(({ id, direction }) => `${id} ${direction}`)).toEqual([
      "q send",
      "h send",
      "f send",
    ]);
    expect(video!.simulcast).toEqual([
      [{ rid: "q", paused: false }],
      [{ rid: "h", paused: false }],
      [{ rid: "f", paused: false }],
    ]);
    expect(video!.ssrcs).toEqual([]);
    expect(video!.extensions).toHaveLength(13);
    expect(video!.extensions.find(({ id }) => id === 12)).toEqual({
      id: 12,
      uri: "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
      direction: "sendrecv",
    });
    expect(video!.codecs[0]!.feedback).toEqual(
      new Set(["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]),
    );
    expect(video!.codecs.find(({ payloadType }) => payloadType === 103)).toMatchObject({
      name: "rtx",
      fmtp: "apt=102",
    });
  });

  test("Firefox puts the fingerprint at session level, port 0 into bundle-only sections, SSRCs beside RIDs", () => {
    const { sections } = offer("firefox-publish-simulcast");
    const [audio, video] = sections;
    expect(audio!.fingerprints).toEqual(video!.fingerprints);
    expect(audio!.fingerprints[0]!.value).toMatch(/^97:1F:A2/);
    expect(video!.rejected).toBe(false);
    expect(video!.extmapAllowMixed).toBe(true);
    expect(video!.extensions.map(({ id, direction }) => `${id} ${direction}`)).toEqual([
      "3 sendrecv",
      "4 sendrecv",
      "5 sendrecv",
      "6 recvonly",
      "7 sendrecv",
      "8 sendonly",
      "9 sendonly",
      "10 sendonly",
    ]);
    expect(video!.ssrcs).toEqual([
      { ssrc: 1286889273, rtxSsrc: 939674372 },
      { ssrc: 3910802003, rtxSsrc: 3808008917 },
      { ssrc: 3772680460, rtxSsrc: 4005162367 },
    ]);
    expect(video!.codecs[0]).toMatchObject({ name: "VP8", fmtp: "max-fs=12288;max-fr=60" });
  });

  test("Chromium without simulcast pairs the SSRC with that of its retransmissions", () => {
    expect(offer("chromium-publish-single").sections[1]!.ssrcs).toEqual([
      { ssrc: 765615113, rtxSsrc: 369742962 },
    ]);
  });

  test("data channels are a section that is not media", () => {
    const application = offer("chromium-data-channel").sections[2]!;
    expect(application).toMatchObject({
      media: "application",
      kind: null,
      protocol: "UDP/DTLS/SCTP",
      formats: ["webrtc-datachannel"],
      codecs: [],
    });
  });

  test.each(OFFERS)("%s: line ends and the last line's end do not matter", (name) => {
    const text = offerText(name);
    expect(description(text.replaceAll("\r\n", "\n"))).toEqual(offer(name));
    expect(description(text.trimEnd())).toEqual(offer(name));
  });
});

const VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96";

describe("attributes", () => {
  const first = (...lines: string[]) => description(shortOffer(VIDEO, lines)).sections[0]!;

  test("a section without a direction sends and receives", () => {
    expect(first().direction).toBe("sendrecv");
    expect(first("a=inactive").direction).toBe("inactive");
  });

  test("port 0 rejects, unless the section is bundle-only", () => {
    const zero = "m=video 0 UDP/TLS/RTP/SAVPF 96";
    expect(description(shortOffer(zero, [])).sections[0]!.rejected).toBe(true);
    expect(description(shortOffer(zero, ["a=bundle-only"])).sections[0]!.rejected).toBe(false);
  });

  test("feedback for all payload types adds to that of each", () => {
    const section = description(
      shortOffer("m=video 9 UDP/TLS/RTP/SAVPF 96 97", [
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 VP9/90000",
        "a=rtcp-fb:* nack",
        "a=rtcp-fb:97 nack pli",
      ]),
    ).sections[0]!;
    expect(section.codecs.map(({ feedback }) => [...feedback])).toEqual([["nack"], ["nack", "nack pli"]]);
  });

  test("formats without rtpmap, and rtpmaps without format, are no codecs", () => {
    expect(first("a=rtpmap:97 VP8/90000", "a=fmtp:96 x=1").codecs).toEqual([]);
  });

  test.each([
    ["send 1,~2;~3", [["1", "~2"], ["~3"]]],
    ["send a;b recv c", [["a"], ["b"]]],
    ["recv c send a", [["a"]]],
    ["recv c", []],
  ])("a=simulcast:%s", (value, expected) => {
    const { simulcast } = first(`a=simulcast:${value}`);
    const written = simulcast.map((streams) => streams.map(({ rid, paused }) => (paused ? `~${rid}` : rid)));
    expect(written).toEqual(expected);
  });

  test("restrictions of a rid are kept", () => {
    expect(first("a=rid:q send pt=96;max-width=320").rids).toEqual([
      { id: "q", direction: "send", restrictions: ["pt=96", "max-width=320"] },
    ]);
  });

  test("digests that prove nothing are passed over, names of digests have no case", () => {
    const digest = Array.from({ length: 48 }, () => "0a").join(":");
    const { fingerprints } = first("a=fingerprint:sha-1 00:01", `a=fingerprint:SHA-384 ${digest}`);
    expect(fingerprints).toHaveLength(2);
    expect(fingerprints[1]).toEqual({ algorithm: "sha-384", value: digest.toUpperCase() });
  });

  test("transport attributes of the session hold where a section has none", () => {
    const session = ["a=extmap:3 urn:x", "a=extmap-allow-mixed"];
    const section = description(shortOffer(VIDEO, [], session)).sections[0]!;
    expect(section.extensions).toEqual([{ id: 3, uri: "urn:x", direction: "sendrecv" }]);
    expect(section.extmapAllowMixed).toBe(true);
  });

  test("so do those of ICE and DTLS", () => {
    const lines = shortOffer(VIDEO, []).split("\r\n");
    const isTransport = (line: string): boolean => /^a=(?:ice-|fingerprint|setup)/.test(line);
    const own = lines.filter((line) => !isTransport(line));
    const moved = [...own.slice(0, 5), ...lines.filter(isTransport), ...own.slice(5)];
    expect(description(moved.join("\r\n"))).toEqual(description(shortOffer(VIDEO, [])));
  });

  test("a track in several streams counts as in the first", () => {
    expect(first("a=msid:a t", "a=msid:b t").msid).toEqual({ streamId: "a", trackId: "t" });
    expect(first("a=msid:a").msid).toEqual({ streamId: "a", trackId: "" });
  });

  test("data channels have a port, and a size that is the RFC's where none is named", () => {
    const line = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
    const section = (...more: string[]) => description(shortOffer(line, more)).sections[0];
    expect(section()).toMatchObject({ sctpPort: null, maxMessageBytes: 65_536 });
    expect(section("a=sctp-port:65535", "a=max-message-size:0")).toMatchObject({
      sctpPort: 65_535,
      maxMessageBytes: 0,
    });
    expect(offer("chromium-data-channel").sections[2]).toMatchObject({
      sctpPort: 5000,
      maxMessageBytes: 262_144,
    });
  });

  test("of several BUNDLE groups the first counts; other groups do not", () => {
    const groups = ["a=group:LS 7", "a=group:BUNDLE 8 9"];
    expect(description(shortOffer(VIDEO, [], groups)).bundle).toEqual(["0"]);
  });

  test("extension ids from 4096 are for further negotiation only", () => {
    expect(first("a=extmap:4096 urn:x").extensions).toEqual([]);
  });
});

test.each([
  ["an ex_ice client, base64 with its padding", "uuSxxw==", "mYW5vdGhlciBwYXNzd29yZA=="],
  ["an old Chromium application, base64 for addresses", "ab-_", "0123456789-_#=abcdefgh"],
])("ICE credentials of %s", (_who, ufrag, pwd) => {
  const parsed = parseDescription(
    shortOffer("m=audio 9 UDP/TLS/RTP/SAVPF 111", [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`]),
  );
  expect(parsed).toMatchObject({ ok: true, description: { sections: [{ ice: { ufrag, pwd } }] } });
});

describe("refusals name the line", () => {
  test.each([
    ["", "there is no media section"],
    ["v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\n", "there is no media section"],
    ["v=1", "line 1: unknown version"],
    ["o=-", "line 1: expected v="],
    ["v=0\ns=-", "line 2: expected o="],
    ["v=0\n\no=-", "line 2 is not of the form <type>=<value>"],
    ["v=0\no=-\ns=-\nx=1", "line 4: unknown type of line"],
    ["v=0\no=-\ns=\rm=audio", "line 3 is not of the form <type>=<value>"],
    [`v=0\n${"a=\n".repeat(20_480)}`, "more than 20480 lines"],
    ["v".repeat(655_361), "longer than 655360 characters"],
    [`v=0\no=-\ns=-\n${"m=audio 9 X 0\n".repeat(257)}`, "line 260: more than 256 media sections"],
  ])("%#", (text, error) => {
    expect(parseDescription(text)).toEqual({ ok: false, error });
  });

  test.each([
    "m=video",
    "m=video 9",
    "m=video nine UDP/TLS/RTP/SAVPF 96",
    "m=video 9 UDP/TLS/RTP/SAVPF",
    "m=video 9 UDP/TLS/RTP/SAVPF ",
    "m=video 9x UDP/TLS/RTP/SAVPF 96",
    "m=video 9 UDP/TLS/RTP\\SAVPF 96",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 \u00e9",
    "m=vi\u0001deo 9 UDP/TLS/RTP/SAVPF 96",
    `m=video 9 UDP/TLS/RTP/SAVPF ${Array.from({ length: 129 }, (_, i) => i).join(" ")}`,
  ])("%#: a malformed media line", (line) => {
    expect(parseDescription(shortOffer(line, []))).toEqual({ ok: false, error: "line 6: malformed m=" });
  });

  test.each([
    "ice-ufrag:abc",
    "ice-pwd:short",
    "ice-ufrag:ab cd",
    "fingerprint:sha-256 AB",
    "fingerprint:sha-256 zz:zz",
    "setup:maybe",
    "mid:",
    "mid:a b",
    `mid:${"m".repeat(33)}`,
    "rtpmap:128 VP8/90000",
    "rtpmap:96 VP8",
    "fmtp:96",
    "rtcp-fb:200 nack",
    "rtcp-fb:96",
    "extmap:0 urn:x",
    "extmap:1/up urn:x",
    "extmap:1",
    "rid:q up",
    "rid:q q send",
    "simulcast:q;h",
    "simulcast:send",
    "simulcast:up q",
    "simulcast:send q,",
    "sctp-port:65536",
    "sctp-port:0x10",
    "max-message-size:-1",
    "simulcast:send q;;h",
    "simulcast:send q recv",
    "ssrc:4294967296 cname:x",
    "ssrc:0 cname:x",
    "ssrc:1e3 cname:x",
    "ssrc-group:FID 1 x",
    "msid:",
    "msid:a b c",
    "sendonly:now",
    "rtcp-mux:no",
  ])("a=%s", (attribute) => {
    const name = attribute.split(":", 1)[0];
    expect(parseDescription(shortOffer(VIDEO, [`a=${attribute}`]))).toEqual({
      ok: false,
      error: `line 14: malformed a=${name}, or one too many`,
    });
  });

  test.each([
    ["fingerprint", Array.from({ length: 9 }, () => `sha-256 ${Array(32).fill("00").join(":")}`)],
    ["extmap", Array.from({ length: 65 }, (_, i) => `${i + 1} urn:${i}`)],
    ["rid", Array.from({ length: 17 }, (_, i) => `r${i} send`)],
    ["rid", ["q send", "q recv"]],
    ["simulcast", [`send ${Array(17).fill("q").join(";")}`]],
    ["simulcast", [`send ${Array(17).fill("q").join(",")}`]],
    ["ssrc", Array.from({ length: 65 }, (_, i) => `${i + 1} cname:x`)],
    ["ssrc-group", [`SIM ${Array(65).fill("1").join(" ")}`]],
    ["rtcp-fb", Array.from({ length: 17 }, (_, i) => `96 x${i}`)],
  ])("too many of a=%s", (name, values) => {
    const parsed = parseDescription(
      shortOffer(
        VIDEO,
        values.map((value) => `a=${name}:${value}`),
      ),
    );
    expect(parsed).toMatchObject({
      ok: false,
      error: expect.stringContaining(`malformed a=${name}, or one too`),
    });
  });

  test("a group that names a section twice", () => {
    const parsed = parseDescription(shortOffer(VIDEO, [], ["a=group:BUNDLE 0 0"]));
    expect(parsed).toMatchObject({ error: expect.stringMatching(/: malformed a=group, or one too many$/) });
  });

  test("two sections of one name", () => {
    const parsed = parseDescription(`${shortOffer(VIDEO, [])}${VIDEO}\r\na=mid:0\r\n`);
    expect(parsed).toEqual({ ok: false, error: "line 15: two sections have the same a=mid" });
  });
});

describe("hostile text", () => {
  test("no text throws", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: "binary" }), (text) => {
        parseDescription(text);
        parseDescription(`v=0\no=-\ns=-\nm=audio 9 UDP/TLS/RTP/SAVPF 0\na=${text}`);
      }),
    );
  });

  test("no change of real offers throws: cut, or a piece replaced", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...OFFERS),
        fc.nat(12_000),
        fc.nat(40),
        fc.string({ maxLength: 20 }),
        (name, at, length, piece) => {
          const text = offerText(name);
          parseDescription(text.slice(0, at));
          parseDescription(text.slice(0, at) + piece + text.slice(at + length));
        },
      ),
    );
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "%s is a name like others",
    (name) => {
      const text = shortOffer(VIDEO, [`a=${name}:x`, `a=rid:${name} send`, `a=rtpmap:96 ${name}/90000`]);
      expect(description(text).sections[0]!.rids[0]!.id).toBe(name);
    },
  );

  test("the work per line does not grow with their number", () => {
    // Counted, not timed: feedback for `*` once cost lines × payload types in parsers like this one.
    const formats = Array.from({ length: 128 }, (_, i) => i);
    const lines = formats.map((format) => `a=rtpmap:${format} x/1`);
    const many = Array.from({ length: 6000 }, (_, i) => `a=rtcp-fb:* x${i % 16}`);
    const { codecs } = description(
      shortOffer(`m=video 9 UDP/TLS/RTP/SAVPF ${formats.join(" ")}`, [...lines, ...many]),
    ).sections[0]!;
    expect(codecs.reduce((sum, { feedback }) => sum + feedback.size, 0)).toBe(128 * 16);
  });
});
