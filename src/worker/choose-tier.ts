/** Decides at start which tier of the fast path runs: the native one, if it passes a self-test. */

import { PathTable } from "../base/path-table.ts";
import { SLOT_BYTES, TransmitRing } from "../base/transmit-ring.ts";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80, type SrtpProfile } from "../contract/dtls.ts";
import type { SrtpCipherFactory } from "../srtp/srtp-cipher.ts";
import type { DatagramHandler } from "./datagram-socket.ts";
import { loadTier, type Tier, type TierName } from "./tiers.ts";

export interface TierChoice {
  readonly tier: TierName;
  /** For the log. */
  readonly reason: string;
}

/**
 * A datagram over loopback takes microseconds. Larger: a broken tier delays the start. Smaller: a busy machine fails.
 */
const ECHO_LIMIT_MS = 2_000;

/** Sizes of the datagrams that the socket must deliver in order: a run to be segmented, and others around it. */
const ECHO_SIZES = [40, 1_200, 1_200, 1_200, 700, 1_500];

/** Without `auto` there is no fallback: rejects when `native` does not work here. */
export async function chooseTier(wanted: TierName | "auto"): Promise<TierChoice> {
  if (wanted === "portable") return { tier: "portable", reason: "as configured" };
  const failure = await loadTier("native").then(selfTest).catch(messageOf);
  if (failure === null) return { tier: "native", reason: "passed its self-test" };
  if (wanted === "native") throw new Error(`fastPath: native does not work here: ${failure}`);
  return { tier: "portable", reason: `native does not work here: ${failure}` };
}

/** Describes what does not work; null when all does. */
export async function selfTest({ ciphers, createSocket }: Tier): Promise<string | null> {
  const { ciphers: reference } = await loadTier("portable");
  for (const profile of [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80] as const) {
    if (!sealsAlike(ciphers, reference, profile)) return `SRTP profile ${profile} seals other bytes`;
  }
  return echo(createSocket);
}

function sealsAlike(tested: SrtpCipherFactory, reference: SrtpCipherFactory, profile: SrtpProfile): boolean {
  const saltBytes = profile === SRTP_AEAD_AES_128_GCM ? 12 : 14;
  const master = { key: new Uint8Array(16).fill(7), salt: new Uint8Array(saltBytes).fill(9) };
  const [ours, theirs] = [tested.create(profile, master), reference.create(profile, master)];
  const packet = Uint8Array.from({ length: 200 }, (_, i) => (i * 31) & 0xff);
  // Packets are sealed in place, as in the transmit ring.
  const slab = new Uint8Array(2 * SLOT_BYTES);
  const sealed = slab.subarray(SLOT_BYTES);
  const expected = new Uint8Array(260);
  try {
    for (const bytes of [12, 13, 200]) {
      sealed.set(packet);
      expected.set(packet);
      const size = ours.sealRtp(slab, SLOT_BYTES, 12, bytes, 5);
      if (size !== theirs.sealRtp(expected, 0, 12, bytes, 5)) return false;
      if (Buffer.compare(sealed.subarray(0, size), expected.subarray(0, size)) !== 0) return false;
      if (ours.openRtp(slab, SLOT_BYTES, 12, size, 5) !== bytes) return false;
      expected[12]! ^= 1;
      if (ours.openRtp(expected, 0, 12, size, 5) !== -1) return false;
    }
    return true;
  } finally {
    ours.free();
    theirs.free();
  }
}

/** Sends datagrams to itself. */
async function echo(createSocket: Tier["createSocket"]): Promise<string | null> {
  const heard: number[] = [];
  const done = Promise.withResolvers<void>();
  const handler: DatagramHandler = {
    onDatagram: (bytes, length) => heard.push(bytes[length - 1] === heard.length ? length : -1),
    onBatchEnd: () => {
      if (heard.length >= ECHO_SIZES.length) done.resolve();
    },
  };
  const paths = new PathTable(4);
  const options = {
    address: "127.0.0.1",
    port: 0,
    paths,
    handler,
    bufferBytes: 65_536,
    onPathTableFull: () => {},
  };
  const socket = await createSocket(options);
  const timeout = setTimeout(done.resolve, ECHO_LIMIT_MS);
  try {
    const ring = new TransmitRing(ECHO_SIZES.length);
    const self = paths.intern("127.0.0.1", socket.port);
    ECHO_SIZES.forEach((bytes, index) => {
      ring.slab[ring.reserve() + bytes - 1] = index;
      ring.commitRaw(bytes, self);
    });
    socket.send(ring);
    await done.promise;
    return heard.join() === ECHO_SIZES.join() ? null : `datagrams of ${ECHO_SIZES} bytes came as ${heard}`;
  } finally {
    clearTimeout(timeout);
    await socket.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
