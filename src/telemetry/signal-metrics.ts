/** Metrics of the signal connections of LiveKit's clients. Message kinds are the protocol's: clients cannot add any. */
import { Counter, Gauge, type Registry } from "prom-client";

export class SignalMetrics {
  readonly #open: Gauge<"protocol">;
  readonly #closed: Counter<"reason">;
  readonly #messages: Counter<"direction" | "kind">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#open = new Gauge({
      name: "blindfold_signal_connections",
      help: "Open signal connections of LiveKit's clients: v0 has two PeerConnections, v1 has one.",
      labelNames: ["protocol"],
      registers,
    });
    this.#closed = new Counter({
      name: "blindfold_signal_closed_total",
      help: "Signal connections that have ended, by reason; lost: by the client or its network.",
      labelNames: ["reason"],
      registers,
    });
    this.#messages = new Counter({
      name: "blindfold_signal_messages_total",
      help: "Messages on signal connections, by kind: received from clients, and sent to clients.",
      labelNames: ["direction", "kind"],
      registers,
    });
    for (const protocol of ["v0", "v1"]) this.#open.set({ protocol }, 0);
  }

  onOpen(protocol: string): void {
    this.#open.inc({ protocol });
  }

  onClosed(protocol: string, reason: string): void {
    this.#open.dec({ protocol });
    this.#closed.inc({ reason });
  }

  onReceived(kind: string): void {
    this.#messages.inc({ direction: "received", kind });
  }

  onSent(kind: string): void {
    this.#messages.inc({ direction: "sent", kind });
  }
}
