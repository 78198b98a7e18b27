/**
 * Goal: a participant's quality is that of what it sends and receives now; and in a large room it costs each no more than a
 * look at what it receives itself.
 * Method: measurements are made up; looks at them are counted, not timed.
 */
import { ConnectionQuality } from "@livekit/protocol";
import { expect, test } from "vitest";
import type { DownTrackStats } from "../../src/contract/media.ts";
import { ConnectionQualities } from "../../src/signal/connection-quality.ts";
import { conference, connect, must, OPUS } from "../control/conference.ts";

const PARTICIPANTS = 50;

test("what a track that has stopped was reported last says nothing any more", () => {
  const hall = conference({ maxParticipants: 1 });
  const transport = connect(hall.rooms, "ada");
  must(transport.addSlot({ kind: "audio", mid: "0", payloads: [OPUS] }));
  const room = hall.rooms.get("hall")!;
  const [ada] = room.participants;
  const [{ section }] = room.subscriptions() as [ReturnType<typeof room.subscriptions>[number]];
  const qualities = new ConnectionQualities();
  const after = (packets: number): ConnectionQuality | undefined => {
    const lossy = { subscriptionId: section.subscriptionId, packets, fractionLost: 0.5, rttUs: 900_000 };
    const stats = { upTracks: [], downTracks: [lossy as DownTrackStats], transports: [] };
    return qualities.update(room.participants, stats).get(ada!);
  };
  expect(after(10)).toBe(ConnectionQuality.POOR);
  expect(after(20)).toBe(ConnectionQuality.POOR);
  expect(after(20)).toBe(ConnectionQuality.EXCELLENT);
  expect(after(21)).toBe(ConnectionQuality.POOR);
});

test("each measurement is looked at a few times, however many there are of others", () => {
  const hall = conference({ maxParticipants: PARTICIPANTS });
  const transports = Array.from({ length: PARTICIPANTS }, (_, n) => connect(hall.rooms, `p${n}`));
  for (const transport of transports)
    for (let n = 0; n < 10; n++) must(transport.addSlot({ kind: "audio", mid: `${n}`, payloads: [OPUS] }));
  const room = hall.rooms.get("hall")!;
  let looks = 0;
  const downTracks = room.subscriptions().map(
    ({ section: { subscriptionId } }) =>
      ({
        get subscriptionId() {
          looks += 1;
          return subscriptionId;
        },
        packets: 1,
        fractionLost: 0,
        rttUs: 0,
      }) as DownTrackStats,
  );
  new ConnectionQualities().update(room.participants, { upTracks: [], downTracks, transports: [] });
  expect(looks).toBeLessThan(3 * downTracks.length);
});
