/**
 * WHIP (RFC 9725) publishes, WHEP (draft-ietf-wish-whep) watches: one offer, one answer, one session. The protocol
 * without HTTP; `http/routes/whip.ts` gives its outcomes their status codes.
 */
import { randomBytes } from "node:crypto";
import type { IceCredentials } from "../contract/media.ts";
import type { Claims, Grants, Permission, TrackSource } from "../control/access-token.ts";
import type { OpenTransportError, Participant } from "../control/participant.ts";
import { mayPublish, type RoomRules } from "../control/publishing.ts";
import { fail, ok, type Result } from "../control/result.ts";
import type { JoinError, Rooms } from "../control/rooms.ts";
import type { TrackEncryption } from "../control/track.ts";
import type { AddSlotError, PublishError, Transport } from "../control/transport.ts";
import { parseFragment, writeFragment } from "../sdp/ice-fragment.ts";
import { type AcceptedMedia, type NegotiationOutcome, negotiate } from "../sdp/negotiate.ts";
import { parseDescription } from "../sdp/parse.ts";
import type { Flow } from "../sdp/rtp-extensions.ts";
import { writeAnswer } from "../sdp/write-answer.ts";
import type { Sender } from "../sdp/write-section.ts";

/** The source that a publisher declares, which WHIP itself does not cover. */
export const WHIP_SOURCES = ["camera", "screen_share"] as const;
export type WhipSource = (typeof WHIP_SOURCES)[number];

export interface PublishOptions {
  readonly source: WhipSource;
  /** What the publisher declares of its frames; it is not verified here. */
  readonly encryption: TrackEncryption;
}

export interface OpenedSession {
  /** 128 random bits; requests also need a token of the same participant. */
  readonly sessionId: string;
  readonly answer: string;
  readonly etag: string;
}

/** `fragment` has the server's new credentials; `etag` identifies the new ICE session. */
export interface RestartedIce {
  readonly fragment: string;
  readonly etag: string;
}

/** The body cannot be parsed, or cannot be answered; `detail` is for the client's developer. */
export interface Refused {
  readonly ok: false;
  readonly error: "bad_request" | "unacceptable_session";
  readonly detail: string;
}

export type OpenError = JoinError | PublishError | AddSlotError | OpenTransportError;

export type PatchError = "session_not_found" | "precondition_required" | "precondition_failed";

/** The participant that requests a session. */
interface Applicant {
  readonly permission: Permission;
  /** Null when it is not in the room, or is only forwarded there. */
  readonly participant: Participant | null;
  readonly rules: RoomRules;
}

/** What a session is for. */
interface Purpose {
  readonly flow: Flow;
  /** Whether `connect` would do it. Changes nothing. */
  check(applicant: Applicant, sections: readonly AcceptedMedia[]): Result<null, OpenError>;
  /** Publishes or subscribes the negotiated sections, and returns what we send in them. */
  connect(
    transport: Transport,
    sections: readonly AcceptedMedia[],
  ): Result<ReadonlyMap<string, Sender>, OpenError>;
}

interface Session {
  readonly transport: Transport;
  /** The room in the tokens that may use the session. Its participant may have been moved to another since. */
  readonly room: string;
  readonly outcome: NegotiationOutcome;
  remoteIce: IceCredentials;
  /** Counts ICE sessions: the first, and one for each restart (RFC 9725 §4.3.1). */
  iceGeneration: number;
}

const SOURCES: Readonly<Record<WhipSource, { audio: TrackSource; video: TrackSource }>> = {
  camera: { audio: "microphone", video: "camera" },
  screen_share: { audio: "screen_share_audio", video: "screen_share" },
};

/** In quotes it is an ordinary entity tag (RFC 9110 §13.1.1), but RFC 9725's example of an ICE restart has it so. */
const ANY_SESSION = ["*", '"*"'];

const SESSION_ID_BYTES = 16;
/** `o=` takes 63 bits (RFC 9429 §5.2.1); a JavaScript number holds 53 exactly. */
const SDP_SESSION_ID_BYTES = 6;

export class WhipSessions {
  readonly #rooms: Rooms;
  readonly #sessions = new Map<string, Session>();

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /**
   * Replaces a session of the same participant with the same source, since its client has restarted. That session goes
   * on if the new one is refused.
   */
  publish(
    room: string,
    claims: Claims,
    offer: string,
    { source, encryption }: PublishOptions,
  ): Result<OpenedSession, OpenError> | Refused {
    const sources = SOURCES[source];
    return this.#open(room, claims, offer, {
      flow: "up",
      check: ({ permission, participant, rules }, sections) => {
        const replaced = participant === null ? [] : this.#publishersOf(participant, Object.values(sources));
        const ended = replaced.reduce((sum, { trackCount }) => sum + trackCount, 0);
        const tracks = sections.map(({ kind }) => ({ source: sources[kind], encryption }));
        return mayPublish(permission, rules, tracks, (participant?.trackCount ?? 0) - ended);
      },
      connect: (transport, sections) => {
        for (const older of this.#publishersOf(transport.participant, Object.values(sources))) {
          older.close("replaced");
        }
        for (const { kind, mid, codecs, published } of sections) {
          const track = transport.publish({
            kind,
            mid,
            payloads: codecs.map(({ payload }) => payload),
            rids: published?.lowestFirst ?? [],
            isOrderGuessed: published?.isOrderGuessed ?? false,
            ssrcs: published?.ssrcs ?? [],
            source: sources[kind],
            encryption,
          });
          if (!track.ok) return track;
        }
        return ok(new Map());
      },
    });
  }

  /** Subscribes to all tracks of `identity`, or of everyone else in the room, as far as the offer has sections. */
  watch(
    room: string,
    claims: Claims,
    offer: string,
    target: { readonly identity?: string },
  ): Result<OpenedSession, OpenError> | Refused {
    return this.#open(room, claims, offer, {
      flow: "down",
      check: ({ permission }) => (permission.canSubscribe ? ok(null) : fail("forbidden")),
      connect: (transport, sections) => {
        const watched = transport.watch(target);
        if (!watched.ok) return watched;
        const slots = transport.addSlots(
          sections.map(({ kind, mid, codecs }) => ({
            kind,
            mid,
            payloads: codecs.map(({ payload }) => payload),
          })),
        );
        if (!slots.ok) return slots;
        const senders = slots.value.map(({ section }): [string, Sender] => {
          const { mid, ssrc, rtxSsrc, cname, subscriptionId } = section;
          // One stream for each CNAME, so that a browser synchronises audio and video of one participant.
          return [mid, { ssrc, rtxSsrc, cname, msid: { streamId: cname, trackId: subscriptionId } }];
        });
        return ok(new Map(senders));
      },
    });
  }

  /**
   * A trickled candidate or an ICE restart (RFC 9725 §4.3). `ifMatch` is the header's value: the session's ETag, or `*`
   * for a restart, which matches any ETag. Returns null for a trickled candidate, which has no answer.
   */
  patch(
    sessionId: string,
    claims: Claims,
    ifMatch: string | undefined,
    body: string,
  ): Result<RestartedIce | null, PatchError> | Refused {
    const session = this.#sessionOf(sessionId, claims);
    if (session === undefined) return fail("session_not_found");
    if (ifMatch === undefined) return fail("precondition_required");
    const good = [...ANY_SESSION, etagOf(session)];
    if (!ifMatch.split(",").some((tag) => good.includes(tag.trim()))) return fail("precondition_failed");
    const parsed = parseFragment(body);
    if (!parsed.ok) return refuse("bad_request", parsed.error);
    if (parsed.ice === null || isSame(parsed.ice, session.remoteIce)) return ok(null);
    session.remoteIce = parsed.ice;
    session.iceGeneration += 1;
    const { transport, outcome } = session;
    const fragment = writeFragment(transport.restartIce(parsed.ice), transport.server.candidates, outcome);
    return ok({ fragment, etag: etagOf(session) });
  }

  /** Whether there is such a session for this client. */
  find(sessionId: string, claims: Claims): Result<null, "session_not_found"> {
    return this.#sessionOf(sessionId, claims) === undefined ? fail("session_not_found") : ok(null);
  }

  end(sessionId: string, claims: Claims): Result<null, "session_not_found"> {
    const session = this.#sessionOf(sessionId, claims);
    if (session === undefined) return fail("session_not_found");
    session.transport.close();
    return ok(null);
  }

  #open(
    room: string,
    claims: Claims,
    offer: string,
    purpose: Purpose,
  ): Result<OpenedSession, OpenError> | Refused {
    const parsed = parseDescription(offer);
    if (!parsed.ok) return refuse("bad_request", parsed.error);
    const negotiation = negotiate(parsed.description, { useOf: () => purpose.flow, data: false });
    if (!negotiation.ok) return refuse("unacceptable_session", negotiation.error);
    const allowed = this.#check(room, claims, purpose, negotiation.outcome.media);
    if (!allowed.ok) return allowed;
    const isNew = this.#rooms.get(room)?.participant(claims.identity) === undefined;
    const joined = this.#rooms.join(room, claims);
    if (!joined.ok) return joined;
    const opened = this.#openFor(joined.value, claims.grants, negotiation.outcome, purpose);
    // After a failed session, a participant that joined for it does not stay in the room.
    if (!opened.ok && isNew) joined.value.leave("client_left");
    return opened;
  }

  /**
   * Checks in advance, as far as possible, whether a session will open. A join ends the forwarding of its identity, and
   * its token's claims replace the profile: a request that is refused must not have joined.
   */
  #check(
    name: string,
    claims: Claims,
    purpose: Purpose,
    sections: readonly AcceptedMedia[],
  ): Result<null, OpenError> {
    const refusal = this.#rooms.knock(name, claims);
    if (refusal !== null) return fail(refusal);
    const room = this.#rooms.get(name);
    const present = room?.participant(claims.identity);
    const participant = present?.source === null ? present : null;
    const hasPlace = participant?.mayOpenTransport() ?? room?.mayOpenTransport() ?? ok(null);
    if (!hasPlace.ok) return hasPlace;
    const permission = participant?.changedPermission ?? claims.grants;
    return purpose.check({ permission, participant, rules: this.#rooms.rulesOf(name) }, sections);
  }

  #openFor(
    participant: Participant,
    grants: Grants,
    outcome: NegotiationOutcome,
    purpose: Purpose,
  ): Result<OpenedSession, OpenError> {
    const opened = participant.openTransport(grants, outcome.transport);
    if (!opened.ok) return opened;
    const transport = opened.value;
    const senders = purpose.connect(transport, outcome.media);
    if (!senders.ok) {
      transport.close();
      return senders;
    }
    return ok(this.#register(transport, outcome, senders.value));
  }

  #register(
    transport: Transport,
    outcome: NegotiationOutcome,
    senders: ReadonlyMap<string, Sender>,
  ): OpenedSession {
    const sessionId = randomBytes(SESSION_ID_BYTES).toString("base64url");
    const { remoteIce } = outcome.transport;
    const room = transport.participant.room.id;
    const session: Session = { transport, room, outcome, remoteIce, iceGeneration: 1 };
    this.#sessions.set(sessionId, session);
    transport.onClosed(() => this.#sessions.delete(sessionId));
    const answer = writeAnswer({
      sessionId: randomBytes(SDP_SESSION_ID_BYTES).readUIntBE(0, SDP_SESSION_ID_BYTES),
      version: 1,
      local: { ice: transport.localIce, ...transport.server },
      outcome,
      senders,
    });
    return { sessionId, answer, etag: etagOf(session) };
  }

  /**
   * The participant's WHIP transports that publish one of `sources`. Not those of a LiveKit client with the same
   * identity, which would not learn that its connection is closed.
   */
  #publishersOf(participant: Participant, sources: readonly TrackSource[]): Transport[] {
    const ours = new Set([...this.#sessions.values()].map(({ transport }) => transport));
    return [...participant.transports].filter(
      (transport) =>
        ours.has(transport) && [...transport.tracks].some(({ section }) => sources.includes(section.source)),
    );
  }

  /** A session belongs to the participant that opened it; for anyone else it does not exist. */
  #sessionOf(sessionId: string, { identity, grants }: Claims): Session | undefined {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return undefined;
    const { transport, room } = session;
    return transport.participant.identity === identity && room === grants.room ? session : undefined;
  }
}

/** A strong entity tag (RFC 9110 §8.8.3): each session has its own URL, so a count is unique. */
const etagOf = ({ iceGeneration }: Session): string => `"${iceGeneration}"`;

const isSame = (one: IceCredentials, other: IceCredentials): boolean =>
  one.ufrag === other.ufrag && one.pwd === other.pwd;

const refuse = (error: Refused["error"], detail: string): Refused => ({ ok: false, error, detail });
