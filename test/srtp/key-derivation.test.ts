import { expect, test } from "vitest";
import { deriveSrtpSessionKeys } from "../../src/srtp/key-derivation.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");

test("derives the keys of RFC 3711 §B.3", () => {
  const master = {
    key: bytes("e1f97a0d3e018be0d64fa32c06de4139"),
    salt: bytes("0ec675ad498afeebb6960b3aabe6"),
  };
  const keys = deriveSrtpSessionKeys(master, 94);
  expect(hex(keys.rtpKey)).toBe("c61e7a93744f39ee10734afe3ff7a087");
  expect(hex(keys.rtpSalt)).toBe("30cbbc08863d8c85d49db34a9ae1");
  expect(hex(keys.rtpAuthKey)).toBe(
    "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce" +
      "e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25" +
      "6d6e919a48b610ef17c2041e47403576" +
      "6b68642c59bbfc2f34db60dbdfb2",
  );
});

test("every key of a direction is another", () => {
  const keys = deriveSrtpSessionKeys({ key: new Uint8Array(16), salt: new Uint8Array(12) }, 16);
  const seen = Object.values(keys).map((key) => hex(key.subarray(0, 12)));
  expect(new Set(seen).size).toBe(6);
});
