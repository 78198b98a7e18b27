/**
 * Goal: who has left leaves nothing behind, though the table of addresses remembers where they were.
 * Method: three hundred peers, each checked from an address of its own and gone again; then the living objects are
 * counted.
 */
import { queryObjects } from "node:v8";
import { expect, test } from "vitest";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { RoomId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import { MediaCore } from "../../src/core/media-core.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { Transport } from "../../src/sfu/transport.ts";
import { SimPeer } from "../sim/sim-peer.ts";

test("three hundred peers that came and went leave no transport behind", () => {
  const paths = new PathTable(512);
  const counters = createSharedCounters();
  const core = new MediaCore({ counters, paths, ringSlots: 64, ciphers: portableCipherFactory, seed: 1 });
  const before = queryObjects(Transport, { format: "count" });
  for (let index = 0; index < 300; index++) {
    const nowUs = index * 1_000;
    const peer = new SimPeer(index, { name: "", sends: "nothing", seed: 1, ciphers: portableCipherFactory });
    const { transportId, ice } = peer;
    core.command(nowUs, {
      kind: "transport.open",
      transportId,
      roomId: "room" as RoomId,
      localIce: ice.server,
      remoteIce: ice.peer,
      fingerprints: [],
      extensions: {},
    });
    core.receiveLetter(nowUs, {
      kind: "secure",
      transportId,
      keys: peer.serverKeys(SRTP_AEAD_AES_128_GCM),
    });
    const check = ice.request();
    core.receive(nowUs, check, check.length, paths.intern("192.0.2.1", 10_000 + index), nowUs);
    core.command(nowUs, { kind: "transport.close", transportId });
    core.ring.clear();
    core.events.length = 0;
    core.letters.length = 0;
  }
  expect(counters[SLOT.iceConnected]).toBe(300);
  expect(core.idle).toBe(true);
  expect(queryObjects(Transport, { format: "count" }) - before).toBe(0);
});
