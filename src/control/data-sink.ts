/**
 * How the server sends data of its own to a participant's application. A client protocol that has data channels gives
 * each of its participants a sink; participants without one (WHIP, WHEP) cannot be sent data.
 */
export interface ServerMessage {
  readonly payload: Uint8Array;
  /** The application's name for this kind of message; undefined when it has only one kind. */
  readonly topic: string | undefined;
  readonly reliable: boolean;
  /** Up to 16 bytes by which a receiver recognises duplicates; empty when the sender gave none. */
  readonly nonce: Uint8Array;
}

/** A call (RPC) from a server to a method of the participant's application. */
export interface RemoteCall {
  readonly method: string;
  readonly payload: string;
  readonly timeoutMs: number;
}

export interface CallFailure {
  /** LiveKit's RPC error codes: 1400 to 1503 for failures of the call itself, others are the application's own. */
  readonly code: number;
  readonly message: string;
}

export type CallOutcome =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly failure: CallFailure };

export interface DataSink {
  send(message: ServerMessage): void;
  call(call: RemoteCall): Promise<CallOutcome>;
}
