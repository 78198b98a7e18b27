/** A thread that answers every datagram over a native socket, until it is told to close or is terminated. */
import { parentPort } from "node:worker_threads";
import { PathTable } from "../../src/base/path-table.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { createNativeSocket } from "../../src/native/native-socket.ts";

const ring = new TransmitRing(1024);
const socket = await createNativeSocket({
  address: "127.0.0.1",
  port: 0,
  paths: new PathTable(16),
  bufferBytes: 256 * 1024,
  onPathTableFull: () => {},
  handler: {
    onDatagram: (bytes, length, path) => {
      ring.slab.set(bytes.subarray(0, length), ring.reserve());
      ring.commitRaw(length, path);
    },
    onBatchEnd: () => {
      socket.send(ring);
      ring.clear();
    },
  },
});
parentPort!.once("message", async () => {
  await socket.close();
  parentPort!.postMessage("closed");
});
parentPort!.postMessage(socket.port);
