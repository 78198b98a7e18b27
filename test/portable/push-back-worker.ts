/** Runs under --test-udp-no-try-send, where every send is queued as if the kernel had no room. */
import { parentPort } from "node:worker_threads";
import { PathTable } from "../../src/base/path-table.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { createPortableSocket } from "../../src/portable/portable-socket.ts";

const paths = new PathTable(4);
const heard: string[] = [];
const heardOne = Promise.withResolvers<void>();
const socket = await createPortableSocket({
  address: "127.0.0.1",
  port: 0,
  paths,
  bufferBytes: 64 * 1024,
  onPathTableFull: () => {},
  handler: {
    onDatagram: (bytes, length) => void heard.push(Buffer.from(bytes.subarray(0, length)).toString()),
    onBatchEnd: () => heardOne.resolve(),
  },
});

const ring = new TransmitRing(8);
const self = paths.intern("127.0.0.1", socket.port);
const put = (text: string): void => {
  ring.slab.set(Buffer.from(text), ring.reserve());
  ring.commitRaw(text.length, self);
};

const slab = ring.slab;
for (const text of ["first", "second", "third"]) put(text);
const dropped = socket.send(ring);
ring.clear();
const replaced = ring.slab !== slab;
// The next turn writes to the same slot, at once, and finds the socket still blocked.
const fresh = ring.slab;
put("later");
const droppedLater = socket.send(ring);
const replacedAgain = ring.slab !== fresh;
await heardOne.promise;
await socket.close();
const kept = Buffer.from(slab.subarray(0, 5)).toString();
parentPort!.postMessage({ dropped, replaced, droppedLater, replacedAgain, heard, kept });
