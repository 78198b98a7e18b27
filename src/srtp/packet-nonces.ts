/**
 * The nonces of SRTP: session salt XOR fields of the packet. Each is written at `out[to]`.
 *
 *   GCM       0 0 | SSRC 4 | ROC 4 | SEQ 2          SRTCP  0 0 | SSRC 4 | 0 0 | index 4      RFC 7714 §8.1, §9.1
 *   AES-CM    0 4 | SSRC 4 | ROC 4 | SEQ 2 | 0 2    SRTCP  0 4 | SSRC 4 | 0 2 | index 4 | 0 2    RFC 3711 §4.1.1
 *
 * The last two bytes of the AES-CM block count the blocks of the packet.
 */
export const GCM_NONCE_BYTES = 12;
export const COUNTER_BLOCK_BYTES = 16;

const RTP_SEQ_AT = 2;
const RTP_SSRC_AT = 8;
const RTCP_SSRC_AT = 4;

/** `packet` is an RTP packet that begins at `at`; `roc` its rollover counter, 32 bits. */
export function writeGcmRtpNonce(
  out: Uint8Array,
  to: number,
  salt: Uint8Array,
  packet: Uint8Array,
  at: number,
  roc: number,
): void {
  out[to] = salt[0]!;
  out[to + 1] = salt[1]!;
  for (let i = 0; i < 4; i++) out[to + 2 + i] = salt[2 + i]! ^ packet[at + RTP_SSRC_AT + i]!;
  for (let i = 0; i < 4; i++) out[to + 6 + i] = salt[6 + i]! ^ (roc >>> (24 - 8 * i));
  out[to + 10] = salt[10]! ^ packet[at + RTP_SEQ_AT]!;
  out[to + 11] = salt[11]! ^ packet[at + RTP_SEQ_AT + 1]!;
}

/** `packet` is an RTCP packet that begins at `at`; `index` its SRTCP index, 31 bits. */
export function writeGcmRtcpNonce(
  out: Uint8Array,
  to: number,
  salt: Uint8Array,
  packet: Uint8Array,
  at: number,
  index: number,
): void {
  for (let i = 0; i < GCM_NONCE_BYTES; i++) out[to + i] = salt[i]!;
  for (let i = 0; i < 4; i++) out[to + 2 + i]! ^= packet[at + RTCP_SSRC_AT + i]!;
  for (let i = 0; i < 4; i++) out[to + 8 + i]! ^= index >>> (24 - 8 * i);
}

/** As `writeGcmRtpNonce`, for AES-CM's first counter block. */
export function writeRtpCounterBlock(
  out: Uint8Array,
  to: number,
  salt: Uint8Array,
  packet: Uint8Array,
  at: number,
  roc: number,
): void {
  for (let i = 0; i < 4; i++) out[to + i] = salt[i]!;
  for (let i = 0; i < 4; i++) out[to + 4 + i] = salt[4 + i]! ^ packet[at + RTP_SSRC_AT + i]!;
  for (let i = 0; i < 4; i++) out[to + 8 + i] = salt[8 + i]! ^ (roc >>> (24 - 8 * i));
  out[to + 12] = salt[12]! ^ packet[at + RTP_SEQ_AT]!;
  out[to + 13] = salt[13]! ^ packet[at + RTP_SEQ_AT + 1]!;
  out[to + 14] = 0;
  out[to + 15] = 0;
}

/** As `writeGcmRtcpNonce`, for AES-CM's first counter block. */
export function writeRtcpCounterBlock(
  out: Uint8Array,
  to: number,
  salt: Uint8Array,
  packet: Uint8Array,
  at: number,
  index: number,
): void {
  for (let i = 0; i < 14; i++) out[to + i] = salt[i]!;
  for (let i = 0; i < 4; i++) out[to + 4 + i]! ^= packet[at + RTCP_SSRC_AT + i]!;
  for (let i = 0; i < 4; i++) out[to + 10 + i]! ^= index >>> (24 - 8 * i);
  out[to + 14] = 0;
  out[to + 15] = 0;
}
