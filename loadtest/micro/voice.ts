/**
 * The cost of speech detection, per audio packet, compared with copying that packet once:
 * node loadtest/micro/voice.ts
 *
 * `unlimited` processes the level; `held` also looks for a place among N that are all taken by active speakers, the
 * longest path. The comparison of a hundred voices, ten times a second, is spread over their packets. Bodies take turns
 * within each round; each number is the median of the rounds' CPU time. Compare the ratios.
 */

import { createSharedCounters } from "../../src/base/counters.ts";
import type { ParticipantId, RoomId, TrackId } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import { EXTENSION, ExtensionMap } from "../../src/rtp/header-extensions.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { RoomVoices } from "../../src/sfu/room-voices.ts";
import { UpPacket } from "../../src/sfu/up-packet.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import type { Voice } from "../../src/sfu/voice.ts";
import { compareWithCopy } from "./compare.ts";

const PACKETS = 1_000_000;
const AUDIO_BYTES = 120;
const PEOPLE = 100;
const PACKET_US = 20_000;
const TICK_US = 10_000;

function room(limit: number): { readonly voices: RoomVoices; readonly people: readonly Voice[] } {
  const context = createCoreContext(new TransmitRing(1), createSharedCounters());
  const voices = new RoomVoices("room" as RoomId, context);
  voices.loudest.setLimit(limit);
  const people = Array.from({ length: PEOPLE }, (_, i) => {
    const ids = { trackId: `TR_${i}` as TrackId, publisher: `PA_${i}` as ParticipantId };
    const params = {
      ...ids,
      kind: "audio",
      content: "voice",
      mid: "0",
      payloads: [],
      rids: [],
      ssrcs: [],
    } as const;
    return voices.add(new UpTrack(params, new ExtensionMap({})), true);
  });
  return { voices, people };
}

const packet = new UpPacket();
packet.bytes = new Uint8Array(AUDIO_BYTES);
packet.extensions.at[EXTENSION.audioLevel] = 20;
packet.extensions.bytes[EXTENSION.audioLevel] = 1;
/** Speech of everybody at once: levels go up and down. */
const LEVELS = Uint8Array.from({ length: 64 }, (_, i) => 0x80 | (i % 11 < 8 ? 25 + (i % 7) : 62));
let nowUs = 1_000_000;

/** One packet of each person in turn, and the ticks of that time. */
function hear({ voices, people }: ReturnType<typeof room>): () => void {
  let packets = 0;
  return () => {
    const turn = packets % PEOPLE;
    packet.bytes[20] = LEVELS[(packets * 7) & 63]!;
    packet.receivedUs = nowUs;
    people[turn]!.hear(packet);
    packets += 1;
    if (turn !== PEOPLE - 1) return;
    nowUs += PACKET_US;
    voices.tick(nowUs - TICK_US);
    voices.tick(nowUs);
  };
}

compareWithCopy(packet.bytes, PACKETS, {
  unlimited: hear(room(Number.POSITIVE_INFINITY)),
  "held, N = 3": hear(room(3)),
  "held, N = 20": hear(room(20)),
});
