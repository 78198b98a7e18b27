/**
 * What sealing one RTP packet costs a thread, by profile, size and body:  node loadtest/micro/srtp-cipher.ts
 *
 * `naive` is what first comes to mind with node:crypto: per packet, a cipher from the raw key and the pieces joined.
 * Bodies take turns within each round, so that a noisy machine bends all alike; each number is the median of the
 * rounds' CPU time, its spread the least and the most. Read the ratios.
 */
import { createCipheriv, createHmac } from "node:crypto";
import { writeU32 } from "../../src/base/bytes.ts";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpMasterKey,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { nativeCipherFactory } from "../../src/native/native-cipher.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { deriveSrtpSessionKeys } from "../../src/srtp/key-derivation.ts";
import {
  COUNTER_BLOCK_BYTES,
  GCM_NONCE_BYTES,
  writeGcmRtpNonce,
  writeRtpCounterBlock,
} from "../../src/srtp/packet-nonces.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";

const ROUNDS = 5;
const WARM_UP_PACKETS = 20_000;
const PACKETS = 50_000;
const SIZES = [1100, 100];

const HEADER_BYTES = 12;
const SLOTS = 64;
const SLOT_BYTES = 2048;

const key = new Uint8Array(16).fill(1);
const PROFILES: { name: string; profile: SrtpProfile; master: SrtpMasterKey; naive: () => Seal }[] = [
  {
    name: "AEAD_AES_128_GCM",
    profile: SRTP_AEAD_AES_128_GCM,
    master: { key, salt: new Uint8Array(12).fill(2) },
    naive: naiveGcm,
  },
  {
    name: "AES_CM_128_HMAC_SHA1_80",
    profile: SRTP_AES128_CM_HMAC_SHA1_80,
    master: { key, salt: new Uint8Array(14).fill(2) },
    naive: naiveCounter,
  },
];

/** Seals the packet of `bytes` in `slab` at `at`, as one of many. */
type Seal = (slab: Uint8Array, at: number, bytes: number, roc: number) => void;

function naiveGcm(): Seal {
  const { rtpKey, rtpSalt } = deriveSrtpSessionKeys({ key, salt: new Uint8Array(12).fill(2) }, 0);
  return (slab, at, bytes, roc) => {
    const nonce = new Uint8Array(GCM_NONCE_BYTES);
    writeGcmRtpNonce(nonce, 0, rtpSalt, slab, at, roc);
    const cipher = createCipheriv("aes-128-gcm", rtpKey, nonce);
    const header = slab.subarray(at, at + HEADER_BYTES);
    cipher.setAAD(header);
    const payload = slab.subarray(at + HEADER_BYTES, at + bytes);
    slab.set(Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()]), at);
  };
}

function naiveCounter(): Seal {
  const keys = deriveSrtpSessionKeys({ key, salt: new Uint8Array(14).fill(2) }, 20);
  const rocBytes = new Uint8Array(4);
  return (slab, at, bytes, roc) => {
    writeU32(rocBytes, 0, roc);
    const block = new Uint8Array(COUNTER_BLOCK_BYTES);
    writeRtpCounterBlock(block, 0, keys.rtpSalt, slab, at, roc);
    const cipher = createCipheriv("aes-128-ctr", keys.rtpKey, block);
    const header = slab.subarray(at, at + HEADER_BYTES);
    const payload = slab.subarray(at + HEADER_BYTES, at + bytes);
    const sealed = Buffer.concat([header, cipher.update(payload), cipher.final()]);
    const tag = createHmac("sha1", keys.rtpAuthKey).update(sealed).update(rocBytes).digest().subarray(0, 10);
    slab.set(Buffer.concat([sealed, tag]), at);
  };
}

function body(factory: SrtpCipherFactory, profile: SrtpProfile, master: SrtpMasterKey): Seal {
  const cipher = factory.create(profile, master);
  return (slab, at, bytes, roc) => {
    cipher.beginSealRtp(slab, at, HEADER_BYTES, bytes, roc);
  };
}

const slab = new Uint8Array(SLOTS * SLOT_BYTES);
let extSeq = 0;

/** As an outgoing stream, which goes up by one. */
function sealMany(seal: Seal, packets: number, bytes: number): void {
  for (let i = 0; i < packets; i++) {
    const at = (i % SLOTS) * SLOT_BYTES;
    slab[at + 2] = extSeq >>> 8;
    slab[at + 3] = extSeq;
    seal(slab, at, bytes, Math.floor(extSeq / 65_536));
    extSeq += 1;
  }
}

/** Nanoseconds of this thread's CPU per packet. */
function measure(seal: Seal, bytes: number): number {
  const before = process.threadCpuUsage();
  sealMany(seal, PACKETS, bytes);
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / PACKETS;
}

const rows = [];
for (const { name, profile, master, naive } of PROFILES) {
  const seals: Record<string, Seal> = {
    native: body(nativeCipherFactory, profile, master),
    portable: body(portableCipherFactory, profile, master),
    naive: naive(),
  };
  for (const bytes of SIZES) {
    const times: Record<string, number[]> = { native: [], portable: [], naive: [] };
    for (const seal of Object.values(seals)) sealMany(seal, WARM_UP_PACKETS, bytes);
    for (let round = 0; round < ROUNDS; round++)
      for (const [who, seal] of Object.entries(seals)) times[who]!.push(measure(seal, bytes));
    const median = (who: string): number => times[who]!.sort((a, b) => a - b)[ROUNDS >> 1]!;
    for (const who of Object.keys(seals))
      rows.push({
        profile: name,
        bytes,
        body: who,
        "ns per packet": Math.round(median(who)),
        spread: `${Math.round(times[who]![0]!)}–${Math.round(times[who]!.at(-1)!)}`,
        "times naive": (median("naive") / median(who)).toFixed(1),
      });
  }
}
console.table(rows);
