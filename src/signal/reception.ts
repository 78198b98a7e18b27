/**
 * What one client receives: the plan of its sections joined to control's subscriptions, on whichever transport has them.
 *
 * A subscription lasts while its section carries one track. The section's next track comes with other SSRCs, as from a
 * new sender: libwebrtc in LiveKit's Rust SDK hears nothing more of an SSRC whose section has been inactive.
 */
import type { MediaKind } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";
import type { LayerPreference } from "../contract/media.ts";
import type { Allotment, Subscription } from "../control/subscription.ts";
import type { ReceivingSection } from "../control/subscriptions.ts";
import type { Track } from "../control/track.ts";
import type { Transport } from "../control/transport.ts";
import { requestOf } from "../livekit/client-facts.ts";
import { streamIdOf } from "../livekit/stream-id.ts";
import { backupCodecOf } from "../livekit/track-info.ts";
import type { Sender } from "../sdp/write-section.ts";
import type { SectionCounts } from "./section-demand.ts";
import { SectionPlan } from "./section-plan.ts";

/** The client's preference for a track; null for no limit. */
export type PreferenceOf = (track: Track) => LayerPreference | null;

/** What the client has to know of the tracks that it receives. */
export interface ReceptionHost {
  readonly preferenceOf: PreferenceOf;
  /** A description names a track that it gets. */
  onReceived(track: Track): void;
  /** A track is held back because there is too little bandwidth, or not any more. */
  onHeldBack(track: Track, heldBack: boolean): void;
  /** The client can not decode a track, nor a backup of it. */
  onUndecodable(track: Track): void;
}

export class Reception {
  readonly plan = new SectionPlan();
  readonly #host: ReceptionHost;
  readonly #heldBack = new Set<TrackId>();
  /** Tracks that the client was told it can not decode. */
  readonly #undecodable = new Set<TrackId>();
  readonly #syncs: boolean;
  /** By MID. */
  readonly #sections = new Map<string, ReceivingSection>();
  /** Those that are in use, by MID. */
  readonly #slots = new Map<string, Subscription>();
  #transport: Transport | null = null;
  #wanted = new Map<TrackId, Track>();

  /** `syncs`: stream ids may be shared for synchronisation, because the client does not identify tracks by them. */
  constructor(host: ReceptionHost, syncs: boolean) {
    this.#host = host;
    this.#syncs = syncs;
  }

  get wanted(): Iterable<Track> {
    return this.#wanted.values();
  }

  /** The tracks that the client is to receive from now on; those that are not among them fall silent at once. */
  want(tracks: readonly Track[]): void {
    this.#wanted = new Map(tracks.map((track) => [track.id, track]));
    const wanted = tracks.map(({ id, section }) => ({ id, kind: section.kind }));
    for (const mid of this.plan.want(wanted)) this.#silence(mid);
    for (const told of [this.#heldBack, this.#undecodable])
      for (const id of told) if (!this.#wanted.has(id)) told.delete(id);
    this.#deal();
  }

  /** Tracks that a description says it gets. */
  get received(): Track[] {
    return [...this.#slots.values()].flatMap(({ reserved }) => reserved ?? []);
  }

  isHeldBack(id: TrackId): boolean {
    return this.#heldBack.has(id);
  }

  /** The subscription that carries a track, or will as soon as it has media. */
  subscriptionOf(id: TrackId): Subscription | undefined {
    const mid = this.plan.midOf(id);
    return mid === undefined ? undefined : this.#slots.get(mid);
  }

  /** What each section carries, by MID: how clients with one PeerConnection know. */
  trackIds(): Record<string, TrackId> {
    return Object.fromEntries(this.plan.carried());
  }

  /** How many sections of each kind there are. */
  counts(): SectionCounts {
    const count = (kind: MediaKind): number =>
      [...this.#sections.values()].filter((section) => section.kind === kind).length;
    return { audio: count("audio"), video: count("video") };
  }

  /** All sections on which the client receives, as it has just offered them. */
  setSections(transport: Transport, sections: readonly ReceivingSection[]): void {
    this.#transport = transport;
    this.#sections.clear();
    for (const section of sections) this.#sections.set(section.mid, section);
    for (const mid of this.#slots.keys()) if (!this.#sections.has(mid)) this.#silence(mid);
    this.plan.setSections(sections);
  }

  /** A section of ours, which the client has yet to see. */
  addSection(transport: Transport, section: ReceivingSection): void {
    this.#transport = transport;
    this.#sections.set(section.mid, section);
    this.plan.add(section);
  }

  /** The client has said what it takes of a section of ours. */
  negotiated(section: ReceivingSection): void {
    this.#sections.set(section.mid, section);
  }

  /** What the description that is being written says that we send, by MID. */
  describe(): ReadonlyMap<string, Sender> {
    const senders = new Map<string, Sender>();
    for (const [mid, id] of this.plan.describe()) {
      const track = this.#wanted.get(id);
      const slot = this.#slots.get(mid) ?? (track && this.#open(mid, track));
      if (track === undefined || slot === undefined) continue;
      const { ssrc, rtxSsrc, cname } = slot.section;
      const streamId = streamIdOf(track, this.#syncs);
      const stereo = requestOf(track)?.stereo === true;
      senders.set(mid, { ssrc, rtxSsrc, cname, msid: { streamId, trackId: track.id }, stereo });
    }
    return senders;
  }

  /** The client knows, or will in a moment, what it gets: send it. */
  start(): void {
    for (const [mid, slot] of this.#slots) slot.negotiated(this.#sections.get(mid)?.payloads ?? []);
    this.#deal();
    for (const slot of this.#slots.values()) this.#checkCodec(slot);
  }

  /** It is known now in which codec a track comes, or its backup. */
  onCodec({ id }: Track): void {
    const slot = this.subscriptionOf(id);
    if (slot !== undefined) this.#checkCodec(slot);
  }

  #checkCodec(slot: Subscription): void {
    const { reserved: track } = slot;
    if (track === null) return;
    const isUndecodable = slot.refuses(track) && !awaitsBackup(track);
    if (isUndecodable === this.#undecodable.has(track.id)) return;
    if (!isUndecodable) return void this.#undecodable.delete(track.id);
    this.#undecodable.add(track.id);
    this.#host.onUndecodable(track);
  }

  /** The slot sends nothing before `start()`, as nothing is negotiated for it. */
  #open(mid: string, reserved: Track): Subscription | undefined {
    const section = this.#sections.get(mid);
    const added = section && this.#transport?.addSlot({ ...section, payloads: [], reserved });
    if (!added?.ok) return undefined;
    const slot = added.value;
    this.#slots.set(mid, slot);
    slot.onAllotted((allotment) => this.#onAllotted(reserved, allotment));
    const preference = this.#host.preferenceOf(reserved);
    if (preference !== null) slot.prefer(preference);
    this.#host.onReceived(reserved);
    return slot;
  }

  #silence(mid: string): void {
    const slot = this.#slots.get(mid);
    if (slot !== undefined) this.#transport?.removeSlot(slot);
    this.#slots.delete(mid);
  }

  #onAllotted(track: Track, { layers, cause }: Allotment): void {
    const heldBack = layers === null && cause !== "not_wanted" && cause !== "absent";
    if (heldBack === this.#heldBack.has(track.id)) return;
    if (heldBack) this.#heldBack.add(track.id);
    else this.#heldBack.delete(track.id);
    this.#host.onHeldBack(track, heldBack);
  }

  /** Each section is reserved for a track that is wanted, if it is where the client is, so no others matter. */
  #deal(): void {
    const transport = this.#transport;
    if (transport === null) return;
    const { room } = transport.participant;
    transport.deal([...this.#wanted.values()].filter(({ publisher }) => publisher.room === room));
  }
}

/** Whether a backup was promised that has no media yet. */
function awaitsBackup(track: Track): boolean {
  return backupCodecOf(track) !== undefined && (track.backup?.payload ?? null) === null;
}
