/**
 * The socket addresses (`sockaddr`) of the paths of a `PathTable`, indexed by their bytes.
 *
 * A datagram from a known address costs a hash of two words (seven on an IPv6 socket; 10 and 38 ns) and no string; only a
 * new address is converted to text and interned. On a socket that is bound to a wildcard a path also has an address of ours,
 * the one that its datagrams come to: answers have to leave from it, for a peer takes them from nowhere else. A row belongs
 * to one generation of its path: when the table has reused the id for another address, the row is rewritten before use.
 */
import { randomInt } from "node:crypto";
import type { PathId } from "../base/ids.ts";
import { MAPPED_PREFIX, withoutMappedPrefix } from "../base/ip-address.ts";
import type { PathTable } from "../base/path-table.ts";
import { AF_INET6, c, NativeMemory, type PacketInfo, SOCKADDR } from "./libc.ts";

/** A `sockaddr_in6` is 28 bytes; a power of two keeps the offset a shift. */
export const SOCKADDR_STRIDE = 32;
const WORDS = SOCKADDR_STRIDE / 4;

/** INET6_ADDRSTRLEN and IF_NAMESIZE, with the terminating zero. */
const TEXT_BYTES = 64;
const NONE = -1;

export class SocketAddresses {
  /** Size of a `sockaddr` of the socket's family. */
  readonly nameBytes: number;
  /** By path: the largest segment that the kernel accepts for it in a segmented send. */
  readonly segmentBytesMax: Uint16Array;
  /** How our own address of a datagram is told; null where all have the same. */
  readonly info: PacketInfo | null;
  readonly #paths: PathTable;
  readonly #isIpv6: boolean;
  /** Words in which two addresses of this family can differ. */
  readonly #keyWords: number;
  readonly #memory: NativeMemory;
  readonly #words: Uint32Array;
  /** Words of an address of ours, 0 without; and by row, that address: zeros where it is not known. */
  readonly #localWords: number;
  readonly #locals: Uint32Array;
  /** By row, the path's generation when the row was written; 0 for never. */
  readonly #generation: Uint32Array;
  /** Heads of chains of rows with the same hash, through `#next`. */
  readonly #buckets: Int32Array;
  readonly #next: Int32Array;
  /** Secret, so that nobody can choose source addresses that all hash into one chain. */
  readonly #seed = randomInt(2 ** 32);
  readonly #text = new NativeMemory(TEXT_BYTES);

  constructor(paths: PathTable, isIpv6: boolean, info: PacketInfo | null = null) {
    this.info = info;
    this.#localWords = (info?.localBytes ?? 0) / 4;
    this.#locals = new Uint32Array(paths.capacity * this.#localWords);
    this.#paths = paths;
    this.#isIpv6 = isIpv6;
    this.nameBytes = isIpv6 ? SOCKADDR.ipv6Bytes : SOCKADDR.ipv4Bytes;
    this.#keyWords = isIpv6 ? SOCKADDR.ipv6Bytes / 4 : 2;
    this.#memory = new NativeMemory(paths.capacity * SOCKADDR_STRIDE);
    this.#words = this.#memory.words;
    this.segmentBytesMax = new Uint16Array(paths.capacity);
    this.#generation = new Uint32Array(paths.capacity);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(2 * paths.capacity))).fill(NONE);
    this.#next = new Int32Array(paths.capacity);
  }

  /**
   * The memory address of a path's `sockaddr`. Valid after `prepare` or `find`, while the path keeps its generation.
   */
  addressOf(path: PathId): number {
    return this.#memory.address + path * SOCKADDR_STRIDE;
  }

  /**
   * The path from the `sockaddr` at `words[at…]` to our address at `locals[localAt…]`, new or known; -1 when the path table is
   * full.
   */
  find(words: Uint32Array, at: number, locals: Uint32Array, localAt: number): PathId {
    let row = this.#buckets[this.#hash(words, at, locals, localAt)]!;
    while (row !== NONE) {
      if (this.#isEqual(row, words, at, locals, localAt) && this.#isCurrent(row)) return row as PathId;
      row = this.#next[row]!;
    }
    return this.#intern(words, at, locals, localAt);
  }

  /** Writes our address on a path to `out[at…]`. Returns false where it is not known: then the kernel chooses. */
  writeLocal(path: PathId, out: Uint32Array, at: number): boolean {
    const row = path * this.#localWords;
    let bits = 0;
    for (let i = 0; i < this.#localWords; i++) {
      out[at + i] = this.#locals[row + i]!;
      bits |= this.#locals[row + i]!;
    }
    return bits !== 0;
  }

  /** Makes the `sockaddr` of a path valid; false when nothing can be sent there from this socket. */
  prepare(path: PathId): boolean {
    if (this.#isCurrent(path)) return true;
    const port = this.#paths.port(path);
    if (port === 0) return false;
    const address = this.#paths.address(path);
    this.#unlink(path);
    const row = this.#memory.bytes.subarray(path * SOCKADDR_STRIDE, (path + 1) * SOCKADDR_STRIDE).fill(0);
    const failed = this.#isIpv6
      ? c.uv_ip6_addr(address.includes(":") ? address : MAPPED_PREFIX + address, port, row)
      : c.uv_ip4_addr(address, port, row);
    if (failed !== 0) return false;
    this.#locals.fill(0, path * this.#localWords, (path + 1) * this.#localWords);
    this.#link(path);
    return true;
  }

  #isCurrent(row: number): boolean {
    return this.#generation[row] === this.#paths.generation(row as PathId);
  }

  #isEqual(row: number, words: Uint32Array, at: number, locals: Uint32Array, localAt: number): boolean {
    for (let i = 0; i < this.#keyWords; i++) {
      if (this.#words[row * WORDS + i] !== words[at + i]) return false;
    }
    for (let i = 0; i < this.#localWords; i++) {
      if (this.#locals[row * this.#localWords + i] !== locals[localAt + i]) return false;
    }
    return true;
  }

  #hash(words: Uint32Array, at: number, locals: Uint32Array, localAt: number): number {
    let hash = this.#seed;
    for (let i = 0; i < this.#keyWords; i++) hash = mixed(hash, words[at + i]!);
    for (let i = 0; i < this.#localWords; i++) hash = mixed(hash, locals[localAt + i]!);
    return hash & (this.#buckets.length - 1);
  }

  #hashOf(row: number): number {
    return this.#hash(this.#words, row * WORDS, this.#locals, row * this.#localWords);
  }

  #intern(words: Uint32Array, at: number, locals: Uint32Array, localAt: number): PathId {
    const name = new Uint8Array(words.buffer, words.byteOffset + 4 * at, SOCKADDR_STRIDE);
    const port = (name[SOCKADDR.port]! << 8) | name[SOCKADDR.port + 1]!;
    const local = locals.subarray(localAt, localAt + this.#localWords);
    const path = this.#paths.intern(this.#textOf(name), port, local.join());
    if (path === NONE) return path;
    this.#unlink(path);
    this.#words.set(words.subarray(at, at + WORDS), path * WORDS);
    this.#locals.set(local, path * this.#localWords);
    this.#link(path);
    return path;
  }

  #link(row: number): void {
    const bucket = this.#hashOf(row);
    this.#next[row] = this.#buckets[bucket]!;
    this.#buckets[bucket] = row;
    this.#generation[row] = this.#paths.generation(row as PathId);
    this.segmentBytesMax[row] = 0xffff;
  }

  /** Removes the former address of a row from the index. */
  #unlink(row: number): void {
    if (this.#generation[row] === 0) return;
    this.#generation[row] = 0;
    const bucket = this.#hashOf(row);
    if (this.#buckets[bucket] === row) {
      this.#buckets[bucket] = this.#next[row]!;
      return;
    }
    let before = this.#buckets[bucket]!;
    while (this.#next[before] !== row) before = this.#next[before]!;
    this.#next[before] = this.#next[row]!;
  }

  /** In node:dgram's form, except that IPv4-mapped addresses of an IPv6 socket are written as IPv4. */
  #textOf(name: Uint8Array): string {
    if (name[0] !== AF_INET6) return name.subarray(SOCKADDR.ipv4, SOCKADDR.ipv4 + 4).join(".");
    const text = this.#readText(c.uv_ip6_name(name, this.#text.pointer, BigInt(TEXT_BYTES)));
    const unmapped = withoutMappedPrefix(text);
    if (unmapped !== text) return unmapped;
    const scope = new DataView(name.buffer, name.byteOffset).getUint32(SOCKADDR.scope, true);
    return scope === 0 ? text : `${text}%${this.#nameOfInterface(scope)}`;
  }

  #nameOfInterface(index: number): string {
    const size = new BigUint64Array([BigInt(TEXT_BYTES)]);
    return this.#readText(c.uv_if_indextoname(index, this.#text.pointer, size));
  }

  #readText(failed: number): string {
    if (failed !== 0) return "";
    const { bytes } = this.#text;
    return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
  }
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e37_79b1);
  return product ^ (product >>> 15);
}
