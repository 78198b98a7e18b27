/**
 * SFrame (RFC 9605) with the cipher suite AES_128_GCM_SHA256_128, on WebCrypto.
 *
 *   header | AES-128-GCM ciphertext | 16-byte tag        nonce = salt XOR ctr,  AAD = header | metadata
 *
 * The API prevents the two fatal mistakes: a sealer counts by itself, so that no nonce is used twice, and an opener
 * returns a frame only when it is authentic and not a replay.
 */
import { ReplayWindow } from "./replay-window.ts";
import { encodeSframeHeader, type SframeHeader } from "./sframe-header.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Table 1 of §4.5: the suite's number, key and nonce lengths. The tag has 16 bytes, WebCrypto's default. */
const SUITE = 0x0004;
const KEY_BYTES = 16;
const NONCE_BYTES = 12;

interface DerivedKey {
  readonly aesKey: CryptoKey;
  readonly salt: Bytes;
}

export class SframeSealer {
  readonly #kid: bigint;
  readonly #key: DerivedKey;
  #nextCtr = 0n;

  private constructor(kid: bigint, key: DerivedKey) {
    this.#kid = kid;
    this.#key = key;
  }

  /** Only one sealer per (kid, baseKey), ever: a second one would repeat the nonces of the first. */
  static async create(kid: bigint, baseKey: Bytes): Promise<SframeSealer> {
    return new SframeSealer(kid, await deriveKeyAndSalt(kid, baseKey, "encrypt"));
  }

  /** The whole SFrame. `metadata` is authenticated and not sent: the receiver must know it. */
  async seal(plaintext: Uint8Array, metadata: Uint8Array): Promise<Bytes> {
    const ctr = this.#nextCtr++;
    const header = encodeSframeHeader(this.#kid, ctr);
    const algorithm = gcm(this.#key.salt, ctr, header, metadata);
    const sealed = await crypto.subtle.encrypt(algorithm, this.#key.aesKey, plaintext as Bytes);
    return concat(header, new Uint8Array(sealed));
  }
}

export type OpenError = "forged" | "replayed";

/** Opens the frames of one sealer. */
export class SframeOpener {
  readonly #key: DerivedKey;
  readonly #window = new ReplayWindow();

  private constructor(key: DerivedKey) {
    this.#key = key;
  }

  static async create(kid: bigint, baseKey: Bytes): Promise<SframeOpener> {
    return new SframeOpener(await deriveKeyAndSalt(kid, baseKey, "decrypt"));
  }

  /** `header`: as decoded from `sframe`, with the kid that this opener was made for. */
  async open(header: SframeHeader, sframe: Uint8Array, metadata: Uint8Array): Promise<Bytes | OpenError> {
    if (!this.#window.isFresh(header.ctr)) return "replayed";
    const { headerBytes, ctr } = header;
    const algorithm = gcm(this.#key.salt, ctr, sframe.subarray(0, headerBytes), metadata);
    let plaintext: ArrayBuffer;
    try {
      const sealed = sframe.subarray(headerBytes) as Bytes;
      plaintext = await crypto.subtle.decrypt(algorithm, this.#key.aesKey, sealed);
    } catch {
      // WebCrypto's only sign that the tag does not match, or is missing.
      return "forged";
    }
    return this.#window.accept(ctr) ? new Uint8Array(plaintext) : "replayed";
  }
}

/** §4.4.2. HKDF with an empty salt extracts and expands in one call. */
async function deriveKeyAndSalt(kid: bigint, baseKey: Bytes, usage: KeyUsage): Promise<DerivedKey> {
  const secret = await crypto.subtle.importKey("raw", baseKey, "HKDF", false, ["deriveBits"]);
  const derive = async (text: string, bytes: number): Promise<Bytes> => {
    const label = new Uint8Array(text.length + 10);
    label.set(new TextEncoder().encode(text));
    const numbers = new DataView(label.buffer, text.length);
    numbers.setBigUint64(0, kid);
    numbers.setUint16(8, SUITE);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: label };
    return new Uint8Array(await crypto.subtle.deriveBits(hkdf, secret, bytes * 8));
  };
  const key = await derive("SFrame 1.0 Secret key ", KEY_BYTES);
  const salt = await derive("SFrame 1.0 Secret salt ", NONCE_BYTES);
  return { aesKey: await crypto.subtle.importKey("raw", key, "AES-GCM", false, [usage]), salt };
}

/** §4.4.3: the counter, as a big-endian number of the nonce's length, is XORed into the salt. */
function gcm(salt: Bytes, ctr: bigint, header: Uint8Array, metadata: Uint8Array): AesGcmParams {
  const iv = salt.slice();
  const view = new DataView(iv.buffer);
  view.setBigUint64(NONCE_BYTES - 8, view.getBigUint64(NONCE_BYTES - 8) ^ ctr);
  return { name: "AES-GCM", iv, additionalData: concat(header, metadata) };
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
