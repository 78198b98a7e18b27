/** One measurement: a load through one subject, at a share of its core that it can bear. */
import { createSocket as createDgram } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { PathId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import type { DatagramSocket } from "../../src/worker/datagram-socket.ts";
import type { Load } from "./load.ts";
import { MediaSource } from "./media-source.ts";
import { Sink } from "./sink.ts";
import {
  type Forwarder,
  runFloor,
  type Subject,
  type SubjectName,
  startFloor,
  startMediaThread,
  startNaive,
} from "./subject.ts";
import { cipherFactory, createSocket } from "./tier.ts";

/** What a thread may be busy: less and wake-ups weigh more than packets, more and queues grow. */
const SHARE_OF_CORE = 0.6;

/** Packets a second at which the cost of one is first estimated. */
const FIRST_RATE = 8_000;

/** The generator is one thread too: what it can make and take in, seen from fan-out 1. */
const MAX_RATE = 250_000;

/** For what is under way when the generator stops. */
const DRAIN_MS = 300;

const WARM_UPS = 3;
const WARM_UP_MS = 500;
const REACH_LIMIT_MS = 5_000;

export interface Measurement {
  /** Packets that arrived for each second of the thread's CPU time. */
  readonly packetsPerCpuSecond: number;
  /** Share of packets that did not arrive, in [0, 1]: at the sink's socket, whose thread is the generator's too, or before. */
  readonly lossAtSink: number;
  readonly loss: number;
  /** Share of copies that left the server within 2 ms of the packet's coming, in [0, 1]; NaN for other subjects. */
  readonly prompt: number;
  /** From the generator's clock to the sink, microseconds. */
  readonly delayP50Us: number;
  readonly delayP99Us: number;
  readonly allocatedBytesPerPacket: number;
  readonly gcUsPerMillionPackets: number;
  readonly longestGcUs: number;
  /** Of the core, in [0, 1]. */
  readonly busy: number;
}

const nowUs = (): number => Math.round(performance.now() * 1_000);

export async function measure(name: SubjectName, load: Load, ms: number): Promise<Measurement> {
  const sinkPort = await freePort();
  if (name === "floor") {
    const subject = await startFloor(load, sinkPort);
    const run = (burstsPerSecond: number, forMs: number) => runFloor(subject, { burstsPerSecond, ms: forMs });
    return measureSubject(subject, load, sinkPort, run, ms);
  }
  const forwarder = await (name === "naive" ? startNaive : startMediaThread)(load, sinkPort);
  const generator = await Generator.open(forwarder, load);
  try {
    return await measureSubject(
      forwarder.subject,
      load,
      sinkPort,
      (rate, forMs) => generator.run(rate, forMs),
      ms,
    );
  } finally {
    await generator.close();
  }
}

type Run = (burstsPerSecond: number, ms: number) => Promise<number>;

async function measureSubject(
  subject: Subject,
  load: Load,
  sinkPort: number,
  run: Run,
  ms: number,
): Promise<Measurement> {
  const sink = new Sink(load, cipherFactory, nowUs);
  const socket = await createSocket({
    address: "0.0.0.0",
    port: sinkPort,
    paths: new PathTable(64),
    bufferBytes: 16 * 1024 * 1024,
    handler: sink,
    onPathTableFull: () => {},
  });
  try {
    const checksContent = subject.forwards;
    const limitMs = performance.now() + REACH_LIMIT_MS;
    while (checksContent && sink.reached < load.fanOut) {
      if (performance.now() > limitMs)
        throw new Error(`${sink.reached} of ${load.fanOut} subscribers reached`);
      await run(50, 20);
    }
    const packetsOfBurst = load.fanOut * load.burst;
    let rate = FIRST_RATE;
    const at = (forMs: number): Promise<Measurement> =>
      sample(
        subject,
        sink,
        () => socket.receiveDrops() ?? 0,
        run,
        rate / packetsOfBurst,
        forMs,
        packetsOfBurst,
      );
    // Code that is not compiled yet, and wake-ups for little, make the first samples dear.
    for (let i = 0; i < WARM_UPS; i++) {
      rate = Math.min(MAX_RATE, (await at(WARM_UP_MS)).packetsPerCpuSecond * SHARE_OF_CORE);
    }
    const result = await at(ms);
    if (checksContent && (sink.opened === 0 || sink.forged > 0)) {
      throw new Error(`${sink.forged} of ${sink.opened} packets did not open`);
    }
    return result;
  } finally {
    await socket.close();
    await subject.end();
  }
}

async function sample(
  subject: Subject,
  sink: Sink,
  sinkDrops: () => number,
  run: Run,
  burstsPerSecond: number,
  ms: number,
  packetsOfBurst: number,
): Promise<Measurement> {
  sink.reset();
  const dropsBefore = sinkDrops();
  const forwardedBefore = subject.forwarded();
  const before = await subject.read();
  const bursts = await run(burstsPerSecond, ms);
  await delay(DRAIN_MS);
  const after = await subject.read();
  const forwarded = subject.forwarded();
  const drops = sinkDrops() - dropsBefore;
  const cpuUs = after.cpuUs - before.cpuUs;
  // What the sink had no room for was sent, and paid for.
  const packets = sink.packets + drops;
  const expected = bursts * packetsOfBurst;
  return {
    packetsPerCpuSecond: (packets / cpuUs) * 1e6,
    lossAtSink: drops / expected,
    loss: 1 - packets / expected,
    prompt: (forwarded.prompt - forwardedBefore.prompt) / (forwarded.all - forwardedBefore.all),
    delayP50Us: sink.delayUs(0.5),
    delayP99Us: sink.delayUs(0.99),
    allocatedBytesPerPacket: (after.allocatedBytes - before.allocatedBytes) / packets,
    gcUsPerMillionPackets: ((after.gcUs - before.gcUs) / packets) * 1e6,
    longestGcUs: after.longestGcUs,
    busy: cpuUs / 1_000 / ms,
  };
}

/** The publisher: sends bursts at even distances, to the microsecond; a late one is sent at once. */
class Generator {
  readonly #source: MediaSource;
  readonly #socket: DatagramSocket;
  readonly #path: PathId;

  constructor(source: MediaSource, socket: DatagramSocket, path: PathId) {
    this.#source = source;
    this.#socket = socket;
    this.#path = path;
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
    if (hello !== null) {
      source.ring.slab.set(hello, source.ring.reserve());
      source.ring.commitRaw(hello.length, path);
      socket.send(source.ring);
      await delay(20);
    }
    return new Generator(source, socket, path);
  }

  async run(burstsPerSecond: number, ms: number): Promise<number> {
    const startUs = nowUs();
    let sent = 0;
    for (let elapsedUs = 0; elapsedUs < ms * 1_000; elapsedUs = nowUs() - startUs) {
      if (sent <= (elapsedUs * burstsPerSecond) / 1e6) {
        this.#source.writeBurst(nowUs(), this.#path);
        this.#socket.send(this.#source.ring);
        sent += 1;
      }
      await nextTurn();
    }
    return sent;
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}

async function freePort(): Promise<number> {
  const socket = createDgram("udp4");
  socket.bind(0, "0.0.0.0");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
