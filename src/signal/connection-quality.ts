/** Connection quality of each participant of a room, on LiveKit's scale of four, from the media threads' statistics. */
import { ConnectionQuality } from "@livekit/protocol";
import type { DownTrackStats } from "../contract/media.ts";
import type { RoomStats } from "../control/media-threads.ts";
import type { Participant } from "../control/participant.ts";

/** Above the first of two values a connection is no longer excellent, above the second it is poor. */
const LOSS = [0.02, 0.08] as const;
const RTT_US = [300_000, 700_000] as const;

/** Packets of a published track: received, and lost. */
interface Arrivals {
  readonly packets: number;
  readonly lost: number;
}

export class ConnectionQualities {
  #arrivals = new Map<string, Arrivals>();
  #downTracks: ReadonlyMap<string, DownTrackStats> = new Map();

  /** By participant, from the time since the last call. */
  update(participants: readonly Participant[], stats: RoomStats): Map<Participant, ConnectionQuality> {
    const before = this.#arrivals;
    const sentBefore = this.#downTracks;
    const downTracks = new Map(stats.downTracks.map((one) => [one.subscriptionId, one]));
    this.#arrivals = arrivalsOf(stats);
    this.#downTracks = downTracks;
    const qualities = new Map<Participant, ConnectionQuality>();
    for (const participant of participants) {
      const { tracks, subscriptions } = participant;
      const upLoss = Math.max(
        0,
        ...tracks.map(({ id }) => lossSince(before.get(id), this.#arrivals.get(id))),
      );
      const down = subscriptions
        .flatMap(({ section }) => downTracks.get(section.subscriptionId) ?? [])
        // The last report on a track that is paused or has ended stays, and says nothing of the connection now.
        .filter(({ subscriptionId, packets }) => packets > (sentBefore.get(subscriptionId)?.packets ?? 0));
      const loss = Math.max(upLoss, ...down.map(({ fractionLost }) => fractionLost));
      const rttUs = Math.max(0, ...down.map((one) => one.rttUs));
      qualities.set(participant, isCutOff(participant) ? ConnectionQuality.LOST : qualityOf(loss, rttUs));
    }
    return qualities;
  }
}

function qualityOf(loss: number, rttUs: number): ConnectionQuality {
  if (loss > LOSS[1] || rttUs > RTT_US[1]) return ConnectionQuality.POOR;
  return loss > LOSS[0] || rttUs > RTT_US[0] ? ConnectionQuality.GOOD : ConnectionQuality.EXCELLENT;
}

/** Whether it was connected, and nothing arrives from it any more. */
function isCutOff({ transports }: Participant): boolean {
  return [...transports].some(({ state }) => state.kind === "open" && state.connection === "disconnected");
}

function arrivalsOf({ upTracks }: RoomStats): Map<string, Arrivals> {
  return new Map(
    upTracks.map(({ trackId, layers }) => {
      const sum = (count: (layer: (typeof layers)[number]) => number): number =>
        layers.reduce((total, layer) => total + count(layer), 0);
      return [trackId, { packets: sum((layer) => layer.packets), lost: sum((layer) => layer.packetsLost) }];
    }),
  );
}

/** Late packets count as lost until they arrive, so the difference may be negative. */
function lossSince(before: Arrivals = { packets: 0, lost: 0 }, now?: Arrivals): number {
  if (now === undefined) return 0;
  const lost = now.lost - before.lost;
  const expected = now.packets - before.packets + lost;
  return expected > 0 && lost > 0 ? lost / expected : 0;
}
