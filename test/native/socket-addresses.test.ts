/**
 * Goal: a socket address always finds the path of its text, and a known one without writing that text.
 * Method: random walks over more addresses than the table has room for, by receiving, by sending, and by others who
 * use the table; what each step must give is read from the table itself.
 */

import { platform } from "node:os";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PathId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";

const isLinux = platform() === "linux";
const { SocketAddresses, SOCKADDR_STRIDE } = isLinux
  ? await import("../../src/native/socket-addresses.ts")
  : (undefined as never);
const { packetInfo } = isLinux ? await import("../../src/native/libc.ts") : (undefined as never);

/** Says how often an address was given as text. */
class CountingTable extends PathTable {
  interned = 0;

  override intern(address: string, port: number, local?: string): PathId {
    this.interned += 1;
    return super.intern(address, port, local);
  }
}

/** Address `n` as text, and as the kernel writes it (`sockaddr_in`, `sockaddr_in6`). */
function addressOf(n: number, isIpv6: boolean): { text: string; port: number; words: Uint32Array } {
  const port = 1000 + (n % 3);
  const low = Math.floor(n / 3) + 1;
  const bytes = new Uint8Array(SOCKADDR_STRIDE);
  bytes[2] = port >> 8;
  bytes[3] = port;
  if (!isIpv6) {
    bytes.set([2, 0]);
    bytes.set([10, 0, 0, low], 4);
    return { text: `10.0.0.${low}`, port, words: new Uint32Array(bytes.buffer) };
  }
  bytes.set([10, 0]);
  // Even numbers are IPv4 in IPv6 (RFC 4291 §2.5.5.2).
  if (low % 2 === 0) bytes.set([0xff, 0xff, 10, 0, 0, low], 18);
  else bytes.set([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, low], 8);
  const text = low % 2 === 0 ? `10.0.0.${low}` : `2001:db8::${low.toString(16)}`;
  return { text, port, words: new Uint32Array(bytes.buffer) };
}

const step = fc.record({
  by: fc.constantFrom("receiving", "sending", "others"),
  n: fc.nat(59),
  local: fc.integer({ min: 1, max: 2 }),
});

/** Two addresses of ours, as words, after one that is not known. */
const LOCALS = new Uint32Array([0, 0, 0, 0, 1, 7, 7, 7, 2, 7, 7, 7]);

describe.skipIf(!isLinux)("socket addresses", () => {
  test.each([
    { family: "IPv4", isIpv6: false, rooms: [1, 2, 24, 60], isWildcard: false },
    { family: "IPv6", isIpv6: true, rooms: [1, 2, 24, 60], isWildcard: false },
    { family: "IPv4, any of ours", isIpv6: false, rooms: [1, 2, 60, 180], isWildcard: true },
    { family: "IPv6, any of ours", isIpv6: true, rooms: [1, 2, 60, 180], isWildcard: true },
  ])(
    "$family: every address has its own path, however ids are used again",
    ({ isIpv6, rooms, isWildcard }) => {
      fc.assert(
        fc.property(fc.constantFrom(...rooms), fc.array(step, { maxLength: 400 }), (room, steps) => {
          const paths = new CountingTable(room);
          const addresses = new SocketAddresses(paths, isIpv6, isWildcard ? packetInfo(isIpv6) : null);
          /** By path: the addresses that the socket has seen there, as long as the id is not used again. */
          const seen = new Map<number, string>();
          const out = new Uint32Array(4);
          for (const { by, n, local } of steps) {
            const { text, port, words } = addressOf(n, isIpv6);
            const ours = isWildcard && by === "receiving" ? local : 0;
            const both = `${n} ${ours}`;
            const isKnown = [...seen.values()].includes(both);
            paths.interned = 0;
            const path =
              by === "receiving" ? addresses.find(words, 0, LOCALS, 4 * local) : paths.intern(text, port);
            if (by === "receiving") expect(paths.interned).toBe(isKnown ? 0 : 1);
            expect(`${paths.address(path)} ${paths.port(path)}`).toBe(`${text} ${port}`);
            if (seen.get(path) !== both) seen.delete(path);
            if (by === "sending") expect(addresses.prepare(path)).toBe(true);
            if (by !== "others") {
              seen.set(path, both);
              expect(addresses.writeLocal(path, out, 0)).toBe(ours > 0);
              if (ours > 0) expect(out[0]).toBe(ours);
            }
          }
        }),
        { numRuns: 300, seed: 1 },
      );
    },
  );

  test("there is no way to port 0, nor to an address of the other family", () => {
    const paths = new PathTable(4);
    const addresses = new SocketAddresses(paths, false);
    expect(addresses.prepare(paths.intern("10.0.0.1", 0))).toBe(false);
    expect(addresses.prepare(paths.intern("::1", 5))).toBe(false);
    expect(addresses.prepare(paths.intern("10.0.0.1", 5))).toBe(true);
    expect(addresses.prepare(3 as PathId)).toBe(false);
  });
});
