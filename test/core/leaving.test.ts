/**
 * Goal: who has left leaves nothing behind, though the table of addresses remembers where they were; and who is made to
 * leave is told so; who is in a handshake that nobody makes any more leaves too.
 * Method: three hundred peers, each checked from an address of its own and gone again; then the living objects are
 * counted. The word with which DTLS ends an association, given to the core after it has closed the transport. And the
 * news that the DTLS thread is another.
 */
import { queryObjects } from "node:v8";
import { expect, test } from "vitest";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import type { PathId, RoomId, TransportId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import type { Fingerprint } from "../../src/contract/media.ts";
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

const TRANSPORT = "TP_1" as TransportId;
const SECOND_US = 1_000_000;
/** First bytes of records: what they hold is sealed, of what kind they are is not (RFC 6347 §4.1). */
const CLOSE_NOTIFY = Uint8Array.of(21, 254, 253);
const LATE_DATA = Uint8Array.of(23, 254, 253);
const HELLO_VERIFY = Uint8Array.of(22, 254, 253);
const FINGERPRINTS: readonly Fingerprint[] = [{ algorithm: "sha-256", value: "AA:BB" }];

/** A core with one transport whose peer has been heard at `path`. */
function serve(isSecure: boolean): { core: MediaCore; paths: PathTable; path: PathId } {
  const paths = new PathTable(16);
  const counters = createSharedCounters();
  const core = new MediaCore({ counters, paths, ringSlots: 16, ciphers: portableCipherFactory, seed: 1 });
  const peer = new SimPeer(1, { name: "", sends: "nothing", seed: 1, ciphers: portableCipherFactory });
  const { server: localIce, peer: remoteIce } = peer.ice;
  const transport = { localIce, remoteIce, fingerprints: FINGERPRINTS, extensions: {} };
  const roomId = "room" as RoomId;
  core.command(0, { kind: "transport.open", transportId: TRANSPORT, roomId, ...transport });
  const path = paths.intern("192.0.2.1", 10_000);
  const check = peer.ice.request();
  core.receive(0, check, check.length, path, 0);
  const keys = peer.serverKeys(SRTP_AEAD_AES_128_GCM);
  if (isSecure) core.receiveLetter(0, { kind: "secure", transportId: TRANSPORT, keys });
  core.ring.clear();
  core.events.length = 0;
  return { core, paths, path };
}

/** The same, and it has been closed. */
function serveAndClose(isSecure: boolean): ReturnType<typeof serve> {
  const served = serve(isSecure);
  served.core.command(SECOND_US, { kind: "transport.close", transportId: TRANSPORT });
  return served;
}

function rowsFor(core: MediaCore, bytes: Uint8Array): number[] {
  core.receiveLetter(2 * SECOND_US, { kind: "datagram", transportId: TRANSPORT, bytes });
  const rows = [...core.ring.path.subarray(0, core.ring.count)];
  core.ring.clear();
  return rows;
}

test("a peer whose transport was closed is sent the close_notify that DTLS answers with, and nothing after it", () => {
  const { core, paths, path } = serveAndClose(true);
  expect(core.idle).toBe(true);
  expect([core.farewells, paths.isPinned(path)]).toEqual([1, true]);
  expect(rowsFor(core, LATE_DATA)).toEqual([path]);
  expect(rowsFor(core, CLOSE_NOTIFY)).toEqual([path]);
  expect([core.farewells, paths.isPinned(path)]).toEqual([0, false]);
  expect(rowsFor(core, CLOSE_NOTIFY)).toEqual([]);
});

test("what DTLS says too late is sent to nobody: the address may be another's by then", () => {
  const { core, paths, path } = serveAndClose(true);
  core.tick(5 * SECOND_US);
  expect(core.farewells).toBe(1);
  core.tick(6 * SECOND_US);
  expect([core.farewells, paths.isPinned(path)]).toEqual([0, false]);
  expect(rowsFor(core, CLOSE_NOTIFY)).toEqual([]);
});

test("nothing is waited for where the handshake was not over: DTLS has no way to say it", () => {
  const { core, paths, path } = serveAndClose(false);
  expect([core.farewells, paths.isPinned(path)]).toEqual([0, false]);
});

test("when the DTLS thread is replaced, nothing is waited for that the former one was to say", () => {
  const { core, paths, path } = serveAndClose(true);
  core.onDtlsReplaced();
  expect([core.farewells, paths.isPinned(path)]).toEqual([0, false]);
});

test("when the DTLS thread is replaced, a transport whose handshake was under way fails: nobody can go on with it", () => {
  const { core } = serve(false);
  core.receiveLetter(0, { kind: "datagram", transportId: TRANSPORT, bytes: HELLO_VERIFY });
  core.letters.length = 0;
  core.onDtlsReplaced();
  expect(core.letters).toEqual([]);
  const failed = { kind: "transport.state", transportId: TRANSPORT, state: "failed" };
  expect(core.events).toEqual([{ ...failed, reason: "dtls_thread_exited" }]);
  // Nothing brings it back.
  core.tick(SECOND_US);
  expect(core.events.length).toBe(1);
});

test("when the DTLS thread is replaced, a transport that was not answered yet is announced to the new one", () => {
  const { core } = serve(false);
  core.letters.length = 0;
  core.onDtlsReplaced();
  expect(core.letters).toEqual([{ kind: "open", transportId: TRANSPORT, fingerprints: FINGERPRINTS }]);
  core.tick(SECOND_US);
  expect(core.events).toEqual([]);
});

test("when the DTLS thread is replaced, a transport that has its keys goes on", () => {
  const { core } = serve(true);
  core.letters.length = 0;
  core.onDtlsReplaced();
  expect(core.letters).toEqual([]);
  core.tick(SECOND_US);
  expect(core.events).toEqual([]);
});
