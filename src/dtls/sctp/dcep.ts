/**
 * The data channel establishment protocol (RFC 8832 §5): one message opens a channel, another acknowledges it.
 *
 *   0      1              2          4             8              10                12
 *  +------+--------------+----------+-------------+--------------+-----------------+-----------------
 *  | 0x03 | channel type | priority | reliability | label length | protocol length | label, protocol
 *  +------+--------------+----------+-------------+--------------+-----------------+-----------------
 */
import { readU16, readU32, writeU16, writeU32 } from "../../base/bytes.ts";
import type { ChannelParams } from "../../contract/data.ts";

const OPEN = 0x03;
const ACK = 0x02;
const OPEN_HEADER_BYTES = 12;

/** Channel types (RFC 8832 §5.1): the meaning of the reliability parameter, and a bit for unordered delivery. */
const RELIABLE = 0x00;
const LIMITED_RETRANSMITS = 0x01;
const LIMITED_LIFETIME = 0x02;
const UNORDERED_BIT = 0x80;

/** Chromium's default. We write it, and ignore a peer's. */
const NORMAL_PRIORITY = 256;

/** Limit of a label and of a protocol. Larger: more memory and longer logs per channel. Smaller: names do not fit. */
const MAX_NAME_BYTES = 256;

export const DCEP_ACK = Uint8Array.of(ACK);

export type DcepMessage =
  | { readonly kind: "open"; readonly params: ChannelParams }
  | { readonly kind: "ack" }
  | { readonly kind: "malformed" };

const MALFORMED: DcepMessage = { kind: "malformed" };
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function parseDcep(message: Uint8Array): DcepMessage {
  if (message[0] === ACK) return message.length === 1 ? { kind: "ack" } : MALFORMED;
  if (message[0] !== OPEN || message.length < OPEN_HEADER_BYTES) return MALFORMED;
  const labelBytes = readU16(message, 8);
  const protocolBytes = readU16(message, 10);
  const labelEnd = OPEN_HEADER_BYTES + labelBytes;
  if (labelBytes > MAX_NAME_BYTES || protocolBytes > MAX_NAME_BYTES) return MALFORMED;
  if (message.length !== labelEnd + protocolBytes) return MALFORMED;
  const type = message[1]! & ~UNORDERED_BIT;
  if (type > LIMITED_LIFETIME) return MALFORMED;
  const label = decode(message.subarray(OPEN_HEADER_BYTES, labelEnd));
  const protocol = decode(message.subarray(labelEnd));
  if (label === undefined || protocol === undefined) return MALFORMED;
  const reliability = readU32(message, 4);
  return {
    kind: "open",
    params: {
      label,
      protocol,
      ordered: (message[1]! & UNORDERED_BIT) === 0,
      maxRetransmits: type === LIMITED_RETRANSMITS ? reliability : null,
      maxLifetimeMs: type === LIMITED_LIFETIME ? reliability : null,
    },
  };
}

export function encodeOpen(params: ChannelParams): Uint8Array {
  const { label, protocol, ordered, maxRetransmits, maxLifetimeMs } = params;
  const names = [label, protocol].map((name) => Buffer.from(name, "utf8"));
  const header = new Uint8Array(OPEN_HEADER_BYTES);
  header[0] = OPEN;
  header[1] = (ordered ? 0 : UNORDERED_BIT) | typeOf(params);
  writeU16(header, 2, NORMAL_PRIORITY);
  writeU32(header, 4, maxRetransmits ?? maxLifetimeMs ?? 0);
  names.forEach((name, index) => {
    writeU16(header, 8 + 2 * index, name.length);
  });
  return Buffer.concat([header, ...names]);
}

function typeOf({ maxRetransmits, maxLifetimeMs }: ChannelParams): number {
  if (maxRetransmits !== null) return LIMITED_RETRANSMITS;
  return maxLifetimeMs === null ? RELIABLE : LIMITED_LIFETIME;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}
