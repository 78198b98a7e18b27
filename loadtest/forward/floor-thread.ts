/**
 * Entry of a worker, the floor: the least that any server must do with this tier's calls. A bare loop that encrypts
 * packets made once, under changing sequence numbers, and sends them; nothing is received, looked up or rewritten.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import {
  keysOf,
  type Load,
  PACKET_BYTES,
  PAYLOAD_TYPE,
  subscriberAddress,
  subscriberName,
  subscriberSsrc,
} from "./load.ts";
import { answerProbes } from "./thread-probe.ts";
import { cipherFactory, createSocket } from "./tier.ts";

export interface FloorSettings {
  readonly probe: MessagePort;
  readonly load: Load;
  readonly sinkPort: number;
}

/** Command to the floor: how many bursts a second, and for how long. It answers with the number of bursts sent. */
export interface FloorRun {
  readonly burstsPerSecond: number;
  readonly ms: number;
}

const HEADER_BYTES = 12;

const { probe, load, sinkPort } = workerData as FloorSettings;
answerProbes(probe);
const { fanOut, burst, kind, profile } = load;
const bytes = PACKET_BYTES[kind];
const paths = new PathTable(fanOut + 1);
/** Half of it is a turn. */
const ring = new TransmitRing(2 * fanOut * burst);
const ciphers = Array.from({ length: fanOut }, (_, index) =>
  cipherFactory.create(profile, keysOf(subscriberName(index), profile).send),
);
const pathOf = Array.from({ length: fanOut }, (_, index) => paths.intern(subscriberAddress(index), sinkPort));
const socket = await createSocket({
  address: "127.0.0.1",
  port: 0,
  paths,
  bufferBytes: 4 * 1024 * 1024,
  handler: { onDatagram: () => {}, onBatchEnd: () => {} },
  onPathTableFull: () => {},
});

for (let at = 0; at < ring.slab.length; at += SLOT_BYTES) {
  ring.slab[at] = 0x80;
  ring.slab[at + 1] = PAYLOAD_TYPE;
}

ring.sendsEarly = socket.segments;
ring.flush = () => {
  cipherFactory.finishSealing();
  socket.send(ring);
  ring.clear();
};

let firstSeq = 0;
/** Receiver by receiver, and sent while the cache holds it: the fastest order. */
function turn(): void {
  for (let index = 0; index < fanOut; index++) {
    for (let packet = 0; packet < burst; packet++) {
      const at = ring.reserve();
      writeU16(ring.slab, at + 2, (firstSeq + packet) & 0xffff);
      writeU32(ring.slab, at + 8, subscriberSsrc(index));
      ring.commitRaw(ciphers[index]!.beginSealRtp(ring.slab, at, HEADER_BYTES, bytes, 0), pathOf[index]!);
    }
    ring.makeRoom(burst);
  }
  if (ring.count > 0) ring.flush();
  firstSeq = (firstSeq + burst) & 0xffff;
}

parentPort!.postMessage("ready");
for (;;) {
  const [{ burstsPerSecond, ms }] = (await once(parentPort!, "message")) as [FloorRun];
  const startMs = performance.now();
  let sent = 0;
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - startMs) {
    for (const due = Math.floor((elapsed * burstsPerSecond) / 1_000); sent < due; sent++) turn();
    await delay(1);
  }
  parentPort!.postMessage(sent);
}
