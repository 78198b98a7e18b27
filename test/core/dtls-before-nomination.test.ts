/**
 * Goal: a handshake does not wait for the nomination, which Chromium makes late over TCP.
 * Method: a peer that has checked a path, without nominating it, sends its first flight from there.
 */
import { expect, test } from "vitest";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { RoomId, TransportId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { PRIORITY, stunMessage, USE_CANDIDATE, USERNAME } from "../ice/stun-fixtures.ts";

const transportId = "TP_1" as TransportId;
const LOCAL = { ufrag: "oldUser1", pwd: "old-password-of-24-chars" };

test("what DTLS answers goes to where the peer's came from, until a path is nominated", () => {
  const paths = new PathTable(16);
  const counters = createSharedCounters();
  const core = new MediaCore({ counters, paths, ringSlots: 16, ciphers: portableCipherFactory, seed: 1 });
  core.command(0, {
    kind: "transport.open",
    transportId,
    roomId: "room" as RoomId,
    localIce: LOCAL,
    remoteIce: { ufrag: "peer", pwd: "peer-password-of-24-chars" },
    fingerprints: [],
    extensions: {},
  });
  const [checked, nominated, unknown] = [1, 2, 3].map((port) => paths.intern("192.0.2.7", port)) as [
    never,
    never,
    never,
  ];
  const check = (path: never, nominates: boolean): void => {
    const packet = stunMessage({
      attributes: [
        [USERNAME, `${LOCAL.ufrag}:peer`],
        [PRIORITY, new Uint8Array(4)],
        ...(nominates ? [[USE_CANDIDATE, ""] as const] : []),
      ],
      password: LOCAL.pwd,
    });
    core.receive(1, packet, packet.length, path, 1);
    core.ring.clear();
  };
  const hello = (path: never): void => core.receive(2, Uint8Array.of(22, 1), 2, path, 2);
  /** Where a flight of ours goes. */
  const answered = (): number[] => {
    core.receiveLetter(3, { kind: "datagram", transportId, bytes: Uint8Array.of(22, 2) });
    const to = [...core.ring.path.subarray(0, core.ring.count)];
    core.ring.clear();
    return to;
  };

  expect(answered()).toEqual([]);
  hello(unknown);
  expect(answered()).toEqual([]);
  check(checked, false);
  hello(checked);
  expect(answered()).toEqual([checked]);
  check(nominated, true);
  expect(answered()).toEqual([nominated]);
  expect(counters[SLOT.downDropped_no_path]).toBe(2);
});
