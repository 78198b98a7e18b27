/** RTP and RTCP packets, and a sender and receiver that share a key, for the tests of this folder. */
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import type { SrtpCipher } from "../../src/srtp/srtp-cipher.ts";

export const HEADER_BYTES = 12;
export const PLAIN_BYTES = 40;

export const PROFILES = [
  { name: "AES_CM_128_HMAC_SHA1_80", profile: SRTP_AES128_CM_HMAC_SHA1_80 },
  { name: "AEAD_AES_128_GCM", profile: SRTP_AEAD_AES_128_GCM },
] as const;

export function cipherOf(profile: SrtpProfile): SrtpCipher {
  const salt = new Uint8Array(profile === SRTP_AEAD_AES_128_GCM ? 12 : 14).fill(3);
  return portableCipherFactory.create(profile, { key: new Uint8Array(16).fill(9), salt });
}

/** A plaintext RTP packet of PLAIN_BYTES with room for a tag behind it. */
export function rtpPacket(ssrc: number, seq: number): Uint8Array {
  const packet = new Uint8Array(PLAIN_BYTES + 32).fill(seq);
  packet[0] = 0x80;
  writeU16(packet, 2, seq);
  writeU32(packet, 8, ssrc);
  return packet;
}

/** A plaintext receiver report of PLAIN_BYTES with room for the trailer behind it. */
export function rtcpPacket(ssrc: number): Uint8Array {
  const packet = new Uint8Array(PLAIN_BYTES + 32);
  packet.set([0x80, 201, 0, PLAIN_BYTES / 4 - 1]);
  writeU32(packet, 4, ssrc);
  return packet;
}
