/** Goal: what is counted never falls, or whoever reads it takes the way back up for new drops. */
import { expect, test, vi } from "vitest";
import { PathTable } from "../../src/base/path-table.ts";
import { createPortableSocket } from "../../src/portable/portable-socket.ts";

const kernelDrops = vi.hoisted(() => vi.fn<() => number | undefined>());
vi.mock("../../src/portable/kernel-drops.ts", () => ({ kernelDrops }));

test("drops that can not be read for a while are as many as they were", async () => {
  const socket = await createPortableSocket({
    address: "127.0.0.1",
    port: 0,
    paths: new PathTable(1),
    bufferBytes: 65_536,
    onPathTableFull: () => {},
    handler: { onDatagram: () => {}, onBatchEnd: () => {} },
  });
  const told: (number | undefined)[] = [];
  for (const drops of [undefined, 3, undefined, 5, undefined]) {
    kernelDrops.mockReturnValue(drops);
    told.push(socket.receiveDrops());
  }
  await socket.close();
  told.push(socket.receiveDrops());
  expect(told).toEqual([undefined, 3, 3, 5, 5, 5]);
});
