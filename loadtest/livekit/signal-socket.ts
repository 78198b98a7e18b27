/** The signal connection of one synthetic participant: requests out, responses in. */
import {
  ConnectionSettings,
  JoinRequest,
  SignalRequest,
  SignalResponse,
  WrappedJoinRequest,
} from "@livekit/protocol";

/** One PeerConnection or two. */
export type Mode = "single" | "dual";

export interface SignalTarget {
  /** Of the server, `http://…`. */
  readonly url: string;
  readonly token: string;
  readonly mode: Mode;
}

export interface SignalHandlers {
  onMessage(message: SignalResponse["message"]): void;
  onClosed(reason: string): void;
}

export class SignalSocket {
  readonly #socket: WebSocket;

  constructor({ url, token, mode }: SignalTarget, handlers: SignalHandlers) {
    const query = new URLSearchParams({ access_token: token, protocol: "17", auto_subscribe: "1" });
    if (mode === "single") query.set("join_request", joinRequest());
    const path = mode === "single" ? "/rtc/v1" : "/rtc";
    this.#socket = new WebSocket(`${url.replace("http", "ws")}${path}?${query}`);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => {
      handlers.onMessage(SignalResponse.fromBinary(new Uint8Array(data as ArrayBuffer)).message);
    };
    this.#socket.onclose = ({ code, reason }) => handlers.onClosed(`${code} ${reason}`);
  }

  send(message: SignalRequest["message"]): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(new SignalRequest({ message }).toBinary() as Uint8Array<ArrayBuffer>);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

function joinRequest(): string {
  const request = new JoinRequest({ connectionSettings: new ConnectionSettings({ autoSubscribe: true }) });
  const wrapped = new WrappedJoinRequest({ joinRequest: request.toBinary() });
  return Buffer.from(wrapped.toBinary()).toString("base64url");
}
