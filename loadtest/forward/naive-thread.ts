/**
 * Entry of a worker, the naive way: an SFU assembled from packages. One packet object by werift for each receiver, one
 * `createCipheriv` and one `dgram.send` for each packet.
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { RtpHeader, RtpPacket } from "werift";
import { SRTP_AEAD_AES_128_GCM, type SrtpMasterKey } from "../../src/contract/dtls.ts";
import { deriveSrtpSessionKeys, type SrtpSessionKeys } from "../../src/srtp/key-derivation.ts";
import { keysOf, type Load, PUBLISHER, subscriberAddress, subscriberName, subscriberSsrc } from "./load.ts";
import { answerProbes } from "./thread-probe.ts";

export interface NaiveSettings {
  readonly probe: MessagePort;
  readonly load: Load;
  readonly sinkPort: number;
}

const GCM_TAG_BYTES = 16;
const HMAC_TAG_BYTES = 10;
const HMAC_KEY_BYTES = 20;

const { probe, load, sinkPort } = workerData as NaiveSettings;
answerProbes(probe);
const { fanOut, profile } = load;
const isGcm = profile === SRTP_AEAD_AES_128_GCM;
const sessionKeys = (master: SrtpMasterKey): SrtpSessionKeys =>
  deriveSrtpSessionKeys(master, isGcm ? 0 : HMAC_KEY_BYTES);

const publisher = sessionKeys(keysOf(PUBLISHER, profile).receive);
const subscribers = Array.from({ length: fanOut }, (_, index) => ({
  address: subscriberAddress(index),
  ssrc: subscriberSsrc(index),
  keys: sessionKeys(keysOf(subscriberName(index), profile).send),
}));

/** RFC 7714 §8.1; the load stays within the first rollover. */
function gcmNonce({ rtpSalt }: SrtpSessionKeys, { ssrc, sequenceNumber }: RtpHeader): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(ssrc, 2);
  nonce.writeUInt16BE(sequenceNumber, 10);
  for (let i = 0; i < 12; i++) nonce[i]! ^= rtpSalt[i]!;
  return nonce;
}

/** RFC 3711 §4.1.1. */
function counterIv({ rtpSalt }: SrtpSessionKeys, { ssrc, sequenceNumber }: RtpHeader): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(ssrc, 4);
  iv.writeUInt16BE(sequenceNumber, 12);
  for (let i = 0; i < 14; i++) iv[i]! ^= rtpSalt[i]!;
  return iv;
}

function open(packet: Buffer): RtpPacket {
  const parsed = RtpPacket.deSerialize(packet);
  const { payloadOffset } = parsed.header;
  const tagBytes = isGcm ? GCM_TAG_BYTES : HMAC_TAG_BYTES;
  const ciphertext = packet.subarray(payloadOffset, packet.length - tagBytes);
  if (!isGcm) {
    const roc = Buffer.alloc(4);
    const mac = createHmac("sha1", publisher.rtpAuthKey).update(packet.subarray(0, -tagBytes)).update(roc);
    if (!mac.digest().subarray(0, tagBytes).equals(packet.subarray(-tagBytes))) throw new Error("forged");
    const decipher = createDecipheriv("aes-128-ctr", publisher.rtpKey, counterIv(publisher, parsed.header));
    parsed.payload = decipher.update(ciphertext);
    return parsed;
  }
  const decipher = createDecipheriv("aes-128-gcm", publisher.rtpKey, gcmNonce(publisher, parsed.header));
  decipher.setAAD(packet.subarray(0, payloadOffset));
  decipher.setAuthTag(packet.subarray(-tagBytes));
  parsed.payload = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  return parsed;
}

function seal(keys: SrtpSessionKeys, packet: RtpPacket): Buffer {
  const plain = packet.serialize();
  const headerBytes = packet.header.serializeSize;
  const header = plain.subarray(0, headerBytes);
  if (!isGcm) {
    const cipher = createCipheriv("aes-128-ctr", keys.rtpKey, counterIv(keys, packet.header));
    const sealed = Buffer.concat([header, cipher.update(plain.subarray(headerBytes))]);
    const mac = createHmac("sha1", keys.rtpAuthKey).update(sealed).update(Buffer.alloc(4)).digest();
    return Buffer.concat([sealed, mac.subarray(0, HMAC_TAG_BYTES)]);
  }
  const cipher = createCipheriv("aes-128-gcm", keys.rtpKey, gcmNonce(keys, packet.header));
  cipher.setAAD(header);
  return Buffer.concat([
    header,
    cipher.update(plain.subarray(headerBytes)),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

const socket = createSocket("udp4");
socket.on("message", (datagram) => {
  if (datagram[0]! < 128) return;
  const { header, payload } = open(datagram);
  for (const { address, ssrc, keys } of subscribers) {
    const packet = new RtpPacket(new RtpHeader({ ...header, ssrc }), payload);
    socket.send(seal(keys, packet), sinkPort, address);
  }
});
socket.bind(0, "127.0.0.1");
await once(socket, "listening");
parentPort!.postMessage(socket.address().port);
