import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFragment, writeFragment } from "../../src/sdp/ice-fragment.ts";
import { negotiate } from "../../src/sdp/negotiate.ts";
import { description, offer, shortOffer } from "./offers.ts";

/** The example of RFC 9725 §4.3.2. */
const TRICKLE = `a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1
a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2
a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0 ufrag EsAw network-id 1
a=candidate:2154773085 1 tcp 1518214911 198.51.100.2 9 typ host tcptype active generation 0 ufrag EsAw network-id 2
a=end-of-candidates
`;
const ICE = { ufrag: "EsAw", pwd: "P2uYro0UCOQ4zxjKXaWCBui1" };

test.each([TRICKLE, TRICKLE.replaceAll("\n", "\r\n"), TRICKLE.trimEnd()])(
  "the example of RFC 9725",
  (text) => {
    expect(parseFragment(text)).toEqual({ ok: true, ice: ICE });
  },
);

test.each([
  ["a name under mDNS", "1 1 udp 1 0a2b.local 9 typ host"],
  ["IPv6 with a zone", "1 1 udp 1 fe80::1%eth0 9 typ host"],
  ["reflexive", "842163049 1 UDP 1677729535 203.0.113.7 44323 typ srflx raddr 0.0.0.0 rport 0 generation 0"],
])("a candidate: %s", (_name, value) => {
  expect(parseFragment(`a=candidate:${value}`)).toEqual({ ok: true, ice: null });
});

describe("refusals name the line", () => {
  test.each([
    ["v=0", "line 1: only a= and m= may stand in a fragment"],
    ["nonsense", "line 1 is not of the form <type>=<value>"],
    ["a=candidate:", "line 1: malformed a=candidate"],
    ["a=candidate:1 1 udp 1 192.0.2.1 9", "line 1: malformed a=candidate"],
    ["a=candidate:1 1 udp 4294967296 192.0.2.1 9 typ host", "line 1: malformed a=candidate"],
    ["a=candidate:1 1 udp 1 192.0.2.1 65536 typ host", "line 1: malformed a=candidate"],
    ["a=candidate:1 1 udp 1 a/b 9 typ host", "line 1: malformed a=candidate"],
    ["a=ice-ufrag:abc", "line 1: malformed a=ice-ufrag"],
    ["a=ice-pwd:abc", "line 1: malformed a=ice-pwd"],
    ["a=ice-ufrag:abcd", "a=ice-ufrag and a=ice-pwd go together"],
    [`a=ice-pwd:${ICE.pwd}`, "a=ice-ufrag and a=ice-pwd go together"],
    ["a=ice-ufrag:abcd\na=ice-ufrag:abce", "line 2: another a=ice-ufrag; one transport carries all sections"],
  ])("%#", (text, error) => {
    expect(parseFragment(text)).toEqual({ ok: false, error });
  });
});

test("no text throws", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: "binary" }), fc.nat(700), (text, at) => {
      parseFragment(text);
      parseFragment(`a=candidate:${text}`);
      parseFragment(TRICKLE.slice(0, at) + text + TRICKLE.slice(at + 5));
    }),
  );
});

test("the answer to a restart, word for word", () => {
  const negotiation = negotiate(offer("firefox-publish-simulcast"), { useOf: () => "up", data: false });
  if (!negotiation.ok) throw new Error(negotiation.error);
  const candidate = { protocol: "udp", address: "192.0.2.1", port: 7882 } as const;
  const text = writeFragment(ICE, [candidate], negotiation.outcome);
  expect(text).toBe(
    [
      "a=ice-lite",
      "a=ice-options:trickle ice2",
      "a=group:BUNDLE 0 1",
      "m=audio 9 UDP/TLS/RTP/SAVPF 109",
      "a=mid:0",
      "a=ice-ufrag:EsAw",
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
      "a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host",
      "a=end-of-candidates",
      "",
    ].join("\r\n"),
  );
  expect(parseFragment(text)).toEqual({ ok: true, ice: ICE });
});

test("data channels alone are restarted, too", () => {
  const line = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
  const data = negotiate(description(shortOffer(line, ["a=sctp-port:5000"])), {
    useOf: () => "none",
    data: true,
  });
  if (!data.ok) throw new Error(data.error);
  expect(writeFragment(ICE, [], data.outcome).split("\r\n").slice(2, 5)).toEqual([
    "a=group:BUNDLE 0",
    line,
    "a=mid:0",
  ]);
});
