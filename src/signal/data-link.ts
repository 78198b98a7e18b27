/**
 * The data channels of one client: `_reliable`, `_lossy` and `_data_track`, which every client of LiveKit's has. With one
 * PeerConnection the client opens them and they serve both ways; with two, it sends on those that it opens and receives on
 * those that we open.
 */
import type { ChannelParams } from "../contract/data.ts";
import type { DataListener } from "../control/data-channels.ts";
import type { Transport } from "../control/transport.ts";
import type { AcceptedData } from "../sdp/negotiate.ts";

export const LABELS = { reliable: "_reliable", lossy: "_lossy", tracks: "_data_track" } as const;
export type Label = (typeof LABELS)[keyof typeof LABELS];

const lossy = { protocol: "", ordered: false, maxRetransmits: 0, maxLifetimeMs: null } as const;

/** What we open where the client waits for it. */
export const OUR_CHANNELS: readonly ChannelParams[] = [
  { label: LABELS.reliable, protocol: "", ordered: true, maxRetransmits: null, maxLifetimeMs: null },
  { label: LABELS.lossy, ...lossy },
  { label: LABELS.tracks, ...lossy },
];

/**
 * Reliable messages for a client whose channel is not open yet: it has joined a moment ago. Larger: a client that never
 * opens one costs more memory. Smaller: what is said to somebody who has just come is lost.
 */
const MAX_EARLY_BYTES = 1_048_576;

export interface DataHost {
  /** A message has come in. The bytes are a view: copy what is kept. */
  onMessage(label: Label, bytes: Uint8Array): void;
}

export class DataLink {
  readonly #host: DataHost;
  /** The client receives on channels of ours, not on its own. */
  readonly #receivesOnOurs: boolean;
  readonly #transports: Transport[] = [];
  /** Where the client receives. */
  #receiving: Transport | null = null;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;

  constructor(host: DataHost, receivesOnOurs: boolean) {
    this.#host = host;
    this.#receivesOnOurs = receivesOnOurs;
  }

  /** `channels`: those that we open. Once only for each transport. */
  open(
    transport: Transport,
    { sctpPort, maxMessageBytes }: AcceptedData,
    channels: readonly ChannelParams[],
  ): void {
    if (this.#transports.includes(transport)) return;
    this.#transports.push(transport);
    if (!this.#receivesOnOurs || channels.length > 0) this.#receiving = transport;
    const listener: DataListener = {
      opened: ({ params }) => this.#onOpened(transport, params.label),
      closed: () => {},
      message: ({ params }, { bytes }) => this.#onMessage(params.label, bytes),
      drained: () => {},
      ended: () => {},
    };
    transport.data.open({ remotePort: sctpPort, maxMessageBytes, channels }, listener);
  }

  /**
   * So much waits for the client that whoever sends to it reliably had better wait too. The other half of what may wait
   * is for what senders have under way when they are told. More: some of that is lost. Less: senders wait for networks
   * that are only far away.
   */
  get isCrowded(): boolean {
    return this.#receiving?.data.channel(LABELS.reliable)?.isHalfFull ?? false;
  }

  /** What there is no room for is lost. May keep `bytes`. */
  send(label: Label, bytes: Uint8Array): void {
    const channel = this.#receiving?.data.channel(label);
    if (channel !== undefined) channel.send({ isText: false, bytes });
    else if (label === LABELS.reliable && this.#earlyBytes + bytes.length <= MAX_EARLY_BYTES) {
      this.#early.push(bytes);
      this.#earlyBytes += bytes.length;
    }
  }

  /** The client's own messages are not welcome for now. */
  pause(): void {
    for (const { data } of this.#transports) data.pause();
  }

  resume(): void {
    for (const { data } of this.#transports) data.resume();
  }

  #onOpened(transport: Transport, label: string): void {
    if (label !== LABELS.reliable || transport !== this.#receiving) return;
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const bytes of early) this.send(LABELS.reliable, bytes);
  }

  #onMessage(label: string, bytes: Uint8Array): void {
    const known = Object.values(LABELS).find((one) => one === label);
    if (known !== undefined) this.#host.onMessage(known, bytes);
  }
}
