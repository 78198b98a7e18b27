/**
 * What a client publishes: what it has announced by `add_track`, and in which media section that comes.
 *
 *     add_track ──▶ announced ──┐
 *                               ├─ same cid ─▶ published ── section silent, or ended by us ─▶ gone
 *     offer ──────▶ unclaimed ──┘
 *
 * The two come in either order. A cid is the id of the client's MediaStreamTrack, and in most browsers the second word of
 * its `a=msid`. Firefox makes up another for that: a section that comes under a name of nobody is the first of its kind
 * that was announced before it.
 */
import { AddTrackRequest, Encryption_Type, type TrackInfo, TrackType } from "@livekit/protocol";
import type { CodecName, MediaKind } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";
import type { TrackSource } from "../control/access-token.ts";
import type { Participant } from "../control/participant.ts";
import { mayPublish, type PublishRefusal } from "../control/publishing.ts";
import { randomId } from "../control/random.ts";
import { ok, type Result } from "../control/result.ts";
import type { PublishedSection, Track, TrackEncryption } from "../control/track.ts";
import type { Transport } from "../control/transport.ts";
import { announcedTrackInfo, ENCRYPTIONS, SOURCES, TYPES, trackInfo } from "../livekit/track-info.ts";
import type { AcceptedMedia } from "../sdp/negotiate.ts";
import type { CodecPreference } from "../sdp/negotiate-media.ts";
import type { MediaSection } from "../sdp/session-description.ts";

interface Publication {
  readonly id: TrackId;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly encryption: TrackEncryption;
  request: AddTrackRequest;
  muted: boolean;
  /** Null until its section has come. */
  track: Track | null;
}

export type AnnounceError = PublishRefusal | "unsupported_type";

export class Publications {
  readonly #participant: Participant;
  readonly #onWanted: (track: Track, wanted: number) => void;
  readonly #list: Publication[] = [];
  /** Where the client sends, and the sections on which it does so, as last offered. */
  #transport: Transport | null = null;
  #sections: readonly AcceptedMedia[] = [];
  /** What the sections of the offer that is being answered are, by MID, as far as they are not published yet. */
  #matches: ReadonlyMap<string, Publication> = new Map();
  /** MIDs whose track has ended while the client still sends there: nothing else may be taken for it. */
  readonly #spent = new Set<string>();

  /** `onWanted`: the highest spatial layer of a video that anybody wants has changed; -1 for none. */
  constructor(participant: Participant, onWanted: (track: Track, wanted: number) => void) {
    this.#participant = participant;
    this.#onWanted = onWanted;
  }

  /** A track is going to be published. */
  announce(request: AddTrackRequest): Result<TrackInfo, AnnounceError> {
    const kind = keyOf(TYPES, request.type);
    if (kind === undefined) return { ok: false, error: "unsupported_type" };
    const source = keyOf(SOURCES, request.source) ?? "unknown";
    const encryption = keyOf(ENCRYPTIONS, request.encryption) ?? "none";
    const { profile, room, trackCount } = this.#participant;
    const pending = this.#list.filter(({ track }) => track === null).length;
    const allowed = mayPublish(
      profile.permission,
      room.options,
      [{ source, encryption }],
      trackCount + pending,
    );
    if (!allowed.ok) return allowed;
    const publication: Publication = {
      id: randomId<TrackId>("TR"),
      kind,
      source,
      encryption,
      request,
      muted: request.muted,
      track: null,
    };
    this.#list.push(publication);
    this.#claim();
    return ok(this.#infoOf(publication));
  }

  /** An offer has come, in which the client sends on these sections; `onOffer` follows when it has been negotiated. */
  match(sections: readonly MediaSection[]): void {
    const known = new Set(this.#sections.map(({ mid }) => mid));
    const matches = new Map<string, Publication>();
    const open = sections.filter(({ mid }) => this.#publishedIn(mid) === undefined && !this.#spent.has(mid));
    for (const section of open) {
      const named = this.#announcedFor(section);
      if (named !== undefined) matches.set(section.mid, named);
    }
    // What was there before may be what was refused: it is not taken for what was announced since.
    for (const { mid, kind } of open.filter(
      (section) => !matches.has(section.mid) && !known.has(section.mid),
    )) {
      const taken = new Set(matches.values());
      const next = this.#list.find((one) => one.track === null && one.kind === kind && !taken.has(one));
      if (next !== undefined) matches.set(mid, next);
    }
    this.#matches = matches;
  }

  /** What is to be answered to a section on which the client sends. */
  preferenceFor(section: MediaSection): CodecPreference | undefined {
    const request = (this.#publishedIn(section.mid) ?? this.#matches.get(section.mid))?.request;
    if (request === undefined) return undefined;
    const { stereo, disableDtx, disableRed, encryption, simulcastCodecs, type } = request;
    // Redundancy is taken apart for those who do not know it, which is impossible where it is encrypted.
    const isRed = type === TrackType.AUDIO && !disableRed && encryption === Encryption_Type.NONE;
    const codec = isRed ? "red" : codecNamed(simulcastCodecs[0]?.codec ?? "");
    return { ...(codec !== undefined && { codec }), opus: { stereo, dtx: !disableDtx } };
  }

  /** An offer has come: `sections` are all on which the client sends now. */
  onOffer(transport: Transport, sections: readonly AcceptedMedia[]): void {
    this.#transport = transport;
    this.#sections = sections;
    const mids = new Set(sections.map(({ mid }) => mid));
    for (const { track } of [...this.#list]) {
      if (track !== null && !mids.has(track.section.mid)) transport.unpublish(track);
    }
    for (const mid of this.#spent) if (!mids.has(mid)) this.#spent.delete(mid);
    this.#claim();
    this.#matches = new Map();
  }

  /** A track has ended, by the client's wish or against it. */
  onEnded(track: Track): void {
    const at = this.#list.findIndex((publication) => publication.track === track);
    if (at === -1) return;
    this.#list.splice(at, 1);
    const { mid } = track.section;
    if (this.#sections.some((section) => section.mid === mid)) this.#spent.add(mid);
  }

  /** The client says that it has muted a track, or not any more. */
  setMuted(id: string, muted: boolean): void {
    const publication = this.#list.find((one) => one.id === id);
    if (publication === undefined) return;
    publication.muted = muted;
    publication.track?.setMuted(muted);
  }

  /** What the client last said or was told of a track; undefined for one that is not its own. */
  isMuted(track: Track): boolean | undefined {
    return this.#list.find((one) => one.track === track)?.muted;
  }

  /** The client was told to mute. */
  onMutedByServer(track: Track): void {
    const publication = this.#list.find((one) => one.track === track);
    if (publication !== undefined) publication.muted = track.muted;
  }

  /** The client has changed something about a track that others want to know. */
  describe(id: string, change: Partial<AddTrackRequest>): void {
    const publication = this.#list.find((one) => one.id === id);
    if (publication === undefined) return;
    publication.request = new AddTrackRequest({ ...publication.request, ...change });
    const { track, request } = publication;
    if (track === null) return;
    track.note = request;
    track.publisher.tell({ kind: "track.described", track });
  }

  /** Publishes what is announced and has a section. */
  #claim(): void {
    const transport = this.#transport;
    if (transport === null) return;
    for (const section of this.#sections) {
      if (this.#publishedIn(section.mid) !== undefined || this.#spent.has(section.mid)) continue;
      const publication = this.#matches.get(section.mid) ?? this.#announcedFor(section.offered);
      if (publication === undefined) continue;
      const published = transport.publish(sectionOf(section, publication), publication.id);
      if (published.ok) this.#follow(publication, published.value);
      // What has become forbidden since it was announced will not come any more.
      else this.#list.splice(this.#list.indexOf(publication), 1);
    }
  }

  #follow(publication: Publication, track: Track): void {
    publication.track = track;
    if (publication.muted) track.setMuted(true);
    if (publication.kind !== "video") return;
    track.onWantedChanged((wanted) => {
      if (wanted !== null) this.#onWanted(track, wanted);
    });
  }

  #publishedIn(mid: string): Publication | undefined {
    return this.#list.find(({ track }) => track?.section.mid === mid);
  }

  /** By cid; a section that names no track can only mean the first of its kind. */
  #announcedFor({ kind, msid }: MediaSection): Publication | undefined {
    const announced = this.#list.filter((one) => one.track === null && one.kind === kind);
    const cid = msid?.trackId ?? "";
    return cid === "" ? announced[0] : announced.find(({ request }) => cidsOf(request).includes(cid));
  }

  #infoOf(publication: Publication): TrackInfo {
    const { id, request, muted, track } = publication;
    return track === null ? announcedTrackInfo(id, request, muted) : trackInfo(track);
  }
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
    // A format of the client's own could end in any way.
    ...(encryption === "gcm" && { trailer: "livekit" as const }),
    note: request,
  };
}

const CODECS: readonly CodecName[] = ["opus", "VP8", "VP9", "H264", "AV1"];

/** `vp9` and `video/VP9` are the same. */
function codecNamed(text: string): CodecName | undefined {
  const name = text.slice(text.lastIndexOf("/") + 1).toLowerCase();
  return CODECS.find((codec) => codec.toLowerCase() === name);
}

function keyOf<Key extends string, Value>(
  table: Readonly<Record<Key, Value>>,
  value: Value,
): Key | undefined {
  return (Object.keys(table) as Key[]).find((key) => table[key] === value);
}
