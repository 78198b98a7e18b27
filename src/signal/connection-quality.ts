/** How well each participant of a room is connected, in LiveKit's four words, from what the media threads measure. */
import { ConnectionQuality } from "@livekit/protocol";
import type { RoomStats } from "../control/media-threads.ts";
import type { Participant } from "../control/participant.ts";

/** Beyond the first of two values a connection is no longer excellent, beyond the second it is poor. */
const LOSS = [0.02, 0.08] as const;
const RTT_US = [300_000, 700_000] as const;

/** Packets of a published track: how many came, and how many did not. */
interface Arrivals {
  readonly packets: number;
  readonly lost: number;
}

export class ConnectionQualities {
  #arrivals = new Map<string, Arrivals>();

  /** By participant, from what has happened since the last call. */
  update(participants: readonly Participant[], stats: RoomStats): Map<Participant, ConnectionQuality> {
    const before = this.#arrivals;
    this.#arrivals = arrivalsOf(stats);
    const downTracks = new Map(stats.downTracks.map((one) => [one.subscriptionId, one]));
    const qualities = new Map<Participant, ConnectionQuality>();
    for (const participant of participants) {
      const { tracks, subscriptions } = participant;
      const upLoss = Math.max(
        0,
        ...tracks.map(({ id }) => lossSince(before.get(id), this.#arrivals.get(id))),
      );
      const down = subscriptions
        .flatMap(({ section }) => downTracks.get(section.subscriptionId) ?? [])
        .filter(({ packets }) => packets > 0);
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

/** It was connected, and its path has fallen silent. */
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

/** Packets that come late count as lost first and are taken back later, so a difference may be negative. */
function lossSince(before: Arrivals = { packets: 0, lost: 0 }, now?: Arrivals): number {
  if (now === undefined) return 0;
  const lost = now.lost - before.lost;
  const expected = now.packets - before.packets + lost;
  return expected > 0 && lost > 0 ? lost / expected : 0;
}
