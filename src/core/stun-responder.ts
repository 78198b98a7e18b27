/**
 * STUN on the shared port: finds the agent by the username fragment of the request, answers through the ring, counts.
 *
 * Unauthenticated datagrams get no further than here, so what they may cost is limited before any HMAC is computed.
 */
import { type CounterName, type Counters, SLOT } from "../base/counters.ts";
import type { PathId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";
import type { TransmitRing } from "../base/transmit-ring.ts";
import type { CheckOutcome } from "../ice/ice-lite-agent.ts";
import { RequestLimiter } from "../ice/request-limiter.ts";
import { readStunUsername } from "../ice/stun-message.ts";
import type { Transport } from "../sfu/transport.ts";

/** What is counted of a request. `role_conflict` and `unknown_attribute` are answered, hence not drops. */
const COUNTED: Record<CheckOutcome, CounterName | null> = {
  accepted: null,
  role_conflict: "iceRoleConflicts",
  unknown_attribute: null,
  malformed: "upDropped_malformed_stun",
  not_request: "upDropped_malformed_stun",
  unknown_user: "upDropped_stun_unknown_user",
  bad_integrity: "upDropped_stun_bad_integrity",
  failed: "upDropped_stun_unknown_user",
};

export class StunResponder {
  readonly #byUfrag = new Map<string, Transport>();
  readonly #limiter: RequestLimiter;
  readonly #paths: PathTable;
  readonly #ring: TransmitRing;
  readonly #counters: Counters;

  /** `seed`: 32 random bits, unknown to the network. */
  constructor(seed: number, paths: PathTable, ring: TransmitRing, counters: Counters) {
    this.#limiter = new RequestLimiter(seed);
    this.#paths = paths;
    this.#ring = ring;
    this.#counters = counters;
  }

  /** Makes `transport` known by its present username fragments, and by no others. */
  register(transport: Transport): void {
    this.unregister(transport);
    for (const ufrag of transport.ice.ufrags) this.#byUfrag.set(ufrag, transport);
  }

  unregister(transport: Transport): void {
    for (const [ufrag, known] of this.#byUfrag) if (known === transport) this.#byUfrag.delete(ufrag);
  }

  /** Answers one STUN datagram. Returns the transport if it was an accepted check. */
  receive(nowUs: number, packet: Uint8Array, length: number, path: PathId): Transport | undefined {
    this.#counters[SLOT.upStunPackets]! += 1;
    const address = this.#paths.address(path);
    const ufrag = readStunUsername(packet, length);
    const transport = ufrag === undefined ? undefined : this.#byUfrag.get(ufrag);
    if (transport === undefined) return this.#drop("upDropped_stun_unknown_user");
    const { ice } = transport;
    // A validated path is exempt: a flood of others does not delay it, and its failures are not charged to them.
    const isLimited = !ice.isValidated(path);
    if (isLimited && !this.#limiter.allows(nowUs, address, ice)) {
      return this.#drop("upDropped_stun_rate_limited");
    }
    const at = this.#ring.reserve();
    if (at < 0) return this.#drop("downDropped_ring_full");

    const ufrags = ice.ufrags.length;
    const port = this.#paths.port(path);
    const bytes = ice.onRequest(nowUs, packet, length, path, address, port, this.#ring.slab, at);
    if (bytes > 0) this.#ring.commitRaw(bytes, path);
    if (ice.ufrags.length !== ufrags) this.register(transport);
    if (isLimited && ice.lastOutcome === "bad_integrity") this.#limiter.onFailure(nowUs, address, ice);
    const counter = COUNTED[ice.lastOutcome];
    if (counter !== null) return this.#drop(counter);
    return ice.lastOutcome === "accepted" ? transport : undefined;
  }

  #drop(reason: CounterName): undefined {
    this.#counters[SLOT[reason]]! += 1;
  }
}
