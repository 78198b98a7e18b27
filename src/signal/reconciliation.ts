/**
 * After a resume: compares the client's state (`SyncState`) with ours, which may have changed meanwhile.
 *
 * A message may be lost although the connection seemed good, so states are compared instead of messages counted. The
 * client's descriptions are not needed, since there is a new offer by either side; nor are its data sequence numbers,
 * since the SCTP association outlives the signal connection.
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

/** Tracks that are looked up in each list. Larger: one message makes more work. Smaller: some stay out of sync. */
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

/** Notifies the client of tracks that have ended, and repeats answers about tracks that it does not know. */
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
