/**
 * Holds what came against what the publisher sent, by the numbers in the stamps: a loss anywhere on the way shows, also
 * one that the server has hidden by renumbering.
 *
 * Audited is the top layer alone, which a subscriber gets whole once it gets it. Each change to a lower layer and back
 * starts a new run, because what was sent meanwhile was not meant for it.
 */
import type { PacketStamp } from "../client/packet-stamp.ts";

/**
 * Packets of lower layers in a row that make a switch. Fewer would take late ones for it and forget what is missing; more
 * would count a short switch as missing.
 */
const SWITCHED_PACKETS = 16;

export interface AuditedRun {
  readonly publisher: number;
  readonly layer: number;
  readonly first: number;
  last: number;
  received: number;
  /** Its layer is still forwarded, as far as is known. */
  isOpen: boolean;
}

export class LayerAudit {
  readonly runs: AuditedRun[] = [];
  #run: AuditedRun | null = null;
  /** Packets of a lower layer since the last of the top one: a few come late, many are a switch. */
  #lower = 0;

  /** A packet that came for the first time. `lowerComeToo`: lower layers are part of the stream, as with SVC. */
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
    // What came before the first one was not asked for.
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
 * Packets of the runs that never came. `sentOf`: how many the publisher made of that layer, if it is known: an open run
 * goes on until the publisher's end.
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
