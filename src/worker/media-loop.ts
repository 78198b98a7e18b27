/**
 * One media thread's loop around the sans-IO core: drain the socket, process, seal, send, report.
 *
 * A turn is a batch of datagrams, a message from another thread, or a timer; each ends with `#endTurn`.
 */
import { FORWARD_DELAY_BOUNDS_US, SLOT } from "../base/counters.ts";
import type { PathId } from "../base/ids.ts";
import type { FromDtls, ToDtls } from "../contract/dtls.ts";
import type { MediaCommand, MediaEvent } from "../contract/media.ts";
import { evenSizes } from "../core/even-sizes.ts";
import type { MediaCore } from "../core/media-core.ts";
import type { DatagramSocket } from "./datagram-socket.ts";
import type { TcpHandler, TcpListener } from "./tcp/tcp-listener.ts";

/**
 * How often the core's timers are checked, in the next turn that comes: caches are warm then, where a turn just for the
 * timers would fill them again. Larger: NACKs, PLIs and feedback are delayed by as much. Smaller: more CPU for each
 * publisher.
 */
const TICK_US = 10_000;
/**
 * Period of ticks while the core needs them regardless of other turns: pacing needs even steps, since no more than what
 * is due in one step may be caught up (`CREDIT_US` of the pacer).
 */
const SOON_MS = 10;
/** Period of ticks without other turns: only time changes something then, such as a speaker's rank or a silence. */
const LATER_MS = 50;
/** Timers of Node may be early by a fraction of a millisecond: a tick this early is not skipped. */
const EARLY_US = 1_000;

/** `receivedUs` of a row that is not forwarded from a publisher. */
const NOT_FORWARDED = 0;

export interface MediaLoopOutputs {
  readonly events: (events: readonly MediaEvent[]) => void;
  readonly letters: (letters: readonly ToDtls[]) => void;
  /** Packets were put into the pipe to another thread, which may be idle. */
  readonly wake: (thread: number) => void;
}

export class MediaLoop implements TcpHandler {
  socket: DatagramSocket | null = null;
  /** Null without ICE over TCP. */
  tcp: Pick<TcpListener, "send"> | null = null;
  readonly #core: MediaCore;
  readonly #nowUs: () => number;
  readonly #outputs: MediaLoopOutputs;
  #later: NodeJS.Timeout | null = null;
  #soon: NodeJS.Timeout | null = null;
  #tickedUs = 0;
  /** Read once per batch, whose datagrams waited in the kernel together; 0 between batches. */
  #batchUs = 0;

  constructor(core: MediaCore, nowUs: () => number, outputs: MediaLoopOutputs) {
    this.#core = core;
    this.#nowUs = nowUs;
    this.#outputs = outputs;
    core.ring.flush = () => this.#flush();
  }

  /** All packets of a frame are best sent together. */
  get expectsMore(): boolean {
    return this.#core.isInFrame;
  }

  onDatagram(bytes: Uint8Array, length: number, path: PathId, offsetUs: number): void {
    if (this.#batchUs === 0) this.#batchUs = this.#nowUs();
    this.#core.receive(this.#batchUs, bytes, length, path, this.#batchUs + offsetUs);
    this.#core.ring.makeRoom();
  }

  onBatchEnd(): void {
    this.#batchUs = 0;
    this.#core.endBatch();
    this.#endTurn();
  }

  onPathEnd(path: PathId): void {
    this.#core.endPath(this.#nowUs(), path);
    this.#endTurn();
  }

  /** Packets received before the command are sent first: it may remove their keys. */
  onCommand(command: MediaCommand): void {
    this.#flush();
    this.#core.command(this.#nowUs(), command);
    this.#endTurn();
  }

  onLetters(letters: readonly FromDtls[]): void {
    const nowUs = this.#nowUs();
    for (const letter of letters) {
      this.#core.receiveLetter(nowUs, letter);
      this.#core.ring.makeRoom();
    }
    this.#endTurn();
  }

  /** The DTLS thread has died, and messages go to its successor. */
  onDtlsReplaced(): void {
    this.#core.onDtlsReplaced();
    this.#endTurn();
  }

  /** Another thread has put packets into its pipe to this one. */
  onPiped(): void {
    this.#core.pipes.receive(this.#nowUs());
    this.#endTurn();
  }

  stop(): void {
    if (this.#later !== null) clearInterval(this.#later);
    if (this.#soon !== null) clearTimeout(this.#soon);
    this.#later = null;
    this.#soon = null;
  }

  #endTurn(): void {
    this.#flush();
    if (!this.#core.isHurried) this.#tickIfDue(this.#nowUs());
    const { events, letters, pipes } = this.#core;
    pipes.publish(this.#outputs.wake);
    if (letters.length > 0) this.#outputs.letters(letters.splice(0));
    if (events.length > 0) this.#outputs.events(events.splice(0));
    this.#keepTicking();
  }

  /** Timers run only while there are transports. */
  #keepTicking(): void {
    if (this.#core.idle) return this.stop();
    this.#later ??= setInterval(() => this.#endTurn(), LATER_MS);
    if (this.#core.isHurried) this.#soon ??= setTimeout(this.#onSoon, SOON_MS);
  }

  readonly #onSoon = (): void => {
    this.#soon = null;
    this.#tick(this.#nowUs());
    this.#endTurn();
  };

  /** After the packets of this turn were sent. */
  #tickIfDue(nowUs: number): void {
    if (nowUs - this.#tickedUs >= TICK_US - EARLY_US) this.#tick(nowUs);
  }

  #tick(nowUs: number): void {
    this.#tickedUs = nowUs;
    this.#core.tick(nowUs);
    this.#flush();
  }

  /** Forwards what waits for more of its picture, then step 7 of the packet path: even out sizes, seal, send, clear. */
  #flush(): void {
    const { ring, counters } = this.#core;
    this.#core.forward();
    if (ring.count === 0) return;
    if (this.socket?.segments === true) evenSizes(ring);
    counters[SLOT.downDropped_not_sealed]! += this.#core.seal();
    this.tcp?.send(ring);
    if (this.socket !== null) counters[SLOT.downDropped_send_error]! += this.socket.send(ring);
    this.#countDelays();
    ring.clear();
  }

  /** Time from receiving to sending, of forwarded RTP only. All packets in the ring count as sent with the last one. */
  #countDelays(): void {
    const { ring } = this.#core;
    const nowUs = this.#nowUs();
    let receivedUs = NOT_FORWARDED;
    let packets = 0;
    for (let row = 0; row < ring.count; row++) {
      // Packets of one batch, and all their copies, have the same time.
      if (ring.receivedUs[row] !== receivedUs) {
        this.#countDelay(receivedUs, packets, nowUs);
        receivedUs = ring.receivedUs[row]!;
        packets = 0;
      }
      packets += 1;
    }
    this.#countDelay(receivedUs, packets, nowUs);
  }

  #countDelay(receivedUs: number, packets: number, nowUs: number): void {
    if (receivedUs === NOT_FORWARDED) return;
    const { counters } = this.#core;
    const delayUs = nowUs - receivedUs;
    let bucket = 0;
    while (bucket < FORWARD_DELAY_BOUNDS_US.length && delayUs > FORWARD_DELAY_BOUNDS_US[bucket]!) bucket++;
    counters[SLOT.forwardDelay_0 + bucket]! += packets;
    counters[SLOT.forwardDelaySumUs]! += packets * delayUs;
  }
}
