/**
 * After a resume: what the client takes for true (`SyncState`), and what has become of it while nothing could be told.
 *
 * A message may be lost although the connection was thought to be good, so states are compared and not messages counted.
 * The client's descriptions are not needed: it offers anew, or is offered. Neither is how far it has got in data packets,
 * since the association that carries them outlives the signal connection.
 */
import {
  PublishDataTrackResponse,
  type SyncState,
  TrackUnpublishedResponse,
  UnpublishDataTrackResponse,
  UpdateTrackSettings,
} from "@livekit/protocol";
import type { ClientSession } from "./client-session.ts";
import { setTrackSettings, updateDataSubscription, updateSubscription } from "./subscription-requests.ts";
import { defaultSettings } from "./track-settings.ts";

/** Tracks that are looked up of each list. Larger: one message makes more work. Smaller: some stay unknown. */
const MAX_TRACKS = 256;

export function reconcile(session: ClientSession, sync: SyncState): void {
  const { subscription, trackSidsDisabled, dataSubscription } = sync;
  if (subscription !== undefined && subscription.trackSids.length > 0)
    updateSubscription(session, subscription);
  const settings = new UpdateTrackSettings({ ...defaultSettings(), disabled: true });
  setTrackSettings(session, trackSidsDisabled, settings);
  reconcileTracks(session, sync);
  reconcileDataTracks(session, sync);
  if (dataSubscription !== undefined) updateDataSubscription(session, dataSubscription);
  session.retell();
}

/** Tracks that have ended are told so; of those that the client does not know, the answer was lost. */
function reconcileTracks(session: ClientSession, { publishTracks }: SyncState): void {
  const { publications } = session;
  const known = new Set(publishTracks.slice(0, MAX_TRACKS).map(({ track }) => track?.sid ?? ""));
  for (const trackSid of known) {
    if (trackSid === "" || publications.has(trackSid)) continue;
    session.send({ case: "trackUnpublished", value: new TrackUnpublishedResponse({ trackSid }) });
  }
  for (const { cid, info } of publications.announcements()) {
    if (!known.has(info.sid)) session.onAnnounced(cid, info);
  }
}

function reconcileDataTracks(session: ClientSession, { publishDataTracks }: SyncState): void {
  const published = session.data.tracks.published();
  const known = publishDataTracks.slice(0, MAX_TRACKS).flatMap(({ info }) => info ?? []);
  for (const info of known) {
    if (published.some(({ sid }) => sid === info.sid)) continue;
    const value = new UnpublishDataTrackResponse({ info });
    session.send({ case: "unpublishDataTrackResponse", value });
  }
  for (const info of published) {
    if (known.some(({ sid }) => sid === info.sid)) continue;
    session.send({ case: "publishDataTrackResponse", value: new PublishDataTrackResponse({ info }) });
  }
}
