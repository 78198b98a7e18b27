/** Requests of clients about subscriptions: tracks, settings, and who may subscribe to their own tracks. */
import {
  SubscriptionError,
  type SubscriptionPermission,
  type UpdateDataSubscription,
  type UpdateSubscription,
  type UpdateTrackSettings,
} from "@livekit/protocol";
import type { TrackId } from "../base/ids.ts";
import type { Audience } from "../control/audience.ts";
import type { Track } from "../control/track.ts";
import type { ClientSession } from "./client-session.ts";

/**
 * How many missing tracks of one message are answered. Larger: one message causes more answers. Smaller: a client waits
 * for some that have just ended.
 */
const MAX_NOT_FOUND = 256;

export function updateSubscription(session: ClientSession, update: UpdateSubscription): void {
  const { participant } = session;
  const present = new Map<string, Track>(participant.room.tracks().map((track) => [track.id, track]));
  const sids = [...update.trackSids, ...update.participantTracks.flatMap(({ trackSids }) => trackSids)];
  const missing = update.subscribe ? sids.filter((sid) => !present.has(sid)) : [];
  for (const trackSid of missing.slice(0, MAX_NOT_FOUND)) {
    session.onNotSubscribed(trackSid, SubscriptionError.SE_TRACK_NOTFOUND);
  }
  const tracks = sids.flatMap((sid) => present.get(sid) ?? []);
  if (tracks.length > 0) participant.setReceives(tracks, update.subscribe);
}

/** Settings of tracks that do not exist are ignored. */
export function setTrackSettings(
  session: ClientSession,
  sids: readonly string[],
  settings: UpdateTrackSettings,
): void {
  const named = new Set(sids);
  for (const track of session.participant.room.tracks()) {
    if (named.has(track.id)) session.setTrackSettings(track.id, settings);
  }
}

export function setAudience(
  { participant }: ClientSession,
  { allParticipants, trackPermissions }: SubscriptionPermission,
): void {
  if (allParticipants) {
    if (participant.audience !== "everybody") participant.setAudience("everybody");
    return;
  }
  const audience = new Map<string, "all" | ReadonlySet<TrackId>>();
  const bySid = new Map<string, string>(
    participant.room.participants.map(({ id, identity }) => [id, identity]),
  );
  for (const { participantIdentity, participantSid, allTracks, trackSids } of trackPermissions) {
    const identity = participantIdentity || bySid.get(participantSid);
    if (identity !== undefined) audience.set(identity, allTracks ? "all" : new Set(trackSids as TrackId[]));
  }
  participant.setAudience(audience satisfies Audience);
}

export function updateDataSubscription(session: ClientSession, { updates }: UpdateDataSubscription): void {
  session.data.setReceives(new Map(updates.map(({ trackSid, subscribe }) => [trackSid, subscribe])));
  session.send({ case: "dataTrackSubscriberHandles", value: session.data.tracks.handles() });
}
