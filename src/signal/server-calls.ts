/**
 * Calls of the server to methods of a client's application, in LiveKit's RPC packets. The client addresses its answer
 * to the caller's identity, which is unique to each call, so that answers are matched by it.
 */
import { randomUUID } from "node:crypto";
import { DataPacket, RpcRequest } from "@livekit/protocol";
import type { Clock } from "../control/clock.ts";
import type { CallOutcome, RemoteCall } from "../control/data-sink.ts";

/** LiveKit's RPC error codes. */
const CONNECTION_TIMEOUT = { code: 1501, message: "Connection timeout" };
const RESPONSE_TIMEOUT = { code: 1502, message: "Response timeout" };
const RECIPIENT_DISCONNECTED = { code: 1503, message: "Recipient disconnected" };

/** Time for the acknowledgement. Larger: a dead client is noticed later. Smaller: calls fail on slow networks. */
const ACK_MS = 7_000;

interface Call {
  readonly resolve: (outcome: CallOutcome) => void;
  readonly cancelAck: () => void;
  readonly cancelResponse: () => void;
}

export class ServerCalls {
  readonly #clock: Clock;
  readonly #send: (packet: DataPacket) => void;
  readonly #pending = new Map<string, Call>();

  constructor(clock: Clock, send: (packet: DataPacket) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  call({ method, payload, timeoutMs }: RemoteCall): Promise<CallOutcome> {
    const id = randomUUID();
    const request = new RpcRequest({ id, method, payload, responseTimeoutMs: timeoutMs, version: 1 });
    return new Promise((resolve) => {
      this.#pending.set(id, {
        resolve,
        cancelAck: this.#clock.after(ACK_MS, () => this.#fail(id, CONNECTION_TIMEOUT)),
        cancelResponse: this.#clock.after(timeoutMs, () => this.#fail(id, RESPONSE_TIMEOUT)),
      });
      this.#send(new DataPacket({ participantIdentity: id, value: { case: "rpcRequest", value: request } }));
    });
  }

  /** Consumes a packet that the client has sent to `destination`, if that is a call of ours. Returns whether it was. */
  take(destination: string, bytes: Uint8Array): boolean {
    const call = this.#pending.get(destination);
    if (call === undefined) return false;
    const { value } = parse(bytes) ?? {};
    if (value?.case === "rpcAck") call.cancelAck();
    else if (value?.case === "rpcResponse") {
      const answer = value.value.value;
      if (answer.case === "error") this.#fail(destination, answer.value);
      else this.#end(destination, { ok: true, payload: answer.case === "payload" ? answer.value : "" });
    }
    return true;
  }

  /** The client has left. */
  end(): void {
    for (const id of [...this.#pending.keys()]) this.#fail(id, RECIPIENT_DISCONNECTED);
  }

  #fail(id: string, { code, message }: { readonly code: number; readonly message: string }): void {
    this.#end(id, { ok: false, failure: { code, message } });
  }

  #end(id: string, outcome: CallOutcome): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    call.cancelAck();
    call.cancelResponse();
    call.resolve(outcome);
  }
}

function parse(bytes: Uint8Array): DataPacket | undefined {
  try {
    return DataPacket.fromBinary(bytes);
  } catch {
    return undefined;
  }
}
