/**
 * Frames of the signal connection: protobuf in binary frames, its JSON form in text frames (for debugging). A client is
 * answered in the form that it used last.
 */
import { SignalRequest, SignalResponse } from "@livekit/protocol";

export type Encoding = "binary" | "json";

/** Kind of messages of later protocols. */
export const UNKNOWN_KIND = "unknown";

/** Undefined when the frame cannot be read. Messages of later protocols that we do not know have no case. */
export function readRequest(frame: Uint8Array, encoding: Encoding): SignalRequest | undefined {
  try {
    if (encoding === "binary") return SignalRequest.fromBinary(frame);
    const text = new TextDecoder().decode(frame);
    const request = SignalRequest.fromJsonString(text, { ignoreUnknownFields: true });
    // JSON may name a message and then say null.
    if (request.message.case !== undefined && request.message.value === undefined) return undefined;
    // The library accepts numbers from JSON that it cannot serialise: that should fail here, not later.
    return SignalRequest.fromBinary(request.toBinary());
  } catch {
    return undefined;
  }
}

/** A message to one client or to many, encoded once for each form. */
export class ResponseFrame {
  readonly #response: SignalResponse;
  #binary: Uint8Array | null = null;
  #json: string | null = null;

  constructor(message: SignalResponse["message"]) {
    this.#response = new SignalResponse({ message });
  }

  /** The protocol's name of the message. */
  get kind(): string {
    return this.#response.message.case ?? UNKNOWN_KIND;
  }

  bytes(encoding: Encoding): Uint8Array | string {
    if (encoding === "binary") {
      this.#binary ??= this.#response.toBinary();
      return this.#binary;
    }
    this.#json ??= this.#response.toJsonString();
    return this.#json;
  }
}
