/** The cryptographic parts by themselves: known answers and hostile input. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  firstCertificate,
  matchesFingerprint,
  verifiesTranscript,
} from "../../src/dtls/client-certificate.ts";
import { prf } from "../../src/dtls/prf.ts";
import { RecordCipher } from "../../src/dtls/record-cipher.ts";
import { derOf, victimCertificate } from "./attacker.ts";

const DER = derOf(victimCertificate);

test("prf gives the known answer for SHA-256", () => {
  const secret = Buffer.from("9bbe436ba940f017b17652849a71db35", "hex");
  const seed = Buffer.from("a0ba9f936cda311827a6f796ffd5198c", "hex");
  expect(prf(secret, "test label", seed, 100).toString("hex")).toBe(
    "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def" +
      "17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
  );
});

describe("RecordCipher", () => {
  const cipher = new RecordCipher(new Uint8Array(16).fill(1), new Uint8Array(4).fill(2));
  const record = { contentType: 23, epoch: 1, sequence: 2 ** 40 + 5, payload: Buffer.from("payload") };
  const sealed = cipher.seal(record);

  test("opens what it sealed", () => {
    expect(cipher.open(sealed)).toEqual(record.payload);
  });

  test.each([
    ["content type", { ...sealed, contentType: 22 }],
    ["epoch", { ...sealed, epoch: 2 }],
    ["sequence number", { ...sealed, sequence: 5 }],
  ])("refuses another %s", (_name, forged) => {
    expect(cipher.open(forged)).toBeUndefined();
  });

  test("refuses any changed byte and any truncation", () => {
    for (let at = 0; at < sealed.payload.length; at++) {
      const payload = Uint8Array.from(sealed.payload);
      payload[at]! ^= 0x80;
      expect(cipher.open({ ...sealed, payload })).toBeUndefined();
      expect(cipher.open({ ...sealed, payload: sealed.payload.subarray(0, at) })).toBeUndefined();
    }
  });
});

describe("firstCertificate", () => {
  const list = Buffer.concat([Buffer.of(0, 0, 6, 0, 0, 3), Buffer.from("abc")]);

  test("takes the first of the list", () => {
    expect(Buffer.from(firstCertificate(list)!).toString()).toBe("abc");
  });

  test("refuses an empty list, an empty certificate and every truncation", () => {
    expect(firstCertificate(Buffer.of(0, 0, 0))).toBeUndefined();
    expect(firstCertificate(Buffer.of(0, 0, 3, 0, 0, 0))).toBeUndefined();
    for (let cut = 0; cut < list.length; cut++)
      expect(firstCertificate(list.subarray(0, cut))).toBeUndefined();
  });
});

test.each(["", "AA", ":", "zz:zz", victimCertificate.fingerprint.value.replace(/..$/, "zz")])(
  "fingerprint %j matches nothing",
  (value) => {
    expect(matchesFingerprint(DER, [{ algorithm: "sha-256", value }])).toBe(false);
  },
);

test("a certificate that OpenSSL can not read proves nothing, and throws nothing", () => {
  const change = fc.record({ at: fc.nat(DER.length - 1), value: fc.nat(255) });
  const body = Buffer.concat([Buffer.of(4, 3, 0, 8), new Uint8Array(8)]);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 5 }), (changes) => {
      const der = Uint8Array.from(DER);
      for (const { at, value } of changes) der[at] = value;
      expect(verifiesTranscript(der, body, DER)).toBe(false);
    }),
  );
});
