/** The publisher: sends bursts at even intervals, to the microsecond. */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { PathId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import type { DatagramSocket } from "../../src/worker/datagram-socket.ts";
import type { Load } from "./load.ts";
import { MediaSource } from "./media-source.ts";
import type { Forwarder } from "./subject.ts";
import { cipherFactory, createSocket } from "./tier.ts";

/** The least interval after a late burst, as a share of the regular one. */
const LEAST_DISTANCE = 0.5;

export class Generator {
  readonly #source: MediaSource;
  readonly #socket: DatagramSocket;
  readonly #path: PathId;
  readonly #hello: Uint8Array | null;

  private constructor(source: MediaSource, socket: DatagramSocket, path: PathId, hello: Uint8Array | null) {
    this.#source = source;
    this.#socket = socket;
    this.#path = path;
    this.#hello = hello;
  }

  static async open({ port, hello }: Forwarder, load: Load): Promise<Generator> {
    const paths = new PathTable(16);
    const socket = await createSocket({
      address: "127.0.0.1",
      port: 0,
      paths,
      bufferBytes: 4 * 1024 * 1024,
      handler: { onDatagram: () => {}, onBatchEnd: () => {} },
      onPathTableFull: () => {},
    });
    const source = new MediaSource(load, cipherFactory);
    const path = paths.intern("127.0.0.1", port);
    const generator = new Generator(source, socket, path, hello);
    generator.greet();
    await delay(20);
    return generator;
  }

  /** Makes the publisher's address known, or says that it is still there. */
  greet(): void {
    if (this.#hello === null) return;
    const { ring } = this.#source;
    ring.clear();
    ring.slab.set(this.#hello, ring.reserve());
    ring.commitRaw(this.#hello.length, this.#path);
    this.#socket.send(ring);
  }

  /**
   * Resolves with the number of bursts sent. Bursts that it could not send in time, because it had no core, are
   * skipped: several at once would be another load than the requested one.
   */
  async run(burstsPerSecond: number, ms: number): Promise<number> {
    const distanceUs = 1e6 / burstsPerSecond;
    let dueUs = nowUs();
    const endUs = dueUs + ms * 1_000;
    let sent = 0;
    for (let atUs = dueUs; atUs < endUs; atUs = nowUs()) {
      if (atUs >= dueUs) {
        this.#source.writeBurst(atUs, this.#path);
        this.#socket.send(this.#source.ring);
        sent += 1;
        dueUs = Math.max(dueUs + distanceUs, atUs + distanceUs * LEAST_DISTANCE);
      }
      await nextTurn();
    }
    return sent;
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}

/** The same clock as the sink's. */
export const nowUs = (): number => Math.round(performance.now() * 1_000);
