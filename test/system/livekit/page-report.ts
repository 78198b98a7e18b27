/** Runs in the browser: what a page's client of LiveKit's web SDK knows of its room, in a form that tests can read. */
import type * as LiveKit from "livekit-client";

/** What is known of one remote track. */
export interface TrackReport {
  readonly identity: string;
  readonly sid: string;
  readonly kind: string;
  readonly source: string;
  readonly subscribed: boolean;
  readonly muted: boolean;
  readonly encrypted: boolean;
  readonly streamState: string;
  /** Of the stream that the counts are of: another stream has counts of its own. 0 before the first packet. */
  readonly ssrc: number;
  readonly framesDecoded: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly audioEnergy: number;
}

export interface RoomReport {
  readonly state: string;
  readonly sid: string;
  readonly remotes: readonly string[];
  readonly tracks: readonly TrackReport[];
  /** Of each video that is published, its source and the encodings that are on: `camera q h f`, or `only` one. */
  readonly sends: readonly string[];
  readonly mayPublish: boolean;
  /** Of each participant, by identity: name, metadata and attributes, and how well it is connected. */
  readonly people: Readonly<Record<string, string>>;
  readonly qualities: Readonly<Record<string, string>>;
  readonly metadata: string;
}

export async function reportOf(room: LiveKit.Room): Promise<RoomReport> {
  const tracks: TrackReport[] = [];
  for (const participant of room.remoteParticipants.values()) {
    for (const publication of participant.trackPublications.values()) {
      tracks.push(await trackReportOf(participant.identity, publication as LiveKit.RemoteTrackPublication));
    }
  }
  return {
    state: room.state,
    sid: room.localParticipant.sid,
    remotes: [...room.remoteParticipants.keys()],
    tracks,
    sends: sendsOf(room),
    mayPublish: room.localParticipant.permissions?.canPublish ?? false,
    ...peopleOf(room),
    metadata: room.metadata ?? "",
  };
}

function sendsOf({ localParticipant }: LiveKit.Room): string[] {
  return [...localParticipant.videoTrackPublications.values()].map(({ source, videoTrack }) => {
    const { encodings = [] } = videoTrack?.sender?.getParameters() ?? {};
    return [source, ...encodings.filter(({ active }) => active).map(({ rid }) => rid || "only")].join(" ");
  });
}

function peopleOf(room: LiveKit.Room): Pick<RoomReport, "people" | "qualities"> {
  const people: Record<string, string> = {};
  const qualities: Record<string, string> = {};
  for (const one of [room.localParticipant, ...room.remoteParticipants.values()]) {
    people[one.identity] = `${one.name} ${one.metadata} ${JSON.stringify(one.attributes)}`;
    qualities[one.identity] = one.connectionQuality;
  }
  return { people, qualities };
}

async function trackReportOf(
  identity: string,
  publication: LiveKit.RemoteTrackPublication,
): Promise<TrackReport> {
  let ssrc = 0;
  let framesDecoded = 0;
  let frameWidth = 0;
  let frameHeight = 0;
  let audioEnergy = 0;
  const stats = await publication.track?.getRTCStatsReport();
  stats?.forEach((entry) => {
    if (entry.type !== "inbound-rtp") return;
    ssrc = entry.ssrc;
    framesDecoded = entry.framesDecoded ?? 0;
    frameWidth = entry.frameWidth ?? 0;
    frameHeight = entry.frameHeight ?? 0;
    audioEnergy = entry.totalAudioEnergy ?? 0;
  });
  return {
    identity,
    sid: publication.trackSid,
    kind: publication.kind,
    source: publication.source,
    subscribed: publication.isSubscribed,
    muted: publication.isMuted,
    encrypted: publication.isEncrypted,
    streamState: publication.track?.streamState ?? "",
    ssrc,
    framesDecoded,
    frameWidth,
    frameHeight,
    audioEnergy,
  };
}
