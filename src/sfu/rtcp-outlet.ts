/** Writes a transport's RTCP: reserves a slot, lets the caller write the compound, seals it there. */
import { SLOT } from "../base/counters.ts";
import type { SrtpSender } from "../srtp/srtp-sender.ts";
import type { CoreContext } from "./core-context.ts";
import type { Outlet } from "./outlet.ts";

export class RtcpOutlet {
  /** Null until the handshake has given keys. */
  sender: SrtpSender | null = null;
  readonly #outlet: Outlet;
  readonly #context: CoreContext;

  constructor(outlet: Outlet, context: CoreContext) {
    this.#outlet = outlet;
    this.#context = context;
  }

  /** `write` puts a compound packet at `out[at]` and returns where it ends. */
  send(write: (out: Uint8Array, at: number) => number): void {
    const { ring, counters } = this.#context;
    if (this.sender === null || !this.#outlet.open) return;
    const at = ring.reserve();
    if (at < 0) {
      counters[SLOT.downDropped_ring_full]! += 1;
      return;
    }
    const sealed = this.sender.sealRtcp(ring.slab, at, write(ring.slab, at) - at);
    if (sealed < 0) {
      counters[SLOT.downDropped_not_sealed]! += 1;
      return;
    }
    ring.commitRaw(sealed, this.#outlet.path);
    counters[SLOT.downRtcpPackets]! += 1;
  }
}
