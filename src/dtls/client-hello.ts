/**
 * ClientHello (RFC 6347 §4.2.1): what a client offers, and whether we can agree.
 *
 * werift never decodes these bytes: it is given a hello that we write from what was chosen here, so its lenient decoder gets
 * no untrusted input and negotiates what this file has decided.
 */
import { readU16, writeU16 } from "../base/bytes.ts";
import type { DtlsFailure, SrtpProfile } from "../contract/dtls.ts";
import { DTLS_1_0, DTLS_1_2 } from "./record-layer.ts";

export const RANDOM_BYTES = 32;
const VERSION_BYTES = 2;

const EXT_SUPPORTED_GROUPS = 10;
const EXT_SIGNATURE_ALGORITHMS = 13;
const EXT_USE_SRTP = 14;
const EXT_EXTENDED_MASTER_SECRET = 23;
const EXT_SUPPORTED_VERSIONS = 43;

const ECDHE_ECDSA_AES128_GCM_SHA256 = 0xc02b;
const ECDSA_SECP256R1_SHA256 = 0x0403;

/** X25519 first: it costs werift 2 ms, P-256 about 6. */
const GROUPS = [29, 23] as const;

export interface ClientHello {
  /** The latest version that the client supports, unless supported_versions lists them. */
  readonly version: number;
  readonly random: Uint8Array;
  readonly cookie: Uint8Array;
  readonly cipherSuites: Uint8Array;
  readonly compressionMethods: Uint8Array;
  readonly extensions: ReadonlyMap<number, Uint8Array>;
}

/** What both sides will use. */
export interface Agreement {
  readonly random: Uint8Array;
  readonly group: (typeof GROUPS)[number];
  readonly profile: SrtpProfile;
}

/** Strict: every length fits, nothing is left over, no extension twice. Undefined otherwise. */
export function parseClientHello(body: Uint8Array): ClientHello | undefined {
  if (body.length < VERSION_BYTES + RANDOM_BYTES) return undefined;
  const random = body.subarray(VERSION_BYTES, VERSION_BYTES + RANDOM_BYTES);
  const reader = new VectorReader(body, VERSION_BYTES + RANDOM_BYTES);
  const sessionId = reader.next(1);
  const cookie = reader.next(1);
  const cipherSuites = reader.next(2);
  const compressionMethods = reader.next(1);
  const extensions = parseExtensions(reader.next(2));
  if (!reader.isAtEnd || sessionId.length > 32 || extensions === undefined) return undefined;
  return { version: readU16(body, 0), random, cookie, cipherSuites, compressionMethods, extensions };
}

/** What is chosen from the client's offer, or why nothing can be. Of `profiles` the first is preferred. */
export function negotiate(hello: ClientHello, profiles: readonly SrtpProfile[]): Agreement | DtlsFailure {
  const { extensions } = hello;
  if (!speaksDtls12(hello)) return "unsupported_version";
  if (!numbers(hello.cipherSuites).includes(ECDHE_ECDSA_AES128_GCM_SHA256)) return "no_common_parameters";
  if (!hello.compressionMethods.includes(0)) return "protocol_error";
  const algorithms = listOf(extensions.get(EXT_SIGNATURE_ALGORITHMS), 2);
  if (!algorithms.includes(ECDSA_SECP256R1_SHA256)) return "no_common_parameters";
  const groups = listOf(extensions.get(EXT_SUPPORTED_GROUPS), 2);
  const group = GROUPS.find((candidate) => groups.includes(candidate));
  if (group === undefined) return "no_common_parameters";
  if (!extensions.has(EXT_EXTENDED_MASTER_SECRET)) return "no_extended_master_secret";
  const offered = listOf(extensions.get(EXT_USE_SRTP), 2);
  const profile = profiles.find((candidate) => offered.includes(candidate));
  if (profile === undefined) return "no_srtp_profile";
  return { random: hello.random, group, profile };
}

/** Later versions have smaller numbers. A client that offers a later one is answered with ours (RFC 5246 appendix E.1). */
function speaksDtls12({ version, extensions }: ClientHello): boolean {
  const versions = extensions.get(EXT_SUPPORTED_VERSIONS);
  return versions === undefined ? version <= DTLS_1_2 : listOf(versions, 1).includes(DTLS_1_2);
}

/** A hello that offers exactly what was agreed: the one that werift reads. */
export function encodeAgreedHello(agreement: Agreement, cookie: Uint8Array): Uint8Array {
  const extensions = Buffer.concat([
    extension(EXT_SUPPORTED_GROUPS, vector16(u16(agreement.group))),
    extension(EXT_SIGNATURE_ALGORITHMS, vector16(u16(ECDSA_SECP256R1_SHA256))),
    extension(EXT_USE_SRTP, Buffer.concat([vector16(u16(agreement.profile)), Buffer.of(0)])),
    extension(EXT_EXTENDED_MASTER_SECRET, new Uint8Array(0)),
  ]);
  return Buffer.concat([
    u16(DTLS_1_2),
    agreement.random,
    Buffer.of(0, cookie.length),
    cookie,
    vector16(u16(ECDHE_ECDSA_AES128_GCM_SHA256)),
    Buffer.of(1, 0),
    vector16(extensions),
  ]);
}

/** HelloVerifyRequest: "SHOULD use DTLS version 1.0 regardless of the version expected" (RFC 6347 §4.2.1). */
export function encodeHelloVerifyRequest(cookie: Uint8Array): Uint8Array {
  return Buffer.concat([u16(DTLS_1_0), Buffer.of(cookie.length), cookie]);
}

const EMPTY = new Uint8Array(0);

/** Reads vectors one after the other; after one that does not fit, all are empty and the end is never reached. */
class VectorReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(lengthBytes: 1 | 2): Uint8Array {
    const start = this.#at + lengthBytes;
    const fits = start <= this.#bytes.length;
    const end = fits ? start + readLength(this.#bytes, this.#at, lengthBytes) : start;
    this.#at = fits && end <= this.#bytes.length ? end : Number.POSITIVE_INFINITY;
    return this.#at === end ? this.#bytes.subarray(start, end) : EMPTY;
  }
}

function readLength(b: Uint8Array, at: number, lengthBytes: 1 | 2): number {
  return lengthBytes === 1 ? b[at]! : readU16(b, at);
}

function parseExtensions(block: Uint8Array): Map<number, Uint8Array> | undefined {
  const extensions = new Map<number, Uint8Array>();
  let at = 0;
  while (at + 4 <= block.length) {
    const type = readU16(block, at);
    const end = at + 4 + readU16(block, at + 2);
    if (end > block.length || extensions.has(type)) return undefined;
    extensions.set(type, block.subarray(at + 4, end));
    at = end;
  }
  return at === block.length ? extensions : undefined;
}

/** The 16-bit numbers in the vector at the start of `data`; empty when absent or malformed. */
function listOf(data: Uint8Array | undefined, lengthBytes: 1 | 2): number[] {
  return numbers(new VectorReader(data ?? EMPTY, 0).next(lengthBytes));
}

function numbers(b: Uint8Array): number[] {
  const list: number[] = [];
  for (let at = 0; at + 1 < b.length; at += 2) list.push(readU16(b, at));
  return list;
}

function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, value);
  return bytes;
}

const vector16 = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);
const extension = (type: number, data: Uint8Array): Buffer => Buffer.concat([u16(type), vector16(data)]);
