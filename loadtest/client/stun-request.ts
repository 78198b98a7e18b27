/** An ICE connectivity check as a browser sends it (RFC 8445 §7.1): for load clients, simulated peers and hostile tests. */
import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";

const MAGIC_COOKIE = 0x2112a442;
const FINGERPRINT_XOR = 0x5354554e;
const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlling: 0x802a,
} as const;

export interface CheckOptions {
  readonly localUfrag: string;
  /** The peer that is checked: its user fragment and the password that signs. */
  readonly remoteUfrag: string;
  readonly remotePwd: string;
  readonly transactionId: Uint8Array;
}

export function bindingRequest({ localUfrag, remoteUfrag, remotePwd, transactionId }: CheckOptions): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x0001, 0);
  header.writeUInt32BE(MAGIC_COOKIE, 4);
  header.set(transactionId.subarray(0, 12), 8);
  let message = Buffer.concat([
    header,
    attribute(ATTRIBUTE.username, Buffer.from(`${remoteUfrag}:${localUfrag}`)),
    attribute(ATTRIBUTE.priority, Buffer.from([0x6e, 0x00, 0x1e, 0xff])),
    // The largest tie-breaker: a full agent that believes to be controlling switches its role (RFC 8445 §7.3.1.1).
    attribute(ATTRIBUTE.iceControlling, Buffer.alloc(8, 0xff)),
    attribute(ATTRIBUTE.useCandidate, Buffer.alloc(0)),
  ]);
  setLength(message, 24);
  const integrity = createHmac("sha1", remotePwd).update(message).digest();
  message = Buffer.concat([message, attribute(ATTRIBUTE.messageIntegrity, integrity)]);
  setLength(message, 8);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(message) ^ FINGERPRINT_XOR) >>> 0);
  return Buffer.concat([message, attribute(ATTRIBUTE.fingerprint, fingerprint)]);
}

/** The length field excludes the header; `more`: bytes that are still to be added. */
function setLength(message: Buffer, more: number): void {
  message.writeUInt16BE(message.length - 20 + more, 2);
}

function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + ((value.length + 3) & ~3));
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}
