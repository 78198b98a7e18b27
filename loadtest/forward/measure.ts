/** One measurement: a load through a subject, at a share of its core that it can bear. */
import { createSocket as createDgram } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { PathTable } from "../../src/base/path-table.ts";
import type { DatagramHandler, DatagramSocket } from "../../src/worker/datagram-socket.ts";
import { AnsweringReceiver } from "./answering-receiver.ts";
import { Generator, nowUs } from "./generator.ts";
import { type Load, subscriberAddress } from "./load.ts";
import { startRoom } from "./room.ts";
import { Sink } from "./sink.ts";
import { type Forwarder, runFloor, type Subject, startFloor, startNaive } from "./subject.ts";
import type { ProbeReading } from "./thread-probe.ts";
import { cipherFactory, createSocket } from "./tier.ts";

export type SubjectName = "blindfold" | "floor" | "naive";

/** What a thread may be busy: less and wake-ups weigh more than packets, more and queues grow. */
export const SHARE_OF_CORE = 0.6;

/** Packets a second at which the cost of one is first estimated. */
const FIRST_RATE = 8_000;

/** For what is under way when the generator stops. */
const DRAIN_MS = 200;

const SINK_BUFFER_BYTES = 16 * 1024 * 1024;

/**
 * Until the thread is as busy as it should be: code that is not compiled yet makes the first samples dear, idling the
 * next. All of them and the measurement must be over before the server takes receivers that say nothing for gone, after 8 s.
 */
const WARM_UPS = 8;
const WARM_UP_MS = 300;
const CLOSE_ENOUGH = 0.05;
const REACH_LIMIT_MS = 5_000;

export interface Measurement {
  /** That arrived. */
  readonly packets: number;
  /** Of the threads under test. */
  readonly cpuUs: number;
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
  /** Of one core, in [0, 1]. */
  readonly busy: number;
  /** Ready to run, while others had the cores; of the time that passed. */
  readonly waited: number;
  /** Of the CPU time, by part: of a load that is clocked. */
  readonly shares: Readonly<Record<string, number>>;
}

/** Sends bursts; resolves with how many. */
type Run = (burstsPerSecond: number, ms: number) => Promise<number>;

/** What the line needs of a socket of its sink. */
type SinkSocket = Pick<DatagramSocket, "receiveDrops" | "close">;

/** Generator, subjects and sink, joined up: what one load takes its way through. */
export class Line {
  readonly #load: Load;
  readonly #subjects: readonly Subject[];
  readonly #run: Run;
  readonly #sink: Sink;
  readonly #sinkSockets: readonly SinkSocket[];
  readonly #generator: Generator | null;

  constructor(
    load: Load,
    subjects: readonly Subject[],
    run: Run,
    sink: Sink,
    sinkSockets: readonly SinkSocket[],
    generator: Generator | null,
  ) {
    this.#load = load;
    this.#subjects = subjects;
    this.#run = run;
    this.#sink = sink;
    this.#sinkSockets = sinkSockets;
    this.#generator = generator;
  }

  static async openFloor(load: Load): Promise<Line> {
    const port = await freePort();
    const subject = await startFloor(load, port);
    const run: Run = (burstsPerSecond, ms) => runFloor(subject, { burstsPerSecond, ms });
    const sink = new Sink(load, cipherFactory, nowUs);
    return new Line(load, [subject], run, sink, await openSink(sink, load, port), null);
  }

  static async open(load: Load, start: (load: Load, sinkPort: number) => Promise<Forwarder>): Promise<Line> {
    const port = await freePort();
    const forwarder = await start(load, port);
    const generator = await Generator.open(forwarder, load);
    const run: Run = (burstsPerSecond, ms) => generator.run(burstsPerSecond, ms);
    const sink = new Sink(load, cipherFactory, nowUs);
    const line = new Line(load, forwarder.subjects, run, sink, await openSink(sink, load, port), generator);
    await line.#reachAll();
    return line;
  }

  /** Packets that one burst becomes. */
  get packetsOfBurst(): number {
    return this.#load.fanOut * this.#load.burst;
  }

  async sample(burstsPerSecond: number, ms: number): Promise<Measurement> {
    const sink = this.#sink;
    sink.reset();
    const dropsBefore = this.#sinkDrops();
    const forwardedBefore = this.#forwarded();
    const before = await this.#read();
    const bursts = await this.#run(burstsPerSecond, ms);
    await delay(DRAIN_MS);
    const after = await this.#read();
    const forwarded = this.#forwarded();
    const drops = this.#sinkDrops() - dropsBefore;
    const spent = (pick: (reading: ProbeReading) => number): number =>
      after.reduce((sum, reading, i) => sum + pick(reading) - pick(before[i]!), 0);
    const cpuUs = spent((reading) => reading.cpuUs);
    // What the sink had no room for was sent, and paid for.
    const packets = sink.packets + drops;
    const expected = bursts * this.packetsOfBurst;
    return {
      packets,
      cpuUs,
      packetsPerCpuSecond: (packets / cpuUs) * 1e6,
      lossAtSink: drops / expected,
      loss: 1 - packets / expected,
      prompt: (forwarded.prompt - forwardedBefore.prompt) / (forwarded.all - forwardedBefore.all),
      delayP50Us: sink.delayUs(0.5),
      delayP99Us: sink.delayUs(0.99),
      allocatedBytesPerPacket: spent((reading) => reading.allocatedBytes) / packets,
      gcUsPerMillionPackets: (spent((reading) => reading.gcUs) / packets) * 1e6,
      longestGcUs: Math.max(...after.map((reading) => reading.longestGcUs)),
      busy: cpuUs / 1_000 / ms,
      waited: spent((reading) => reading.waitedUs) / 1_000 / ms,
      shares: Object.fromEntries(
        Object.keys(after[0]!.parts).map((part) => [part, spent(({ parts }) => parts[part]!) / cpuUs]),
      ),
    };
  }

  /** Bursts a second at which the subject is busy for this share of a core. */
  async rateFor(shareOfCore: number): Promise<number> {
    let rate = FIRST_RATE;
    for (let i = 0; i < WARM_UPS; i++) {
      const { packetsPerCpuSecond, busy } = await this.sample(rate / this.packetsOfBurst, WARM_UP_MS);
      if (Math.abs(busy - shareOfCore) < CLOSE_ENOUGH) break;
      rate = packetsPerCpuSecond * shareOfCore;
    }
    return rate / this.packetsOfBurst;
  }

  /** Throws when packets did not open that should have. */
  check(): void {
    const { opened, forged } = this.#sink;
    if (this.#generator !== null && (opened === 0 || forged > 0)) {
      throw new Error(`${forged} of ${opened} packets did not open`);
    }
  }

  async close(): Promise<void> {
    await this.#generator?.close();
    await Promise.all(this.#sinkSockets.map((socket) => socket.close()));
    await Promise.all(this.#subjects.map((subject) => subject.end()));
  }

  async #reachAll(): Promise<void> {
    const limitMs = performance.now() + REACH_LIMIT_MS;
    while (this.#sink.reached < this.#load.fanOut) {
      if (performance.now() > limitMs)
        throw new Error(`${this.#sink.reached} of ${this.#load.fanOut} subscribers reached`);
      await this.#run(50, 20);
    }
  }

  #read(): Promise<ProbeReading[]> {
    return Promise.all(this.#subjects.map((subject) => subject.read()));
  }

  #sinkDrops(): number {
    return this.#sinkSockets.reduce((sum, socket) => sum + (socket.receiveDrops() ?? 0), 0);
  }

  #forwarded(): { readonly all: number; readonly prompt: number } {
    const each = this.#subjects.map((subject) => subject.forwarded());
    return {
      all: each.reduce((sum, { all }) => sum + all, 0),
      prompt: each.reduce((sum, { prompt }) => sum + prompt, 0),
    };
  }
}

export async function measure(name: SubjectName, load: Load, ms: number): Promise<Measurement> {
  const line =
    name === "floor"
      ? await Line.openFloor(load)
      : await Line.open(load, name === "naive" ? startNaive : startRoom);
  try {
    const result = await line.sample(await line.rateFor(SHARE_OF_CORE), ms);
    line.check();
    return result;
  } finally {
    await line.close();
  }
}

/** One socket for all, or one for each who answers: the server knows its peers by their addresses. */
function openSink(sink: Sink, load: Load, port: number): Promise<SinkSocket[]> {
  if (load.answered !== true) return Promise.all([bind("0.0.0.0", port, sink)]);
  const receivers = Array.from({ length: load.fanOut }, async (_, index) => {
    const receiver = new AnsweringReceiver(index, load, cipherFactory, sink, nowUs);
    receiver.begin(await bind(subscriberAddress(index), port, receiver));
    return receiver;
  });
  return Promise.all(receivers);
}

function bind(address: string, port: number, handler: DatagramHandler): Promise<DatagramSocket> {
  return createSocket({
    address,
    port,
    paths: new PathTable(64),
    bufferBytes: SINK_BUFFER_BYTES,
    handler,
    onPathTableFull: () => {},
  });
}

async function freePort(): Promise<number> {
  const socket = createDgram("udp4");
  socket.bind(0, "0.0.0.0");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
