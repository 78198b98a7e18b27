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

/** Says how often an address was given as text. */
class CountingTable extends PathTable {
  interned = 0;

  override intern(address: string, port: number): PathId {
    this.interned += 1;
    return super.intern(address, port);
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
});

describe.skipIf(!isLinux)("socket addresses", () => {
  test.each([
    { family: "IPv4", isIpv6: false, rooms: [1, 2, 24, 60] },
    { family: "IPv6", isIpv6: true, rooms: [1, 2, 24, 60] },
  ])("$family: every address has its own path, however ids are used again", ({ isIpv6, rooms }) => {
    fc.assert(
      fc.property(fc.constantFrom(...rooms), fc.array(step, { maxLength: 400 }), (room, steps) => {
        const paths = new CountingTable(room);
        const addresses = new SocketAddresses(paths, isIpv6);
        /** By path: the address that the socket has seen there, as long as the id is not used again. */
        const seen = new Map<number, number>();
        for (const { by, n } of steps) {
          const { text, port, words } = addressOf(n, isIpv6);
          const isKnown = [...seen.values()].includes(n);
          paths.interned = 0;
          const path = by === "receiving" ? addresses.find(words, 0) : paths.intern(text, port);
          if (by === "receiving") expect(paths.interned).toBe(isKnown ? 0 : 1);
          expect(`${paths.address(path)} ${paths.port(path)}`).toBe(`${text} ${port}`);
          if (seen.get(path) !== n) seen.delete(path);
          if (by === "sending") expect(addresses.prepare(path)).toBe(true);
          if (by !== "others") seen.set(path, n);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test("there is no way to port 0, nor to an address of the other family", () => {
    const paths = new PathTable(4);
    const addresses = new SocketAddresses(paths, false);
    expect(addresses.prepare(paths.intern("10.0.0.1", 0))).toBe(false);
    expect(addresses.prepare(paths.intern("::1", 5))).toBe(false);
    expect(addresses.prepare(paths.intern("10.0.0.1", 5))).toBe(true);
    expect(addresses.prepare(3 as PathId)).toBe(false);
  });
});
