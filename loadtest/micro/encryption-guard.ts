/**
 * The cost of checking whether a track looks encrypted, per packet, compared with copying that packet once:
 * node loadtest/micro/encryption-guard.ts
 *
 * `audio`: each packet is a frame, one in 16 is checked. `video`: likewise, with every tenth packet the last of a
 * frame. `doubted`: audio of which each packet is checked. Bodies take turns within each round; each number is the
 * median of the rounds' CPU time. Compare the ratios.
 */
import type { CodecName } from "../../src/base/codec.ts";
import { EncryptionGuard } from "../../src/sfu/encryption-guard.ts";
import { endsFrame, looksSealed } from "../../src/sfu/payload-reader.ts";
import { UpPacket } from "../../src/sfu/up-packet.ts";
import { compareWithCopy } from "./compare.ts";

const PACKETS = 2_000_000;
const HEADER_BYTES = 28;
const PACKET_BYTES = 1_100;
const PACKETS_PER_FRAME = 10;

const packet = new UpPacket();
packet.bytes = new Uint8Array(PACKET_BYTES);
packet.header.headerBytes = HEADER_BYTES;
packet.header.payloadBytes = PACKET_BYTES - HEADER_BYTES;

function watch(codec: CodecName, isSealed: boolean): () => void {
  const guard = new EncryptionGuard(1);
  let packets = 0;
  return () => {
    packet.header.marker = ++packets % PACKETS_PER_FRAME === 0;
    packet.bytes[PACKET_BYTES - 2] = isSealed ? 12 : 0;
    if (endsFrame(packet, codec) && guard.isDue(0)) guard.onLook(0, looksSealed(packet, codec));
  };
}

compareWithCopy(packet.bytes, PACKETS, {
  audio: watch("opus", true),
  video: watch("VP8", true),
  doubted: watch("opus", false),
});
