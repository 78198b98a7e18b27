/**
 * Remote addresses of one media thread as small integers.
 *
 * The socket interns the source of each datagram; the core uses the id as an index and asks for the address only
 * where a protocol needs it (STUN's XOR-MAPPED-ADDRESS). Rows that no transport uses are reused in turn, so a flood of
 * spoofed sources fills the table's spare room and nothing else.
 *
 * The same remote address is several paths where datagrams from it come to several addresses of ours. A TCP connection is a
 * path of its own, even where datagrams come from the same address and port.
 */
import type { PathId } from "./ids.ts";

const NONE = -1;

/** What a row is. A connection that has ended stays one until its row is reused. */
const DATAGRAM = 0;
const CONNECTION = 1;
const ENDED_CONNECTION = 2;

export class PathTable {
  /** By both addresses, then by the remote port. */
  readonly #byAddress = new Map<string, Map<number, number>>();
  readonly #address: string[] = [];
  /** Key in `#byAddress`. */
  readonly #key: string[] = [];
  readonly #port: Uint16Array;
  readonly #pins: Uint16Array;
  readonly #generation: Uint32Array;
  readonly #kind: Uint8Array;
  readonly #capacity: number;
  /** Where the next search for a row to reuse starts. */
  #hand = 0;

  /** `capacity`: paths known at once. Larger costs about 200 bytes each; it must exceed the transports expected. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#port = new Uint16Array(capacity);
    this.#pins = new Uint16Array(capacity);
    this.#generation = new Uint32Array(capacity).fill(1);
    this.#kind = new Uint8Array(capacity);
  }

  get capacity(): number {
    return this.#capacity;
  }

  /**
   * The id of an address, new or known; -1 when every row is in use. `local`: what tells the address of ours that the datagram
   * came to from others, if there may be others.
   */
  intern(address: string, port: number, local = ""): PathId {
    const key = local === "" ? address : `${address} ${local}`;
    const known = this.#byAddress.get(key)?.get(port);
    if (known !== undefined) return known as PathId;
    const id = this.#take(address, port, DATAGRAM);
    if (id === NONE) return NONE as PathId;
    this.#key[id] = key;
    const ports = this.#byAddress.get(key);
    if (ports === undefined) this.#byAddress.set(key, new Map([[port, id]]));
    else ports.set(port, id);
    return id as PathId;
  }

  /** A new id for a new connection, its own until `endConnection`; -1 when every row is in use. */
  addConnection(address: string, port: number): PathId {
    return this.#take(address, port, CONNECTION) as PathId;
  }

  /** The connection is closed: its row may be reused once no transport has pinned it. */
  endConnection(path: PathId): void {
    this.#kind[path] = ENDED_CONNECTION;
  }

  /** Whether the path is a connection, maybe an ended one: no datagram may be sent there. */
  isConnection(path: PathId): boolean {
    return this.#kind[path] !== DATAGRAM;
  }

  address(path: PathId): string {
    return this.#address[path]!;
  }

  port(path: PathId): number {
    return this.#port[path]!;
  }

  /**
   * Grows each time the id is given to another address; never 0. A socket that caches the address in its own form by id
   * compares this to tell whether its copy still holds.
   */
  generation(path: PathId): number {
    return this.#generation[path]!;
  }

  /** A transport uses this path: keep its id. */
  pin(path: PathId): void {
    this.#pins[path]! += 1;
  }

  unpin(path: PathId): void {
    this.#pins[path]! -= 1;
  }

  /** Whether a transport uses this path: its peer has proved itself from there. */
  isPinned(path: PathId): boolean {
    return this.#pins[path] !== 0;
  }

  #take(address: string, port: number, kind: number): number {
    const id = this.#freeRow();
    if (id === NONE) return NONE;
    this.#address[id] = address;
    this.#port[id] = port;
    this.#generation[id]! += 1;
    this.#kind[id] = kind;
    return id;
  }

  #freeRow(): number {
    if (this.#address.length < this.#capacity) return this.#address.length;
    for (let looked = 0; looked < this.#capacity; looked++) {
      const id = this.#hand;
      this.#hand = (this.#hand + 1) % this.#capacity;
      if (this.#pins[id] === 0 && this.#kind[id] !== CONNECTION) {
        this.#forget(id);
        return id;
      }
    }
    return NONE;
  }

  #forget(id: number): void {
    if (this.#kind[id] !== DATAGRAM) return;
    const ports = this.#byAddress.get(this.#key[id]!);
    if (ports === undefined) return;
    ports.delete(this.#port[id]!);
    if (ports.size === 0) this.#byAddress.delete(this.#key[id]!);
  }
}
