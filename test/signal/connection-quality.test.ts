/**
 * Goal: in a large room it costs each participant no more than a look at what it receives itself to know how well it does.
 * Method: looks at measurements are counted, not timed.
 */
import { expect, test } from "vitest";
import type { DownTrackStats } from "../../src/contract/media.ts";
import { ConnectionQualities } from "../../src/signal/connection-quality.ts";
import { conference, connect, must, OPUS } from "../control/conference.ts";

const PARTICIPANTS = 50;

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
