/**
 * Paths to the peers of closed transports, kept until the close_notify (RFC 5246 §7.2.1) has gone out, which the DTLS
 * thread makes after the transport itself is gone. A peer that does not get it goes on sending until its consent expires.
 */
import type { PathId, TransportId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";

/** DTLS content type, the first byte of a record: only the close_notify has this one, other records were sent before it. */
const ALERT = 21;

/**
 * How long to wait for the close_notify. Larger: paths are kept for one that will never come, because the DTLS thread has
 * died. Smaller: a thread that is busy with handshakes sends it too late.
 */
const WAIT_US = 5_000_000;

export class Farewells {
  /** Oldest first. Paths are pinned, so that they are not reused before. */
  readonly #byTransport = new Map<TransportId, { readonly path: PathId; readonly untilUs: number }>();
  readonly #paths: PathTable;

  constructor(paths: PathTable) {
    this.#paths = paths;
  }

  get count(): number {
    return this.#byTransport.size;
  }

  /** The transport has been closed; DTLS reaches its peer at `path`. */
  add(id: TransportId, path: PathId, nowUs: number): void {
    this.expire(nowUs);
    this.#paths.pin(path);
    this.#byTransport.set(id, { path, untilUs: nowUs + WAIT_US });
  }

  /** Where to send a DTLS datagram of a closed transport; undefined when it is to be dropped. */
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
