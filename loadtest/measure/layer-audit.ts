/**
 * Compares what was received with what the publisher sent, by the numbers in the stamps: detects a loss anywhere on the
 * way, also one that the server has hidden by renumbering.
 *
 * Only the top layer is audited, of which a subscriber gets every packet while it gets that layer. Each switch to a
 * lower layer and back starts a new run, because packets of the top layer sent meanwhile were not meant for it.
 */
import type { PacketStamp } from "../client/packet-stamp.ts";

/**
 * Packets of lower layers in a row that count as a switch. Larger: packets during a short switch count as missing.
 * Smaller: late packets are taken for a switch, and missing ones forgotten.
 */
const SWITCHED_PACKETS = 16;

export interface AuditedRun {
  readonly publisher: number;
  readonly layer: number;
  readonly first: number;
  last: number;
  received: number;
  /** Whether its layer is still forwarded, as far as is known. */
  isOpen: boolean;
}

export class LayerAudit {
  readonly runs: AuditedRun[] = [];
  #run: AuditedRun | null = null;
  /** Packets of a lower layer since the last of the top one: a few are late, many are a switch. */
  #lower = 0;

  /** Counts a packet that is not a duplicate. `lowerComeToo`: lower layers are part of the stream, as with SVC. */
  onPacket({ publisher, layer, layers, number }: PacketStamp, lowerComeToo: boolean): void {
    if (layer !== layers - 1) {
      this.#lower += 1;
      if (!lowerComeToo && this.#lower > SWITCHED_PACKETS) this.#end();
      return;
    }
    this.#lower = 0;
    if (this.#run?.publisher !== publisher) {
      this.#end();
      this.#run = { publisher, layer, first: number, last: number, received: 0, isOpen: true };
      this.runs.push(this.#run);
    }
    // Packets from before the first one of the run are not part of it.
    if (number < this.#run.first) return;
    this.#run.last = Math.max(this.#run.last, number);
    this.#run.received += 1;
  }

  #end(): void {
    if (this.#run !== null) this.#run.isOpen = false;
    this.#run = null;
  }
}

/**
 * Packets of the runs that were not received. `sentOf`: how many packets of that layer the publisher sent, if known: an
 * open run lasts until the publisher's end.
 */
export function missingIn(
  runs: readonly AuditedRun[],
  sentOf: (publisher: number, layer: number) => number | undefined,
): number {
  return runs.reduce((sum, run) => {
    const sent = run.isOpen ? sentOf(run.publisher, run.layer) : undefined;
    const last = sent === undefined ? run.last : Math.max(run.last, sent - 1);
    return sum + (last - run.first + 1) - run.received;
  }, 0);
}
