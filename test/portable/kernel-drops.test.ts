import { expect, test } from "vitest";
import { dropsIn } from "../../src/portable/kernel-drops.ts";

test("drops are read of the ports asked for alone", () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  374: 0100007F:1ECA 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17 2 0000000000000000 77
  375: 0100007F:1ECB 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18 2 0000000000000000 5
`;
  expect(dropsIn(table, new Set([0x1eca]))).toBe(77);
  expect(dropsIn(table, new Set([0x1eca, 0x1ecb, 1]))).toBe(82);
  expect(dropsIn("", new Set([0x1eca]))).toBe(0);
});
