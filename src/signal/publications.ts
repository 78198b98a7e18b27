/**
 * What a client publishes: what it has announced by `add_track`, and the media section that carries it.
 *
 *     add_track ──▶ announced ──┐
 *                               ├─ same cid ─▶ published ── section silent, or ended by us ─▶ gone
 *     offer ──────▶ unclaimed ──┘
 *
 * The two come in either order. A cid is the id of the client's MediaStreamTrack, and in most browsers the second word
 * of its `a=msid`. Firefox makes up another id for `a=msid`: a section with an unknown id is taken for the first
 * announced track of its kind.
 *
 * A video may be announced a second time, by its sid, with another cid and codec: its backup, for subscribers that
 * cannot decode the first. It goes through the same states, and ends with the first.
 */
import {
  AddTrackRequest,
  BackupCodecPolicy,
  Encryption_Type,
  type TrackInfo,
  TrackType,
} from "@livekit/protocol";
import type { MediaKind } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";
import type { TrackSource } from "../control/access-token.ts";
import type { Participant } from "../control/participant.ts";
import { mayPublish, type PublishRefusal } from "../control/publishing.ts";
import { randomId } from "../control/random.ts";
import { ok, type Result } from "../control/result.ts";
import type { PublishedSection, Track, TrackEncryption } from "../control/track.ts";
import type { Transport } from "../control/transport.ts";
import {
  announcedCodec,
  announcedTrackInfo,
  ENCRYPTIONS,
  SOURCES,
  TYPES,
  trackInfo,
} from "../livekit/track-info.ts";
import type { AcceptedMedia } from "../sdp/negotiate.ts";
import type { CodecPreference } from "../sdp/negotiate-media.ts";
import type { MediaSection } from "../sdp/session-description.ts";

interface Publication {
  readonly id: TrackId;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly encryption: TrackEncryption;
  readonly announcedAtMs: number;
  request: AddTrackRequest;
  muted: boolean;
  /** Muted by the server, and not muted or unmuted by the client since. */
  mutedByServer: boolean;
  /** Null until its section has come. */
  track: Track | null;
  /** How its backup was announced. */
  backup: AddTrackRequest | null;
}

/** A section that carries a publication, or its backup. */
interface Claim {
  readonly publication: Publication;
  readonly isBackup: boolean;
}

export type AnnounceError =
  | PublishRefusal
  | "too_large"
  | "unsupported_type"
  | "track_not_found"
  | "backup_exists";

/**
 * Largest announcement: a video with three layers in two codecs has 600 bytes. Larger: every update about a
 * participant, which everybody gets, repeats the announcements of all its tracks. Smaller: tracks with long names are
 * refused.
 */
const MAX_ANNOUNCEMENT_BYTES = 8_192;

/**
 * How long an announced track without a section counts towards the participant's track limit. Larger: a client that
 * gave up tracks has to wait longer to publish others. Smaller: a slow client loses what it announced.
 */
const PLACE_KEPT_MS = 30_000;

/**
 * How long after its announcement a track may be unknown to its client, which has to process our answer first: clients
 * give up after this time. Larger: clients are notified twice about tracks that they know. Smaller: slow ones keep a
 * track that nobody gets.
 */
const NEW_MS = 15_000;

/** What the client has to know of what it publishes. */
export interface PublicationsHost {
  /** The layers that are wanted of a video have changed. */
  onDemand(track: Track): void;
  /** An announced track will not be published. The client may not know it yet. */
  onWithdrawn(id: TrackId): void;
}

export class Publications {
  readonly #participant: Participant;
  readonly #host: PublicationsHost;
  readonly #list: Publication[] = [];
  /** The transport on which the client sends, and its sending sections, as last offered. */
  #transport: Transport | null = null;
  #sections: readonly AcceptedMedia[] = [];
  /** By MID, what the sections of the offer that is being answered carry, unless that is published already. */
  #matches: ReadonlyMap<string, Claim> = new Map();
  /** MIDs whose track has ended while the client still sends there: it matches no other announcement. */
  readonly #spent = new Set<string>();

  constructor(participant: Participant, host: PublicationsHost) {
    this.#participant = participant;
    this.#host = host;
  }

  /** Announces a track that is going to be published. */
  announce(request: AddTrackRequest): Result<TrackInfo, AnnounceError> {
    if (isTooLarge(request)) return { ok: false, error: "too_large" };
    if (request.sid !== "") return this.#announceBackup(request);
    const kind = keyOf(TYPES, request.type);
    if (kind === undefined) return { ok: false, error: "unsupported_type" };
    const source = sourceOf(request, kind);
    const encryption = keyOf(ENCRYPTIONS, request.encryption) ?? "none";
    const allowed = this.#mayAnnounce({ source, encryption });
    if (!allowed.ok) return allowed;
    const publication: Publication = {
      id: randomId<TrackId>("TR"),
      kind,
      source,
      encryption,
      announcedAtMs: this.#participant.room.clock.monotonicMs(),
      request,
      muted: request.muted,
      mutedByServer: false,
      track: null,
      backup: null,
    };
    this.#list.push(publication);
    this.#claim();
    return ok(this.#infoOf(publication));
  }

  /** An offer has come, in which the client sends on these sections; `onOffer` follows when it has been negotiated. */
  match(sections: readonly MediaSection[]): void {
    const known = new Set(this.#sections.map(({ mid }) => mid));
    const matches = new Map<string, Claim>();
    // A client may reuse a section for its next track without having offered it inactive in between (pion does).
    const renamed = sections.filter(({ mid, msid }) => {
      const former = this.#sections.find((section) => section.mid === mid)?.offered.msid;
      return former !== undefined && former?.trackId !== msid?.trackId;
    });
    for (const section of renamed) {
      const named = this.#namedIn(section);
      if (named !== undefined) matches.set(section.mid, named);
    }
    const open = sections.filter(({ mid }) => this.#publishedIn(mid) === undefined && !this.#spent.has(mid));
    for (const section of open) {
      const named = this.#announcedFor(section);
      if (named !== undefined) matches.set(section.mid, named);
    }
    // A section of an earlier offer may be one whose track was refused: it is not matched to a later announcement.
    for (const { mid, kind } of open.filter(
      (section) => !matches.has(section.mid) && !known.has(section.mid),
    )) {
      const taken = new Set([...matches.values()].map(({ publication }) => publication));
      const next = this.#open(kind).find(({ publication }) => !taken.has(publication));
      if (next !== undefined) matches.set(mid, next);
    }
    this.#matches = matches;
  }

  /** The codec preference for the answer to a section on which the client sends. */
  preferenceFor(section: MediaSection): CodecPreference | undefined {
    const claim = this.#matches.get(section.mid) ?? this.#publishedIn(section.mid);
    if (claim === undefined) return undefined;
    const { publication, isBackup } = claim;
    const request = isBackup ? publication.backup! : publication.request;
    const { stereo, disableDtx, disableRed, encryption, type } = request;
    // RED is unpacked for subscribers that do not support it, which is impossible where it is encrypted.
    const isRed = type === TrackType.AUDIO && !disableRed && encryption === Encryption_Type.NONE;
    const codec = isRed ? "red" : announcedCodec(request);
    return { ...(codec !== undefined && { codec }), opus: { stereo, dtx: !disableDtx } };
  }

  /** Applies an offer: `sections` are all on which the client sends now. */
  onOffer(transport: Transport, sections: readonly AcceptedMedia[]): void {
    this.#transport = transport;
    this.#sections = sections;
    const mids = new Set(sections.map(({ mid }) => mid));
    const isOver = ({ section: { mid } }: Track): boolean => !mids.has(mid) || this.#matches.has(mid);
    for (const { track } of [...this.#list]) {
      if (track === null) continue;
      if (isOver(track)) transport.unpublish(track);
      else if (track.backup !== null && isOver(track.backup)) transport.unpublishBackup(track);
    }
    for (const mid of this.#spent) if (!mids.has(mid)) this.#spent.delete(mid);
    this.#claim();
    this.#matches = new Map();
  }

  /**
   * The client has been answered. By that libwebrtc sends an encoding or not as its own offer said, whatever it was told of
   * demand since it wrote the offer; so where the offer says otherwise, it is told again.
   */
  onAnswered(): void {
    for (const { mid, published } of this.#sections) {
      const claim = this.#publishedIn(mid);
      const track = claim?.publication.track ?? null;
      const stream = claim?.isBackup === true ? track?.backup : track;
      if (track === null || !stream || published === null) continue;
      const { wanted, section } = stream;
      const isWanted = (rid: string): boolean => wanted === null || section.rids.indexOf(rid) <= wanted;
      if (published.simulcast.some(({ rid, paused }) => paused === isWanted(rid))) this.#host.onDemand(track);
    }
  }

  /** A track was ended, by the client or by the server. Returns whether the client may not know the track yet. */
  onEnded(track: Track): boolean {
    const at = this.#list.findIndex((publication) => publication.track === track);
    if (at === -1) return false;
    const [ended] = this.#list.splice(at, 1);
    for (const stream of [track, track.backup]) {
      if (stream === null) continue;
      const { mid } = stream.section;
      if (this.#sections.some((section) => section.mid === mid)) this.#spent.add(mid);
    }
    const isNew = this.#participant.room.clock.monotonicMs() - ended!.announcedAtMs < NEW_MS;
    return isNew && this.#spent.has(track.section.mid);
  }

  /** The client has muted or unmuted a track. */
  setMuted(id: string, muted: boolean): void {
    const publication = this.#list.find((one) => one.id === id);
    if (publication === undefined) return;
    publication.muted = muted;
    publication.mutedByServer = false;
    publication.track?.setMuted(muted);
  }

  /** The mute state that the client knows of a track; undefined for one that is not its own. */
  isMuted(track: Track): boolean | undefined {
    return this.#list.find((one) => one.track === track)?.muted;
  }

  /** The server has muted a track, or the track is not muted any more. */
  onMutedByServer(track: Track): void {
    const publication = this.#list.find((one) => one.track === track);
    if (publication === undefined) return;
    publication.muted = track.muted;
    publication.mutedByServer = track.muted;
  }

  /** Whether it is a track of the client's, announced or published. */
  has(id: string): boolean {
    return this.#list.some((one) => one.id === id);
  }

  /** The answer to each announcement: of every track, and of each backup that has no section yet. */
  announcements(): { readonly cid: string; readonly info: TrackInfo }[] {
    return this.#list.flatMap((publication) => {
      const { request, backup, track } = publication;
      const info = this.#infoOf(publication);
      const isAwaited = backup !== null && (track?.backup ?? null) === null;
      return [{ cid: request.cid, info }, ...(isAwaited ? [{ cid: backup.cid, info }] : [])];
    });
  }

  get mutedByServer(): TrackId[] {
    return this.#list.flatMap(({ id, mutedByServer }) => (mutedByServer ? [id] : []));
  }

  get videos(): Track[] {
    return this.#list.flatMap(({ track, kind }) => (track !== null && kind === "video" ? [track] : []));
  }

  /** The client has changed the description of a track. */
  describe(id: string, change: Partial<AddTrackRequest>): void {
    const publication = this.#list.find((one) => one.id === id);
    if (publication === undefined) return;
    const changed = new AddTrackRequest({ ...publication.request, ...change });
    if (isTooLarge(changed)) return;
    publication.request = changed;
    const { track, request } = publication;
    if (track === null) return;
    track.note = request;
    track.publisher.tell({ kind: "track.described", track });
  }

  /** At the track limit, old announcements without a section are withdrawn to make room. */
  #mayAnnounce(track: Pick<PublishedSection, "source" | "encryption">): Result<null, PublishRefusal> {
    const { profile, room, trackCount } = this.#participant;
    const pending = this.#list.filter((publication) => publication.track === null);
    const check = (present: number): Result<null, PublishRefusal> =>
      mayPublish(profile.permission, room.options, [track], present);
    const allowed = check(trackCount + pending.length);
    if (allowed.ok || allowed.error !== "too_many_tracks") return allowed;
    const sinceMs = room.clock.monotonicMs() - PLACE_KEPT_MS;
    const late = pending.filter(({ announcedAtMs }) => announcedAtMs < sinceMs);
    for (const publication of late) this.#withdraw(publication);
    return check(trackCount + pending.length - late.length);
  }

  /** Publishes what is announced and has a section in the offer. */
  #claim(): void {
    const transport = this.#transport;
    if (transport === null) return;
    for (const section of this.#sections) {
      const { mid, offered } = section;
      const isTaken = this.#publishedIn(mid) !== undefined || this.#spent.has(mid);
      const claim = this.#matches.get(mid) ?? (isTaken ? undefined : this.#announcedFor(offered));
      // Two sections may have the same id.
      if (claim === undefined || !this.#isOpen(claim)) continue;
      this.#spent.delete(mid);
      const { publication, isBackup } = claim;
      if (isBackup) {
        this.#publishBackup(transport, section, publication);
        continue;
      }
      const published = transport.publish(sectionOf(section, publication), publication.id);
      if (published.ok) this.#follow(publication, published.value);
      // No longer permitted since it was announced.
      else this.#withdraw(publication);
    }
  }

  #withdraw(publication: Publication): void {
    this.#list.splice(this.#list.indexOf(publication), 1);
    this.#host.onWithdrawn(publication.id);
  }

  #follow(publication: Publication, track: Track): void {
    publication.track = track;
    if (publication.muted) track.setMuted(true);
    if (publication.kind !== "video") return;
    track.onDemandChanged(() => this.#host.onDemand(track));
  }

  /** A published or announced video is going to be sent in a second codec as well, under the cid of the request. */
  #announceBackup(request: AddTrackRequest): Result<TrackInfo, AnnounceError> {
    const publication = this.#list.find(({ id, kind }) => id === request.sid && kind === "video");
    if (publication === undefined) return { ok: false, error: "track_not_found" };
    if ((publication.track?.backup ?? null) !== null) return { ok: false, error: "backup_exists" };
    publication.backup = request;
    this.#claim();
    return ok(this.#infoOf(publication));
  }

  #publishBackup(transport: Transport, section: AcceptedMedia, publication: Publication): void {
    const { track, request, backup } = publication;
    if (track === null || backup === null) return;
    const replaces = request.backupCodecPolicy !== BackupCodecPolicy.SIMULCAST;
    transport.publishBackup(track, sectionOf(section, { ...publication, request: backup }), replaces);
  }

  #publishedIn(mid: string): Claim | undefined {
    for (const publication of this.#list) {
      const { track } = publication;
      if (track?.section.mid === mid) return { publication, isBackup: false };
      if (track?.backup?.section.mid === mid) return { publication, isBackup: true };
    }
    return undefined;
  }

  /** By cid; a section without a track id is matched to the first announcement of its kind. */
  #announcedFor(section: MediaSection): Claim | undefined {
    return isNamed(section) ? this.#namedIn(section) : this.#open(section.kind)[0];
  }

  #namedIn({ kind, msid }: MediaSection): Claim | undefined {
    const cid = msid?.trackId ?? "";
    return this.#open(kind).find(({ publication, isBackup }) =>
      cidsOf(isBackup ? publication.backup! : publication.request).includes(cid),
    );
  }

  /** Announcements without a section: tracks, then backups. */
  #open(kind: MediaSection["kind"]): Claim[] {
    const ofKind = this.#list.filter((one) => one.kind === kind);
    const tracks = ofKind.filter(({ track }) => track === null);
    const backups = ofKind.filter(({ track, backup }) => backup !== null && track?.backup === null);
    return [
      ...tracks.map((publication) => ({ publication, isBackup: false })),
      ...backups.map((publication) => ({ publication, isBackup: true })),
    ];
  }

  /** It is announced still, and its section has not come yet. */
  #isOpen({ publication, isBackup }: Claim): boolean {
    const { track } = publication;
    return this.#list.includes(publication) && (isBackup ? track?.backup : track) === null;
  }

  #infoOf(publication: Publication): TrackInfo {
    const { id, request, muted, track } = publication;
    return track === null ? announcedTrackInfo(id, request, muted) : trackInfo(track);
  }
}

const isNamed = ({ msid }: MediaSection): boolean => (msid?.trackId ?? "") !== "";

function isTooLarge(request: AddTrackRequest): boolean {
  return request.toBinary().length > MAX_ANNOUNCEMENT_BYTES;
}

const KINDS: Readonly<Record<TrackSource, readonly MediaKind[]>> = {
  unknown: ["audio", "video"],
  camera: ["video"],
  microphone: ["audio"],
  screen_share: ["video"],
  screen_share_audio: ["audio"],
};

/** Grants go by source: a source that does not fit the track's kind would bypass them. */
function sourceOf({ source }: AddTrackRequest, kind: MediaKind): TrackSource {
  const declared = keyOf(SOURCES, source) ?? "unknown";
  return KINDS[declared].includes(kind) ? declared : "unknown";
}

function cidsOf({ cid, simulcastCodecs }: AddTrackRequest): string[] {
  return [cid, ...simulcastCodecs.map((codec) => codec.cid)].filter((one) => one !== "");
}

function sectionOf(
  { kind, mid, codecs, published }: AcceptedMedia,
  { source, encryption, request }: Publication,
): PublishedSection {
  return {
    kind,
    mid,
    payloads: codecs.map(({ payload }) => payload),
    rids: published?.lowestFirst ?? [],
    ssrcs: published?.ssrcs ?? [],
    source,
    encryption,
    // The trailer of a custom format is unknown.
    ...(encryption === "gcm" && { trailer: "livekit" as const }),
    note: request,
  };
}

function keyOf<Key extends string, Value>(
  table: Readonly<Record<Key, Value>>,
  value: Value,
): Key | undefined {
  return (Object.keys(table) as Key[]).find((key) => table[key] === value);
}
