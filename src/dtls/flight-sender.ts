/**
 * Sends our flights, and sends them again (RFC 6347 §4.2.4): when the peer stays silent, and when it repeats its own
 * flight, which tells that ours was lost.
 */
import type { FlightRecord, FlightWriter } from "./flight-writer.ts";
import type { RecordCipher } from "./record-cipher.ts";

/**
 * First retransmission timeout. Less than RFC 6347's second, because calls wait for it; an RTT above it costs one needless
 * flight.
 */
const FIRST_WAIT_US = 500_000;

/** Longer would leave too few attempts before the handshake's timeout on a path that loses a quarter. */
const MAX_WAIT_US = 2_000_000;

/**
 * Least time between two flights: a repeated hello is not authenticated and our flight is larger, so answering each would
 * amplify a flood.
 */
const MIN_GAP_US = 100_000;

export class FlightSender {
  readonly #writer: FlightWriter;
  readonly #send: (datagram: Uint8Array) => void;
  #flight: readonly FlightRecord[] = [];
  #sentAtUs = 0;
  /** Current retransmission timeout; infinite when no answer is expected. */
  #waitUs = Number.POSITIVE_INFINITY;

  constructor(writer: FlightWriter, send: (datagram: Uint8Array) => void) {
    this.#writer = writer;
    this.#send = send;
  }

  /** From now on records of epoch 1 can be sent. */
  startSealing(cipher: RecordCipher): void {
    this.#writer.startSealing(cipher);
  }

  /** `expectsAnswer`: repeat on silence. The last flight of a handshake is repeated only when asked for. */
  sendFlight(nowUs: number, flight: readonly FlightRecord[], expectsAnswer: boolean): void {
    this.#flight = flight;
    this.#waitUs = expectsAnswer ? FIRST_WAIT_US : Number.POSITIVE_INFINITY;
    this.#transmit(nowUs);
  }

  /** A record outside any flight: never repeated. */
  sendOnce(record: FlightRecord): void {
    for (const datagram of this.#writer.write([record])) this.#send(datagram);
  }

  onPeerRepeats(nowUs: number): void {
    if (nowUs - this.#sentAtUs >= MIN_GAP_US) this.#transmit(nowUs);
  }

  tick(nowUs: number): void {
    if (nowUs - this.#sentAtUs < this.#waitUs) return;
    this.#waitUs = Math.min(2 * this.#waitUs, MAX_WAIT_US);
    this.#transmit(nowUs);
  }

  #transmit(nowUs: number): void {
    this.#sentAtUs = nowUs;
    for (const datagram of this.#writer.write(this.#flight)) this.#send(datagram);
  }
}
