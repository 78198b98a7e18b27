/**
 * One published audio or video track: what the publisher declared, and what its media thread has observed.
 *
 * Forwarding a track to another room makes a track of its own there, with its own id. Its packets come from its source
 * track, by a pipe to each thread with a subscriber, even within the same thread.
 *
 * A video may have a backup: the same picture in a more widely supported codec, in a section of its own. For all but
 * the media threads the two are one track.
 */
import type { MediaContent, MediaKind } from "../base/codec.ts";
import type { Ssrc, TrackId } from "../base/ids.ts";
import type { FrameTrailer, PayloadParams, UpTrackParams } from "../contract/media.ts";
import type { TrackSource } from "./access-token.ts";
import type { MediaThread } from "./media-threads.ts";
import type { Participant } from "./participant.ts";
import { randomId } from "./random.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Subscription } from "./subscription.ts";
import type { Transport } from "./transport.ts";

/** What a track needs of the transport that its publisher sends on. */
type Home = Pick<Transport, "thread" | "extensions">;

interface Pipe {
  /** Subscriptions that carry the track there. */
  carriers: number;
  readonly channel: number;
}

/** End-to-end encryption of the media: `none`, or with keys that only the participants have. */
export type TrackEncryption = "none" | "gcm" | "custom";

/**
 * `transport_closed`: its publisher's transport has ended. `not_encrypted`: it was cut because it does not look
 * encrypted though declared so.
 */
export type TrackEndReason = "ended" | "transport_closed" | "moved" | "not_encrypted";

/** A media section (`m=`) on which a peer sends, as negotiated. */
export interface PublishedSection {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly payloads: readonly PayloadParams[];
  /** From the lowest encoding to the highest; empty without simulcast. */
  readonly rids: readonly string[];
  /** Whether that order is the SDP's, since the RIDs do not tell it. */
  readonly isOrderGuessed?: boolean;
  /** Announced in SDP, primary first, with its RTX partner (0 = none). May be empty. */
  readonly ssrcs: readonly { readonly ssrc: Ssrc; readonly rtxSsrc: Ssrc }[];
  readonly source: TrackSource;
  readonly encryption: TrackEncryption;
  /** The trailer of its frames if they are encrypted, where its publisher's protocol declares it. */
  readonly trailer?: FrameTrailer;
  /** What its publisher's protocol adds. Control keeps it for clients of that protocol, without reading it. */
  readonly note?: unknown;
}

/** No layer is wanted. */
const NOTHING = -1;

/** Related tracks: the one that it forwards, the one that it is a backup of. */
interface Relations {
  readonly source?: Track;
  readonly primary?: Track | null;
}

interface Backup {
  readonly track: Track;
  readonly replaces: boolean;
}

export class Track {
  readonly id: TrackId;
  readonly publisher: Participant;
  readonly section: PublishedSection;
  /** `section.note`, or what has replaced it. */
  note: unknown;
  /** The track that it forwards; null when its publisher sends it itself. */
  readonly source: Track | null;
  /** The track that this is a backup of; itself where it is none. */
  readonly primary: Track;
  readonly #home: Home;
  readonly #carriers = new Set<Subscription>();
  /** Threads that it is piped to. */
  readonly #pipes = new Map<MediaThread, Pipe>();
  /** By thread or forwarded track, the highest spatial layer that is wanted there; absent until it is known. */
  readonly #wantedIn = new Map<MediaThread | Track, number>();
  readonly #demandListeners: (() => void)[] = [];
  #backup: Backup | null = null;
  /** Those who want it and can decode none of it: they need a backup. */
  readonly #needers = new Set<object>();
  #payload: PayloadParams | null = null;
  #muted = false;
  /** Muted by the server API, not by its publisher. */
  #mutedByServer = false;
  /** Of the track and its backup, those that do not look encrypted though declared so. */
  readonly #suspects = new Set<Track>();

  private constructor(
    id: TrackId,
    publisher: Participant,
    section: PublishedSection,
    home: Home,
    { source, primary }: Relations,
  ) {
    this.id = id;
    this.primary = primary ?? this;
    this.publisher = publisher;
    this.section = section;
    this.note = section.note;
    this.source = source ?? null;
    this.#home = home;
  }

  /** `transport`: the one that its publisher sends it on. */
  static published(id: TrackId, transport: Transport, section: PublishedSection, primary?: Track): Track {
    return new Track(id, transport.participant, section, transport, primary === undefined ? {} : { primary });
  }

  /**
   * Makes a track of another room that forwards this one, where `publisher` represents ours; as a backup of `primary`,
   * unless that is null.
   */
  forward(publisher: Participant, primary: Track | null = null): Track {
    const relations = { source: this, primary };
    const forwarded = new Track(randomId<TrackId>("TR"), publisher, this.section, this.#home, relations);
    forwarded.follow();
    forwarded.onDemandChanged(() => this.onWantedIn(forwarded, forwarded.wanted));
    return forwarded;
  }

  get params(): UpTrackParams {
    const { kind, mid, payloads, rids, isOrderGuessed, ssrcs, trailer, encryption } = this.section;
    return {
      trackId: this.id,
      publisher: this.publisher.id,
      kind,
      mid,
      payloads,
      rids,
      ssrcs,
      content: contentOf(this.section),
      ...(isOrderGuessed === true && { isOrderGuessed }),
      ...(trailer !== undefined && { trailer }),
      ...(encryption !== "none" && { isSealed: true }),
      ...(this.isVoice && this.publisher.profile.permission.hidden && { isHidden: true }),
    };
  }

  /** Whether it is somebody's voice; the sound of a shared screen is not. */
  get isVoice(): boolean {
    return contentOf(this.section) === "voice";
  }

  /** The thread that receives its packets from the publisher. */
  get #thread(): MediaThread {
    return this.#home.thread;
  }

  /** The payload type in use, in the publisher's numbering; null until media has arrived. */
  get payload(): PayloadParams | null {
    return this.#payload;
  }

  /** Whether its packets are dropped on arrival. */
  get muted(): boolean {
    return this.#muted || this.source?.muted === true;
  }

  /** Mutes or unmutes. A client that the server mutes confirms it with a mute of its own, which changes nothing. */
  setMuted(muted: boolean): void {
    if (muted === this.#muted) return;
    this.#muted = muted;
    if (!muted) this.#mutedByServer = false;
    if (this.#backup !== null) this.#backup.track.#muted = muted;
    this.tellMuted();
  }

  /** The server cannot unmute a track that its publisher has muted. */
  setMutedByServer(muted: boolean): Result<null, "muted_by_publisher"> {
    if (this.#muted && !this.#mutedByServer) return muted ? ok(null) : fail("muted_by_publisher");
    this.#mutedByServer = muted;
    this.setMuted(muted);
    return ok(null);
  }

  /** It, or the track that it forwards, was muted or unmuted. */
  tellMuted(): void {
    this.#postMuted();
    if (this.#backup !== null) this.#backup.track.#postMuted();
    this.publisher.tell({ kind: "track.muted", track: this });
  }

  #postMuted(): void {
    const { id: trackId, muted } = this;
    for (const thread of this.#threads) thread.post({ kind: "up-track.mute", trackId, muted });
  }

  /** Its publisher was hidden or unhidden. */
  tellHidden(): void {
    if (!this.isVoice) return;
    const { id: trackId } = this;
    const { hidden } = this.publisher.profile.permission;
    for (const thread of this.#threads) thread.post({ kind: "up-track.hide", trackId, hidden });
  }

  /** The media threads that have it. */
  get #threads(): ReadonlySet<MediaThread> {
    const threads = new Set(this.#pipes.keys());
    return this.source === null ? threads.add(this.#thread) : threads;
  }

  get backup(): Track | null {
    return this.#backup?.track ?? null;
  }

  /** `replaces`: subscribers that can decode both get the backup, so that the publisher need not encode both. */
  setBackup(track: Track | null, replaces = false): void {
    this.#backup = track && { track, replaces };
    track?.onDemandChanged(() => this.#tellDemand());
    if (track !== null && this.#muted) {
      track.#muted = true;
      track.#postMuted();
    }
    this.#tellDemand();
  }

  /** The track and its backup, once that has media; a subscriber gets the first that it can decode. */
  get renditions(): readonly Track[] {
    if (this.#backup === null) return [this];
    const { track, replaces } = this.#backup;
    if (track.payload === null) return [this];
    return replaces ? [track, this] : [this, track];
  }

  /** Whether somebody wants it who can decode none of it. */
  get needsBackup(): boolean {
    return this.#needers.size > 0;
  }

  /** `needs`: whether `needer` wants it and can decode none of it. */
  onNeed(needer: object, needs: boolean): void {
    const before = this.needsBackup;
    if (needs) this.#needers.add(needer);
    else this.#needers.delete(needer);
    if (this.needsBackup === before) return;
    this.source?.onNeed(this, needs);
    this.#tellDemand();
  }

  /** Whether it does not look end-to-end encrypted though declared so. */
  get suspect(): boolean {
    return this.source?.suspect ?? this.#suspects.size > 0;
  }

  /** `stream`: this track, or its backup. */
  onSuspect(stream: Track, suspect: boolean): void {
    const before = this.suspect;
    if (suspect) this.#suspects.add(stream);
    else this.#suspects.delete(stream);
    if (this.suspect === before) return;
    const { room } = this.publisher;
    if (suspect) room.log.warn({ trackId: this.id }, "track does not look encrypted");
    else room.log.info({ trackId: this.id }, "track looks encrypted again, or is not looked at any more");
    this.publisher.tell({ kind: "track.suspect", track: this });
  }

  /** The highest spatial layer that anybody wants; -1 for none, null while not known: send everything. */
  get wanted(): number | null {
    if (this.source === null && !this.#wantedIn.has(this.#thread)) return null;
    return Math.max(NOTHING, ...this.#wantedIn.values());
  }

  /** Calls `listener` when `wanted` of it or of its backup has changed, or `needsBackup`. */
  onDemandChanged(listener: () => void): void {
    this.#demandListeners.push(listener);
  }

  #tellDemand(): void {
    for (const listener of this.#demandListeners) listener();
  }

  /** Subscribers in a thread or of a forwarded track want layers up to `spatial`; null when there are none any more. */
  onWantedIn(where: MediaThread | Track, spatial: number | null): void {
    const before = this.wanted;
    if (spatial === null) this.#wantedIn.delete(where);
    else this.#wantedIn.set(where, spatial);
    if (this.wanted !== before) this.#tellDemand();
  }

  /** A subscription in `thread` is going to carry it: pipes it there, unless it is piped already. */
  retain(carrier: Subscription, thread: MediaThread): void {
    this.#carriers.add(carrier);
    if (thread === this.#thread && this.source === null) return;
    const pipe = this.#pipes.get(thread);
    if (pipe !== undefined) pipe.carriers += 1;
    else this.#pipes.set(thread, { carriers: 1, channel: this.#startPipe(thread) });
  }

  /** The reverse of `retain`. */
  release(carrier: Subscription, thread: MediaThread): void {
    this.#carriers.delete(carrier);
    const pipe = this.#pipes.get(thread);
    if (pipe === undefined) return;
    pipe.carriers -= 1;
    if (pipe.carriers === 0) this.#endPipe(thread, pipe);
  }

  /** Ends subscriptions that are no longer permitted, at once rather than when tracks are next assigned to sections. */
  withhold(): void {
    const { publisher, id } = this.primary;
    for (const carrier of this.#carriers) if (!publisher.admits(carrier.subscriber, id)) carrier.carry(null);
    this.backup?.withhold();
  }

  /** It is no longer published; its own thread has been told. */
  end(): void {
    this.#demandListeners.length = 0;
    for (const carrier of this.#carriers) carrier.carry(null);
    this.source?.onWantedIn(this, null);
    this.source?.onNeed(this, false);
    if (this.source !== null) this.#backup?.track.end();
  }

  /** The id of the track whose packets it has, in the thread that receives them. */
  get #heardAs(): TrackId {
    return this.source?.id ?? this.id;
  }

  /** Returns its channel number in the pipe. */
  #startPipe(thread: MediaThread): number {
    const { id: trackId, params: track } = this;
    const heardAs = this.#heardAs;
    const { extensions } = this.#home;
    const roomId = this.publisher.room.id;
    const channel = this.#thread.pipe(heardAs, thread);
    const from = this.#thread.index;
    thread.route(trackId, (event) => {
      if (event.kind === "up-track.wanted") this.onWantedIn(thread, event.spatial);
      if (event.kind !== "piped-track.keyframe") return;
      this.#thread.post({ kind: "up-track.keyframe", trackId: heardAs, encoding: event.encoding });
    });
    thread.post({ kind: "piped-track.add", roomId, track, extensions, from, channel });
    if (this.muted) thread.post({ kind: "up-track.mute", trackId, muted: true });
    return channel;
  }

  #endPipe(thread: MediaThread, { channel }: Pipe): void {
    const { id: trackId } = this;
    this.#pipes.delete(thread);
    thread.unroute(trackId);
    thread.post({ kind: "piped-track.remove", trackId });
    this.#thread.post({ kind: "up-track.unpipe", trackId: this.#heardAs, to: thread.index, channel });
    this.onWantedIn(thread, null);
  }

  /** Takes over changes of the track that it forwards. Returns whether codec or backup have changed. */
  follow(): boolean {
    const { source } = this;
    if (source === null) return false;
    this.note = source.note;
    const changed = source.payload !== this.#payload;
    this.#payload = source.payload;
    return this.#followBackup(source) || changed;
  }

  #followBackup(source: Track): boolean {
    const former = this.#backup?.track ?? null;
    const backup = source.backup;
    if ((former?.source ?? null) === backup) return former?.follow() ?? false;
    this.setBackup(backup?.forward(this.publisher, this) ?? null, source.#backup?.replaces);
    former?.end();
    return true;
  }

  /** The media thread saw this payload type. Returns whether it is another than before. */
  onPayloadType(payloadType: number): boolean {
    const payload = this.section.payloads.find((candidate) => candidate.payloadType === payloadType);
    if (payload === undefined || payload === this.#payload) return false;
    this.#payload = payload;
    return true;
  }
}

function contentOf({ kind, source }: PublishedSection): MediaContent {
  if (source === "screen_share") return "screen";
  if (source === "screen_share_audio") return "other";
  return kind === "audio" ? "voice" : "camera";
}
