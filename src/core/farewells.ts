/**
 * Where peers are told that their transports have been closed: by a close_notify (RFC 5246 §7.2.1), which the DTLS thread
 * answers with when the transport itself is gone. A peer that does not hear it goes on sending until its consent expires.
 */
import type { PathId, TransportId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";

/** Content type of a DTLS record, its first byte, that the answer alone has: others are of what was said before. */
const ALERT = 21;

/**
 * How long the answer is waited for. Larger: addresses are kept for an answer that will never come, for their DTLS thread
 * has died. Smaller: one that computes handshakes answers too late.
 */
const WAIT_US = 5_000_000;

export class Farewells {
  /** Oldest first. Paths are pinned: they must not become others' before. */
  readonly #byTransport = new Map<TransportId, { readonly path: PathId; readonly untilUs: number }>();
  readonly #paths: PathTable;

  constructor(paths: PathTable) {
    this.#paths = paths;
  }

  get count(): number {
    return this.#byTransport.size;
  }

  /** The transport has been closed; its peer hears DTLS at `path`. */
  add(id: TransportId, path: PathId, nowUs: number): void {
    this.expire(nowUs);
    this.#paths.pin(path);
    this.#byTransport.set(id, { path, untilUs: nowUs + WAIT_US });
  }

  /** Where to send a datagram of a transport that is closed; undefined when it is nobody's any more. */
  pathFor(id: TransportId, datagram: Uint8Array): PathId | undefined {
    const farewell = this.#byTransport.get(id);
    if (farewell !== undefined && datagram[0] === ALERT) this.#end(id, farewell.path);
    return farewell?.path;
  }

  expire(nowUs: number): void {
    for (const [id, { path, untilUs }] of this.#byTransport) {
      if (nowUs < untilUs) return;
      this.#end(id, path);
    }
  }

  #end(id: TransportId, path: PathId): void {
    this.#byTransport.delete(id);
    this.#paths.unpin(path);
  }
}
