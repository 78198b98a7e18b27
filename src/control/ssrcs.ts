/**
 * The SSRCs of one transport's sending sections. Each is given out once: when its section has ended nothing can be sent under it
 * any more, because its SRTP indices are used up (`srtp/srtp-sender.ts`). So they run on from a random one (RFC 3550 §8.1 wants
 * those of different sources to differ); drawn anew each time, one of a hundred thousand would sooner or later come again.
 */
import { randomBytes } from "node:crypto";
import { asSsrc, type Ssrc } from "../base/ids.ts";

/** The SSRC of our feedback; 0 stands for none. */
const LAST_RESERVED = 1;

export class Ssrcs {
  #next: number;
  /** Announced by the peer. */
  readonly #taken = new Set<Ssrc>();

  constructor(first = randomBytes(4).readUInt32BE()) {
    this.#next = first;
  }

  next(): Ssrc {
    for (;;) {
      const ssrc = asSsrc(this.#next);
      this.#next = (this.#next + 1) >>> 0;
      if (ssrc > LAST_RESERVED && !this.#taken.has(ssrc)) return ssrc;
    }
  }

  /** The peer sends under these. */
  take(...ssrcs: Ssrc[]): void {
    for (const ssrc of ssrcs) this.#taken.add(ssrc);
  }

  /** It does not any more. */
  free(...ssrcs: Ssrc[]): void {
    for (const ssrc of ssrcs) this.#taken.delete(ssrc);
  }
}
