/**
 * The threads of a server: starts them, connects them, and replaces those that die or are ended because they hang.
 *
 *   main ── commands, events ── media thread 0 … n ── letters ── dtls thread
 *
 * A media thread that dies takes its rooms with it (control hears of it through the handle's exit). A DTLS thread that dies
 * takes all data channels with it and, as soon as it is replaced, the transports whose handshake is under way; media goes on
 * under the keys that the media threads have. The next DTLS thread gets its certificate, whose fingerprint is in the answers.
 */
import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { type Counters, createSharedCounters, SLOT } from "./base/counters.ts";
import { PacketPipe } from "./base/packet-pipe.ts";
import type { Config } from "./config/load-config.ts";
import type { Fingerprint } from "./contract/media.ts";
import type { Clock } from "./control/clock.ts";
import type { DataThread } from "./control/data-thread.ts";
import type { MediaThreads, ServerCandidate } from "./control/media-threads.ts";
import { type DtlsThread, spawnDtlsThread } from "./dtls/spawn-dtls-thread.ts";
import { foreignAddresses, placesOf, threadCandidates } from "./local-addresses.ts";
import { RestartDelays, STABLE_SIGNS } from "./restarts.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { type Watch, Watchdog } from "./watchdog.ts";
import { chooseTier } from "./worker/choose-tier.ts";
import { type MediaThread, spawnMediaThread } from "./worker/spawn-media-thread.ts";
import { SRTP_PROFILES, type TierName } from "./worker/tiers.ts";

/**
 * How many checks in a row, of one a second, may find no sign of life before a thread is ended. A turn of a media thread is
 * some milliseconds of packets, or a thousand commands; garbage collection takes less. A turn of the DTLS thread may hold
 * 512 handshakes, some six seconds of work, and twice that on a busy machine. Larger: calls are without media, or nobody
 * can join, for longer. Smaller: a thread that is only late is ended, with its calls or all data channels.
 */
const MEDIA_PATIENCE = 10;
const DTLS_PATIENCE = 20;

/**
 * The same for a thread that starts, and gives no sign until it is up: mostly within two seconds, for it loads modules, and the
 * DTLS thread computes handshakes. Larger: nobody is served for longer. Smaller: a busy machine never gets one up.
 */
const START_PATIENCE = 60;

export class Threads {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #registry: MediaThreads;
  readonly #data: DataThread;
  readonly #media = new Map<number, MediaThread>();
  /** Pipes between media threads, each as `"<from> <to>"`. */
  readonly #pipes = new Set<string>();
  readonly #watchdog = new Watchdog();
  readonly #delays = new RestartDelays();
  readonly #clock: Clock;
  #tier: TierName = "portable";
  #dtls: DtlsThread | null = null;
  /** Threads that are not up yet. */
  readonly #starts = new Map<AbortController, Promise<void>>();
  #stopping = false;

  /** `clock`: by which restarts are delayed. */
  constructor(
    config: Config,
    log: Logger,
    metrics: Metrics,
    registry: MediaThreads,
    data: DataThread,
    clock: Clock,
  ) {
    this.#config = config;
    this.#log = log;
    this.#metrics = metrics;
    this.#registry = registry;
    this.#data = data;
    this.#clock = clock;
  }

  /** Fingerprint of the certificate that all handshakes present. */
  get fingerprint(): Fingerprint {
    return this.#dtls!.certificate.fingerprint;
  }

  /** Resolves when every thread is ready; rejects when one cannot start. */
  async start(): Promise<void> {
    const { tier, reason } = await chooseTier(this.#config.fastPath);
    this.#log.info({ tier, reason }, "fast path");
    this.#metrics.exposeTier(tier);
    this.#tier = tier;
    this.#warnOfForeignAddresses();
    this.#watchdog.start();
    try {
      await this.#startDtls();
      await this.#startAllMedia();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#watchdog.stop();
    for (const givenUp of this.#starts.keys()) givenUp.abort();
    await Promise.allSettled(this.#starts.values());
    await Promise.all([...this.#media.values()].map((thread) => thread.stop()));
    await this.#dtls?.close();
  }

  #startDtls(): Promise<void> {
    return this.#start("dtls", (givenUp) => this.#bringUpDtls(givenUp));
  }

  #startMedia(index: number): Promise<void> {
    return this.#start(`media-${index}`, (givenUp) => this.#bringUpMedia(index, givenUp));
  }

  /**
   * As many at a time as there are cores, for a start is half a second of work for one. Larger: none is up before all are, and
   * the watchdog ends them all. Smaller: cores are idle while others wait.
   */
  async #startAllMedia(): Promise<void> {
    let next = 0;
    const startInTurn = async (): Promise<void> => {
      while (next < this.#config.media.threads && !this.#stopping) await this.#startMedia(next++);
    };
    await Promise.all(Array.from({ length: availableParallelism() }, startInTurn));
  }

  /** Given up when it hangs, and when the server ends. */
  async #start(name: string, bringUp: (givenUp: AbortSignal) => Promise<void>): Promise<void> {
    const givenUp = new AbortController();
    const watch = this.#watch(
      name,
      START_PATIENCE,
      () => 0,
      () => givenUp.abort(),
    );
    const start = bringUp(givenUp.signal);
    this.#starts.set(givenUp, start);
    try {
      await start;
    } catch (error) {
      this.#count(watch);
      throw new Error(`thread ${name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    } finally {
      watch.end();
      this.#starts.delete(givenUp);
    }
  }

  async #bringUpDtls(givenUp: AbortSignal): Promise<void> {
    const dtls = await spawnDtlsThread(
      {
        certificate: this.#dtls?.certificate,
        srtpProfiles: SRTP_PROFILES[this.#tier],
        onStrayRejection: (message) =>
          this.#log.warn({ thread: "dtls", message }, "unhandled rejection in werift"),
      },
      givenUp,
    );
    this.#dtls = dtls;
    let events = 0;
    let heartbeats = 0;
    const watch = this.#watch("dtls", DTLS_PATIENCE, () => events, dtls.kill);
    dtls.onEvent((event) => {
      events += 1;
      if (event.kind === "handshake") this.#metrics.onHandshake(event.outcome, event.seconds);
      else if (event.kind === "load") {
        heartbeats += 1;
        this.#metrics.onDtlsLoad(event);
      }
    });
    dtls.onExit((error) => {
      this.#metrics.onDtlsEnd();
      this.#onEnd(watch);
      this.#restart("dtls", heartbeats, error, () => this.#startDtls());
    });
    this.#data.attach({
      post: dtls.postData,
      onBatch: (listener) => dtls.onEvent((event) => event.kind === "data" && listener(event)),
      onStable: (listener) =>
        dtls.onEvent((event) => event.kind === "load" && heartbeats === STABLE_SIGNS && listener()),
      onExit: (listener) => dtls.onExit(() => listener()),
    });
    for (const thread of this.#media.values()) this.#join(thread);
  }

  async #bringUpMedia(index: number, givenUp: AbortSignal): Promise<void> {
    const { media } = this.#config;
    const counters = createSharedCounters();
    const settings = {
      index,
      address: media.host,
      port: media.port === 0 ? 0 : media.port + index,
      tcp: media.tcp,
      socketBufferBytes: media.socketBufferBytes,
      gatherUs: media.gatherMicroseconds,
      nice: media.nice,
      tier: this.#tier,
      counters,
    };
    const thread = await spawnMediaThread(settings, givenUp);
    const candidates = candidatesOf(thread, media);
    this.#media.set(index, thread);
    this.#metrics.media.start(index, counters);
    const name = `media-${index}`;
    const heartbeats = (): number => counters[SLOT.heartbeats]!;
    const watch = this.#watch(name, MEDIA_PATIENCE, heartbeats, thread.kill);
    thread.onExit((error) => {
      this.#media.delete(index);
      this.#metrics.media.end(index);
      this.#onEnd(watch);
      this.#restart(name, heartbeats(), error, () => this.#startMedia(index));
    });
    this.#join(thread);
    this.#registry.add({
      index,
      candidates,
      post: thread.post,
      pipeTo: (other) => this.#connectPipe(index, other),
      onEvent: thread.onEvent,
      onExit: (listener) => thread.onExit(() => listener()),
    });
    const { port, nice } = thread;
    this.#log.info({ thread: index, port, announced: placesOf(candidates), nice }, "media thread listens");
    this.#warnOfSmallBuffers(index, counters);
  }

  /** What is sent to them arrives only if something on the way translates. */
  #warnOfForeignAddresses(): void {
    const { media } = this.#config;
    const addresses = foreignAddresses(media);
    if (addresses.length === 0) return;
    const message =
      "media.host hears nothing that is sent to these of media.announcedAddresses: other IP version";
    this.#log.warn({ host: media.host, addresses }, message);
  }

  /** Packets of a burst would be lost in the kernel, with a counter as the only sign. */
  #warnOfSmallBuffers(thread: number, counters: Counters): void {
    // Linux says twice what can be filled (socket(7)), and only there is it known what caps it.
    if (process.platform !== "linux") return;
    const asked = this.#config.media.socketBufferBytes;
    const received = counters[SLOT.socketReceiveBufferBytes]! / 2;
    const sent = counters[SLOT.socketSendBufferBytes]! / 2;
    if (Math.min(received, sent) >= asked) return;
    const message =
      "socket buffers are smaller than media.socketBufferBytes: net.core.rmem_max or wmem_max caps them";
    this.#log.warn({ thread, asked, received, sent }, message);
  }

  /** Makes the pipe from one media thread to another, if there is none. */
  #connectPipe(from: number, to: number): void {
    const key = `${from} ${to}`;
    const [sender, receiver] = [this.#media.get(from), this.#media.get(to)];
    if (this.#pipes.has(key) || sender === undefined || receiver === undefined) return;
    this.#pipes.add(key);
    const { port1, port2 } = new MessageChannel();
    const memory = PacketPipe.allocate();
    receiver.connectPipe({ thread: from, direction: "in", memory, port: port2 });
    sender.connectPipe({ thread: to, direction: "out", memory, port: port1 });
    // Neither end outlives its thread.
    const forget = (): void => void this.#pipes.delete(key);
    sender.onExit(forget);
    receiver.onExit(forget);
  }

  /** Connects a media thread to the DTLS thread. */
  #join(thread: MediaThread): void {
    const { port1, port2 } = new MessageChannel();
    thread.connectDtls(port1);
    this.#dtls?.connect(port2);
  }

  #watch(name: string, patience: number, signs: () => number, kill: () => void): Watch {
    const onHang = (): void => {
      this.#log.error({ thread: name, silentSeconds: patience }, "thread hangs, and is ended");
      kill();
    };
    return this.#watchdog.watch({ patience, signs, onHang });
  }

  /** Called when a thread that had started has ended. */
  #onEnd(watch: Watch): void {
    watch.end();
    this.#count(watch);
  }

  /** Counts a thread as lost. */
  #count(watch: Watch): void {
    if (!this.#stopping) this.#metrics.onThreadLoss(watch.hangs ? "hung" : "died");
  }

  /** `heartbeats`: what the thread gave that has ended; none if it did not come up. */
  #restart(name: string, heartbeats: number, error: Error | undefined, start: () => Promise<void>): void {
    if (this.#stopping) return;
    const delayMs = this.#delays.next(name, heartbeats);
    this.#log.error({ thread: name, err: error, restartMs: delayMs }, "thread died");
    this.#clock.after(delayMs, () => {
      if (this.#stopping) return;
      start().catch((cause: unknown) => {
        this.#restart(name, 0, cause as Error, start);
      });
    });
  }
}

/** Ends the thread where this machine's addresses can not be read, as when too many files are open: its port is to be free. */
function candidatesOf(thread: MediaThread, media: Config["media"]): ServerCandidate[] {
  try {
    return threadCandidates(media, thread.index, thread.port);
  } catch (error) {
    thread.kill();
    throw error;
  }
}
