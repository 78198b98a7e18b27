/**
 * What it costs to watch whether a track looks encrypted, per packet, beside copying that packet once:
 * node loadtest/micro/encryption-guard.ts
 *
 * `audio`: each packet is a frame, one in 16 is looked at. `video`: likewise with every tenth packet a frame's last.
 * `doubted`: sound of which each packet is looked at. Bodies take turns within each round; each number is the median of
 * the rounds' CPU time. Read the ratios.
 */
import type { CodecName } from "../../src/base/codec.ts";
import { EncryptionGuard } from "../../src/sfu/encryption-guard.ts";
import { endsFrame, looksSealed } from "../../src/sfu/payload-reader.ts";
import { UpPacket } from "../../src/sfu/up-packet.ts";

const ROUNDS = 9;
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

const slab = new Uint8Array(64 * 2048);
let row = 0;
function copy(): void {
  row = (row + 1) & 63;
  slab.set(packet.bytes, row * 2048);
}

function measure(body: () => void): number {
  const before = process.threadCpuUsage();
  for (let i = 0; i < PACKETS; i++) body();
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / PACKETS;
}

const bodies: Readonly<Record<string, () => void>> = {
  copy,
  audio: watch("opus", true),
  video: watch("VP8", true),
  doubted: watch("opus", false),
};
const times = Object.fromEntries(Object.keys(bodies).map((name): [string, number[]] => [name, []]));
for (const body of Object.values(bodies)) measure(body);
for (let round = 0; round < ROUNDS; round++)
  for (const [name, body] of Object.entries(bodies)) times[name]!.push(measure(body));
const median = (name: string): number => times[name]!.sort((a, b) => a - b)[ROUNDS >> 1]!;
console.table(
  Object.keys(bodies).map((body) => ({
    body,
    "ns per packet": Math.round(median(body)),
    "times copy": (median(body) / median("copy")).toFixed(2),
  })),
);
