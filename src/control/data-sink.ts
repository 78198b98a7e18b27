/**
 * How the server reaches a participant's application with data of its own. A client protocol that has data channels
 * gives each of its participants a sink; whoever came without one (WHIP, WHEP) can be sent nothing.
 */
export interface ServerMessage {
  readonly payload: Uint8Array;
  /** What the application calls this kind of message; undefined when it has one kind only. */
  readonly topic: string | undefined;
  readonly reliable: boolean;
  /** Up to 16 bytes by which a receiver knows a message that it has had; empty when the sender gave none. */
  readonly nonce: Uint8Array;
}

/** A method of the participant's application, called from a server. */
export interface RemoteCall {
  readonly method: string;
  readonly payload: string;
  readonly timeoutMs: number;
}

export interface CallFailure {
  /** LiveKit's RPC error codes: 1400 to 1503 for failures on the way, others are the application's own. */
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
