/**
 * The data channels of one client: `_reliable`, `_lossy` and `_data_track`, which every client of LiveKit's has. With one
 * PeerConnection the client opens them and they serve both ways; with two, it sends on those that it opens and receives on
 * those that we open.
 */
import type { DataCounts } from "../base/data-counters.ts";
import type { ChannelParams } from "../contract/data.ts";
import type { DataListener } from "../control/data-channels.ts";
import type { Transport } from "../control/transport.ts";
import type { AcceptedData } from "../sdp/negotiate.ts";
import { EarlyMessages } from "./early-messages.ts";

export const LABELS = { reliable: "_reliable", lossy: "_lossy", tracks: "_data_track" } as const;
export type Label = (typeof LABELS)[keyof typeof LABELS];

const lossy = { protocol: "", ordered: false, maxRetransmits: 0, maxLifetimeMs: null } as const;

/** What we open where the client waits for it. */
export const OUR_CHANNELS: readonly ChannelParams[] = [
  { label: LABELS.reliable, protocol: "", ordered: true, maxRetransmits: null, maxLifetimeMs: null },
  { label: LABELS.lossy, ...lossy },
  { label: LABELS.tracks, ...lossy },
];

export interface DataHost {
  /** A message has arrived. The bytes are a view: copy what is kept. */
  onMessage(label: Label, bytes: Uint8Array): void;
}

export class DataLink {
  readonly #host: DataHost;
  /** The client receives on channels of ours, not on its own. */
  readonly #receivesOnOurs: boolean;
  readonly #transports: Transport[] = [];
  readonly #counts: DataCounts;
  /** The transport on which the client receives. */
  #receiving: Transport | null = null;
  readonly #early = new EarlyMessages();
  /** Its data channels have ended, and will not be opened again on that transport. */
  #hasEnded = false;

  /** `counts`: where messages dropped here are counted. */
  constructor(host: DataHost, receivesOnOurs: boolean, counts: DataCounts) {
    this.#host = host;
    this.#receivesOnOurs = receivesOnOurs;
    this.#counts = counts;
  }

  /** `channels`: those that we open. Once only for each transport. */
  open(
    transport: Transport,
    { sctpPort, maxMessageBytes }: AcceptedData,
    channels: readonly ChannelParams[],
  ): void {
    if (this.#transports.includes(transport)) return;
    this.#transports.push(transport);
    if (!this.#receivesOnOurs || channels.length > 0) {
      this.#receiving = transport;
      this.#hasEnded = false;
    }
    const listener: DataListener = {
      opened: ({ params }) => this.#onOpened(transport, params.label),
      closed: () => {},
      message: ({ params }, { bytes }) => this.#onMessage(params.label, bytes),
      drained: () => {},
      ended: () => this.#onEnded(transport),
    };
    transport.data.open({ remotePort: sctpPort, maxMessageBytes, channels }, listener);
  }

  /**
   * Whether so much is queued for the client that those who send to it reliably should wait. The other half of the queue is
   * for what senders have under way when they learn it. More: some of that is lost. Less: senders wait for networks that
   * only have a long delay.
   */
  get isCrowded(): boolean {
    return (this.#receiving?.data.channel(LABELS.reliable) ?? this.#early).isHalfFull;
  }

  /** Sends, or drops where there is no room. May keep `bytes`. */
  send(label: Label, bytes: Uint8Array): void {
    const channel = this.#receiving?.data.channel(label);
    if (channel !== undefined) channel.send({ isText: false, bytes });
    else if (label !== LABELS.reliable) return;
    else if (this.#hasEnded) this.#counts.droppedMessages_unknown_channel += 1;
    else if (!this.#early.add(bytes)) this.#counts.droppedMessages_queue_full += 1;
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
    for (const bytes of this.#early.take()) this.send(LABELS.reliable, bytes);
  }

  #onEnded(transport: Transport): void {
    if (transport !== this.#receiving) return;
    this.#hasEnded = true;
    this.#counts.droppedMessages_unknown_channel += this.#early.take().length;
  }

  #onMessage(label: string, bytes: Uint8Array): void {
    const known = Object.values(LABELS).find((one) => one === label);
    if (known !== undefined) this.#host.onMessage(known, bytes);
  }
}
