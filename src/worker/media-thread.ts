/** Entry of a media thread (worker_threads): wires socket, core and ports together, without logic of its own. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { SLOT } from "../base/counters.ts";
import { PathTable } from "../base/path-table.ts";
import type { FromDtls } from "../contract/dtls.ts";
import type {
  FromMediaThread,
  MediaThreadSettings,
  PipeConnection,
  ToMediaThread,
} from "../contract/media-thread.ts";
import { MediaCore } from "../core/media-core.ts";
import { ThreadLoad } from "../telemetry/thread-load.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import { MediaLoop } from "./media-loop.ts";
import { listenTcp, type TcpListener } from "./tcp/tcp-listener.ts";
import { setThreadNice } from "./thread-nice.ts";
import { loadTier } from "./tiers.ts";

/** Addresses known at a time: enough for every participant that a thread can serve, and some thousand strangers. */
const PATHS = 16_384;

/** Outgoing datagrams that the ring holds: 8 MiB of slots. It is flushed when half are taken, if not before. */
const RING_SLOTS = 4_096;

const LOAD_INTERVAL_MS = 1_000;

/**
 * How long a thread that ends waits until the peers of its closed transports were sent close_notify, usually
 * milliseconds, and how often it checks. Larger: a dead DTLS thread delays the end. Smaller: on a large server some
 * peers are not told.
 */
const FAREWELLS_MS = 500;
const FAREWELLS_POLL_MS = 5;

const settings = workerData as MediaThreadSettings;
const { counters } = settings;
const main = parentPort!;
const tell = (message: FromMediaThread): void => main.postMessage(message);

const nice = setThreadNice(settings.nice);

/** Read once: the global is an accessor, which costs as much as reading the clock. */
const { performance } = globalThis;

/** `performance.now()` counts from the start of a thread; packets between threads carry times on a shared clock. */
const CLOCK_ORIGIN_US = Number(process.hrtime.bigint()) / 1_000 - performance.now() * 1_000;

/** Microseconds of the machine's monotonic clock. */
const nowUs = (): number => Math.round(performance.now() * 1_000 + CLOCK_ORIGIN_US);

const { ciphers, createSocket } = await loadTier(settings.tier);
const paths = new PathTable(PATHS);
const core = new MediaCore({
  counters,
  paths,
  ringSlots: RING_SLOTS,
  ciphers,
  seed: randomInt(2 ** 32),
});
let dtls: MessagePort | null = null;
/** The other media threads to which there is a pipe. */
const peers = new Map<number, MessagePort>();
const loop = new MediaLoop(core, nowUs, {
  events: (events) => tell({ kind: "events", events }),
  letters: (letters) => dtls?.postMessage(letters),
  wake: (thread) => peers.get(thread)?.postMessage(null),
});

/** The system chooses the UDP port, which may be in use for TCP. */
const PORT_ATTEMPTS = settings.port === 0 ? 10 : 1;

async function open(attempts: number): Promise<{ socket: DatagramSocket; tcp: TcpListener | null }> {
  const { address, port } = settings;
  const common = { address, paths, handler: loop };
  const udp = await createSocket({
    ...common,
    port,
    bufferBytes: settings.socketBufferBytes,
    gatherUs: settings.gatherUs,
    onPathTableFull: () => {
      counters[SLOT.upDropped_path_table_full]! += 1;
    },
  });
  if (!settings.tcp) return { socket: udp, tcp: null };
  try {
    return { socket: udp, tcp: await listenTcp({ ...common, port: udp.port, counters }) };
  } catch (error) {
    await udp.close();
    if (attempts <= 1) throw error;
    return open(attempts - 1);
  }
}

const { socket, tcp } = await open(PORT_ATTEMPTS);
loop.socket = socket;
core.ring.sendsEarly = socket.segments;
loop.tcp = tcp;
counters[SLOT.socketReceiveBufferBytes] = socket.receiveBufferBytes;
counters[SLOT.socketSendBufferBytes] = socket.sendBufferBytes;

function connectDtls(port: MessagePort): void {
  const isReplaced = dtls !== null;
  dtls?.close();
  dtls = port;
  port.onmessage = (message: MessageEvent) => loop.onLetters(message.data as readonly FromDtls[]);
  if (isReplaced) loop.onDtlsReplaced();
}

function connectPipe({ thread, direction, memory, port }: PipeConnection): void {
  if (direction === "out") {
    peers.get(thread)?.close();
    peers.set(thread, port);
    core.pipes.connectTo(thread, memory);
  } else {
    core.pipes.connectFrom(thread, memory);
    port.onmessage = () => loop.onPiped();
  }
}

const load = new ThreadLoad();
const loadTimer = setInterval(() => {
  counters[SLOT.heartbeats]! += 1;
  tcp?.sweep();
  core.countObjects();
  const { cpuUs, eventLoopDelayP50Us, eventLoopDelayP99Us, eventLoopDelayMaxUs } = load.read();
  counters[SLOT.threadCpuUs] = cpuUs;
  counters[SLOT.eventLoopDelayP50Us] = eventLoopDelayP50Us;
  counters[SLOT.eventLoopDelayP99Us] = eventLoopDelayP99Us;
  counters[SLOT.eventLoopDelayMaxUs] = eventLoopDelayMaxUs;
  counters[SLOT.socketReceiveDrops] = socket.receiveDrops() ?? 0;
}, LOAD_INTERVAL_MS);

async function stop(): Promise<void> {
  clearInterval(loadTimer);
  for (let ms = 0; core.farewells > 0 && ms < FAREWELLS_MS; ms += FAREWELLS_POLL_MS)
    await delay(FAREWELLS_POLL_MS);
  loop.stop();
  dtls?.close();
  for (const port of peers.values()) port.close();
  await Promise.all([socket.close(), tcp?.close()]);
  main.close();
}

main.on("message", (message: ToMediaThread) => {
  if (message.kind === "dtls.connect") connectDtls(message.port);
  else if (message.kind === "pipe.connect") connectPipe(message);
  else if (message.kind === "thread.stop") void stop();
  else loop.onCommand(message);
});
tell({ kind: "listening", port: socket.port, nice });
