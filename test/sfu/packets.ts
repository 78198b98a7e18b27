/** Published packets for tests of the SFU's parts, read as `UpInlet` reads them. */
import { EXTENSION_URI, ExtensionMap, type ExtensionName } from "../../src/rtp/header-extensions.ts";
import { parseRtpHeader, readPadding } from "../../src/rtp/rtp-header.ts";
import { UpPacket } from "../../src/sfu/up-packet.ts";
import { hex } from "../rtp/hex.ts";

export function extensionMap(ids: Partial<Record<ExtensionName, number>>): ExtensionMap {
  return new ExtensionMap(
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [EXTENSION_URI[name as ExtensionName], id])),
  );
}

export interface PacketOptions {
  readonly ssrc?: number;
  readonly payloadType?: number;
  readonly seq?: number;
  readonly timestamp?: number;
  /** Extension block with its profile and length, as hex. */
  readonly extensions?: string;
  /** As hex. */
  readonly payload?: string;
}

/** Throws when the packet that the options make is malformed. */
export function upPacket(map: ExtensionMap, options: PacketOptions = {}): UpPacket {
  const { ssrc = 1, payloadType = 96, seq = 1, timestamp = 0, extensions = "", payload = "00" } = options;
  const fixed = Buffer.alloc(12);
  fixed[0] = extensions === "" ? 0x80 : 0x90;
  fixed[1] = payloadType;
  fixed.writeUInt16BE(seq, 2);
  fixed.writeUInt32BE(timestamp, 4);
  fixed.writeUInt32BE(ssrc, 8);
  const packet = new UpPacket();
  packet.bytes = Buffer.concat([fixed, hex(extensions), hex(payload)]);
  packet.length = packet.bytes.length;
  packet.extSeq = seq;
  const { bytes, header } = packet;
  const read =
    parseRtpHeader(bytes, packet.length, header) &&
    readPadding(bytes, packet.length, header) &&
    packet.extensions.parse(bytes, header, map);
  if (!read) throw new Error("the test's packet is malformed");
  packet.payload = bytes.subarray(header.headerBytes, header.headerBytes + header.payloadBytes);
  return packet;
}
