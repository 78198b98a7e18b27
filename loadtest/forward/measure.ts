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

/** Before a measurement. */
const WARM_UP_SAMPLE_MS = 1_000;
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
  /** Of the CPU time, by part: of a load whose estimating is clocked. */
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
  /** Null for the floor, which receives nothing. */
  readonly #forwarder: Forwarder | null;
  readonly #generator: Generator | null;
  readonly #sinkPort: number;
  #sinkSockets: readonly SinkSocket[] = [];

  private constructor(
    load: Load,
    subjects: readonly Subject[],
    run: Run,
    sinkPort: number,
    forwarder: Forwarder | null = null,
    generator: Generator | null = null,
  ) {
    this.#load = load;
    this.#subjects = subjects;
    this.#run = run;
    this.#sink = new Sink(load, cipherFactory, nowUs);
    this.#sinkPort = sinkPort;
    this.#forwarder = forwarder;
    this.#generator = generator;
  }

  static async openFloor(load: Load): Promise<Line> {
    const port = await freePort();
    const subject = await startFloor(load, port);
    const run: Run = (burstsPerSecond, ms) => runFloor(subject, { burstsPerSecond, ms });
    const line = new Line(load, [subject], run, port);
    await line.#openSink();
    return line;
  }

  static async open(load: Load, start: (load: Load, sinkPort: number) => Promise<Forwarder>): Promise<Line> {
    const port = await freePort();
    const forwarder = await start(load, port);
    const generator = await Generator.open(forwarder, load);
    const run: Run = (burstsPerSecond, ms) => generator.run(burstsPerSecond, ms);
    const line = new Line(load, forwarder.subjects, run, port, forwarder, generator);
    await line.#openSink();
    await line.#reachAll();
    return line;
  }

  /** Packets that one burst becomes. */
  get packetsOfBurst(): number {
    return this.#load.fanOut * this.#load.burst;
  }

  /** `ms`: less than the 8 s after which a server takes peers for gone that say nothing, unless they answer. */
  async sample(burstsPerSecond: number, ms: number): Promise<Measurement> {
    const sink = this.#sink;
    await this.#renew();
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

  /**
   * Warms up for `ms`, and finds the bursts a second at which the subject is busy for this share of a core: a thread that
   * idles more takes more for each packet.
   */
  async rateFor(shareOfCore: number, ms: number): Promise<number> {
    let rate = FIRST_RATE;
    for (let done = 0; done < ms; done += WARM_UP_SAMPLE_MS) {
      const { packetsPerCpuSecond } = await this.sample(rate / this.packetsOfBurst, WARM_UP_SAMPLE_MS);
      rate = packetsPerCpuSecond * shareOfCore;
    }
    return rate / this.packetsOfBurst;
  }

  /** Runs for `ms`: a server runs for days, and V8 takes some ten seconds until it has compiled all that is hot. */
  async warmUp(burstsPerSecond: number, ms: number): Promise<void> {
    for (let done = 0; done < ms; done += WARM_UP_SAMPLE_MS)
      await this.sample(burstsPerSecond, WARM_UP_SAMPLE_MS);
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
    await this.#closeSink();
    await Promise.all(this.#subjects.map((subject) => subject.end()));
  }

  /** Peers speak, as browsers do every few seconds to say that they are still there. */
  async #renew(): Promise<void> {
    this.#generator?.greet();
    if (this.#forwarder === null || this.#load.answered === true) return;
    await this.#closeSink();
    await this.#forwarder.checkReceivers();
    await this.#openSink();
  }

  /** One socket for all, or one for each who answers: the server knows its peers by their addresses. */
  async #openSink(): Promise<void> {
    const [load, sink, port] = [this.#load, this.#sink, this.#sinkPort];
    if (load.answered !== true) {
      this.#sinkSockets = [await bind("0.0.0.0", port, sink)];
      return;
    }
    const receivers = Array.from({ length: load.fanOut }, async (_, index) => {
      const receiver = new AnsweringReceiver(index, load, cipherFactory, sink, nowUs);
      receiver.begin(await bind(subscriberAddress(index), port, receiver));
      return receiver;
    });
    this.#sinkSockets = await Promise.all(receivers);
  }

  async #closeSink(): Promise<void> {
    await Promise.all(this.#sinkSockets.map((socket) => socket.close()));
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

export async function measure(
  name: SubjectName,
  load: Load,
  { ms, warmUpMs }: { readonly ms: number; readonly warmUpMs: number },
): Promise<Measurement> {
  const line =
    name === "floor"
      ? await Line.openFloor(load)
      : await Line.open(load, name === "naive" ? startNaive : startRoom);
  try {
    const result = await line.sample(await line.rateFor(SHARE_OF_CORE, warmUpMs), ms);
    line.check();
    return result;
  } finally {
    await line.close();
  }
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
