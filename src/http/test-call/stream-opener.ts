/** Opens the frames of one stream of one sender, with the key that they name by KID. */
import { deriveBaseKey, type StreamName } from "./room-keys.ts";
import { type OpenError, SframeOpener } from "./sframe.ts";
import { decodeSframeHeader } from "./sframe-header.ts";

/**
 * Keys that have opened a frame: one for each session of the sender. Larger: more memory. Smaller: the replay window of
 * an earlier session is forgotten sooner, and its frames could be replayed.
 */
const MAX_OPENERS = 64;

export type StreamError = OpenError | "not_sframe" | "too_many_keys";

export class StreamOpener {
  readonly #roomKey: CryptoKey;
  readonly #stream: StreamName;
  /** By KID; only keys that have opened a frame, so that a server cannot fill it with KIDs of its own. */
  readonly #proven = new Map<bigint, SframeOpener>();
  /** The last KID that has not opened a frame yet: a wrong passphrase derives one key, not one for each frame. */
  #candidate: { readonly kid: bigint; readonly opener: SframeOpener } | undefined;

  constructor(roomKey: CryptoKey, stream: StreamName) {
    this.#roomKey = roomKey;
    this.#stream = stream;
  }

  /** One call at a time: the caller keeps the frames in order anyway. */
  async open(sframe: Uint8Array, metadata: Uint8Array): Promise<Uint8Array<ArrayBuffer> | StreamError> {
    const header = decodeSframeHeader(sframe);
    if (header === undefined) return "not_sframe";
    const { kid } = header;
    const proven = this.#proven.get(kid);
    if (proven !== undefined) return proven.open(header, sframe, metadata);
    if (this.#proven.size >= MAX_OPENERS) return "too_many_keys";

    const opener = await this.#openerFor(kid);
    const frame = await opener.open(header, sframe, metadata);
    if (typeof frame !== "string") this.#proven.set(kid, opener);
    return frame;
  }

  async #openerFor(kid: bigint): Promise<SframeOpener> {
    if (this.#candidate?.kid === kid) return this.#candidate.opener;
    const baseKey = await deriveBaseKey(this.#roomKey, this.#stream, kid);
    const opener = await SframeOpener.create(kid, baseKey);
    this.#candidate = { kid, opener };
    return opener;
  }
}
