/** The `o=` lines of one side of a PeerConnection: one session id, and increasing versions (RFC 9429 §5.2.2). */
import { randomBytes } from "node:crypto";
import type { DescriptionId } from "../sdp/write-section.ts";

/** `o=` takes 63 bits (RFC 9429 §5.2.1); a JavaScript number holds 53 exactly. */
const SESSION_ID_BYTES = 6;

export class DescriptionIds {
  readonly #sessionId = randomBytes(SESSION_ID_BYTES).readUIntBE(0, SESSION_ID_BYTES);
  #version = 0;

  next(): DescriptionId {
    this.#version += 1;
    return { sessionId: this.#sessionId, version: this.#version };
  }
}
