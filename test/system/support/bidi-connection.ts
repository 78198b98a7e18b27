/**
 * A WebDriver BiDi connection (W3C WebDriver BiDi §4): JSON commands and their answers, and events, over a WebSocket.
 *
 * Playwright drives only a Firefox that it patched itself; a stock Firefox speaks this.
 */
export interface BidiEvent {
  readonly method: string;
  readonly params: unknown;
}

/** `id` is the command's; null when the browser could not read it. */
type Answer =
  | { readonly type: "success"; readonly id: number; readonly result: unknown }
  | { readonly type: "error"; readonly id: number | null; readonly error: string; readonly message: string };
type Incoming = Answer | ({ readonly type: "event" } & BidiEvent);

interface Pending {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class BidiConnection {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #onEvent: (event: BidiEvent) => void;
  #lastId = 0;

  private constructor(socket: WebSocket, onEvent: (event: BidiEvent) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data)) as Incoming));
    socket.addEventListener("close", () => this.#rejectAll());
  }

  /** Opens a connection and a session in it. */
  static async open(url: string, onEvent: (event: BidiEvent) => void): Promise<BidiConnection> {
    const socket = new WebSocket(`${url}/session`);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`no WebDriver BiDi at ${url}`)));
    });
    const connection = new BidiConnection(socket, onEvent);
    await connection.send("session.new", { capabilities: {} });
    return connection;
  }

  /** Resolves with the command's result; rejects with the browser's words when it refuses. */
  send(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { method, resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  close(): void {
    this.#socket.close();
  }

  #receive(message: Incoming): void {
    if (message.type === "event") this.#onEvent(message);
    else if (message.id !== null) this.#settle(message.id, message);
  }

  #settle(id: number, message: Answer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (message.type === "success") pending.resolve(message.result);
    else pending.reject(new Error(`${pending.method}: ${message.error}: ${message.message}`));
  }

  #rejectAll(): void {
    for (const { method, reject } of this.#pending.values())
      reject(new Error(`${method}: connection closed`));
    this.#pending.clear();
  }
}
