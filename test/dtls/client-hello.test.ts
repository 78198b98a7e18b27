import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeAgreedHello, negotiate, parseClientHello } from "../../src/dtls/client-hello.ts";
import { SRTP_PROFILES } from "../../src/worker/tiers.ts";

const RANDOM = new Uint8Array(32).fill(7);
const AGREED = { random: RANDOM, group: 29, profile: 7 } as const;
const GOLDEN = encodeAgreedHello(AGREED, Uint8Array.of(1, 2, 3));

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 0xff);
const extension = (type: number, data: string): Buffer => {
  const bytes = hex(data);
  return Buffer.concat([u16(type), u16(bytes.length), bytes]);
};

/** What browsers offer, reduced; a row of the tables below overrides some of it. */
const OFFER = {
  suites: "1301 c02b c02f",
  compression: "00",
  groups: "0006 11ec 001d 0017",
  algorithms: "0004 0403 0804",
  srtp: "0004 0001 0007 00",
  ems: "" as string | undefined,
  versions: undefined as string | undefined,
  version: "fefd",
};

function hello(changes: Partial<Record<keyof typeof OFFER, string | undefined>>): Uint8Array {
  const offer = { ...OFFER, ...changes };
  const extensions = Buffer.concat(
    (
      [
        [10, offer.groups],
        [13, offer.algorithms],
        [14, offer.srtp],
        [23, offer.ems],
        [43, offer.versions],
        [0xff01, "00"],
      ] as const
    ).flatMap(([type, data]) => (data === undefined ? [] : [extension(type, data)])),
  );
  const suites = hex(offer.suites ?? "");
  const compression = hex(offer.compression ?? "");
  return Buffer.concat([
    ...[hex(offer.version ?? ""), RANDOM, hex("0000"), u16(suites.length), suites],
    ...[Buffer.of(compression.length), compression, u16(extensions.length), extensions],
  ]);
}

describe("negotiate", () => {
  test("chooses CM before GCM where that is preferred, and GCM when it is all that is offered", () => {
    const choose = (srtp: string) => negotiate(parseClientHello(hello({ srtp }))!, SRTP_PROFILES.portable);
    expect(choose("0004 0007 0001 00")).toMatchObject({ profile: 1 });
    expect(choose("0002 0007 00")).toMatchObject({ profile: 7 });
  });

  test.each([
    ["GCM and X25519 before what the client prefers", {}, { group: 29, profile: 7 }],
    ["P-256 when X25519 is not offered", { groups: "0004 0018 0017" }, { group: 23, profile: 7 }],
    ["CM when GCM is not offered", { srtp: "0004 0008 0001 00" }, { group: 29, profile: 1 }],
    ["1.2 from a client that also speaks 1.3", { versions: "04 fefc fefd" }, { group: 29, profile: 7 }],
    ["1.2 from a client of a version to come", { version: "fefb" }, { group: 29, profile: 7 }],
  ])("chooses %s", (_name, changes, choice) => {
    expect(negotiate(parseClientHello(hello(changes))!, SRTP_PROFILES.native)).toMatchObject(choice);
  });

  test.each([
    ["no_srtp_profile", "without use_srtp", { srtp: undefined }],
    ["no_srtp_profile", "with profiles that we lack", { srtp: "0004 0002 0008 00" }],
    ["no_srtp_profile", "with a list of profiles beyond its end", { srtp: "0006 0007" }],
    ["no_extended_master_secret", "without extended master secret", { ems: undefined }],
    ["no_common_parameters", "without the suite", { suites: "1301 c02f" }],
    ["protocol_error", "without null compression", { compression: "01" }],
    ["no_common_parameters", "without a group", { groups: "0002 0018" }],
    ["no_common_parameters", "without groups", { groups: undefined }],
    ["no_common_parameters", "without ECDSA on SHA-256", { algorithms: "0002 0401" }],
    ["unsupported_version", "of 1.3 only", { versions: "02 fefc" }],
    ["unsupported_version", "of 1.0", { version: "feff" }],
  ] as const)("refuses, %s: a hello %s", (reason, _name, changes) => {
    expect(negotiate(parseClientHello(hello(changes))!, SRTP_PROFILES.native)).toBe(reason);
  });
});

describe("parseClientHello", () => {
  test("reads back the hello that we write for werift", () => {
    const parsed = parseClientHello(GOLDEN)!;
    expect([...parsed.cookie]).toEqual([1, 2, 3]);
    expect(negotiate(parsed, SRTP_PROFILES.native)).toEqual({ ...AGREED, random: GOLDEN.subarray(2, 34) });
  });

  test("refuses every truncation and every appended byte", () => {
    for (let cut = 0; cut < GOLDEN.length; cut++)
      expect(parseClientHello(GOLDEN.subarray(0, cut))).toBeUndefined();
    expect(parseClientHello(Buffer.concat([GOLDEN, Buffer.of(0)]))).toBeUndefined();
  });

  test("refuses an extension that comes twice", () => {
    const twice = Buffer.concat([extension(23, ""), extension(23, "")]);
    const body = Buffer.concat([hex("fefd"), RANDOM, hex("0000 0002 c02b 0100"), u16(twice.length), twice]);
    expect(parseClientHello(body)).toBeUndefined();
  });

  test("never throws, and negotiation does not either, on arbitrary changes", () => {
    const change = fc.record({ at: fc.nat(GOLDEN.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
        const body = Uint8Array.from(GOLDEN);
        for (const { at, value } of changes) body[at] = value;
        const parsed = parseClientHello(body);
        if (parsed !== undefined) negotiate(parsed, SRTP_PROFILES.native);
      }),
    );
  });
});
