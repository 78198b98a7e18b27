import { expect, test } from "vitest";
import { ntpMiddle } from "../../src/base/ntp.ts";
import { RoundTrip } from "../../src/cc/round-trip.ts";

const MS = 1_000;
const SECOND_US = 1_000 * MS;
/** NTP time at zero of our clock. */
const EPOCH_US = 3_900_000_000 * SECOND_US;

/** Times sent at these seconds; then one is echoed at `atMs`, by a peer that held it for `heldMs`. */
test.each([
  { name: "of the latest", sent: [1, 2, 3], echoed: 3, heldMs: 500, atMs: 3_540, rttMs: 40 },
  {
    name: "of the oldest that is remembered",
    sent: [1, 2, 3, 4, 5],
    echoed: 2,
    heldMs: 3_000,
    atMs: 5_040,
    rttMs: 40,
  },
  {
    name: "of one that is forgotten",
    sent: [1, 2, 3, 4, 5],
    echoed: 1,
    heldMs: 4_000,
    atMs: 5_040,
    rttMs: 0,
  },
  { name: "of a time never sent", sent: [1, 2], echoed: 9, heldMs: 0, atMs: 3_000, rttMs: 0 },
  {
    name: "of one that was held for longer than since it was sent",
    sent: [1],
    echoed: 1,
    heldMs: 900,
    atMs: 1_800,
    rttMs: 0,
  },
])("the echo $name", ({ sent, echoed, heldMs, atMs, rttMs }) => {
  const roundTrip = new RoundTrip();
  const ntpUs = (second: number): number => EPOCH_US + second * SECOND_US;
  for (const second of sent) roundTrip.onSent(ntpUs(second), second * SECOND_US);
  roundTrip.onEcho(ntpMiddle(ntpUs(echoed)), Math.round((heldMs * 65_536) / 1_000), atMs * MS);
  expect(Math.round(roundTrip.us / MS)).toBe(rttMs);
});

test("who has heard of no time echoes none, and what was measured before stays", () => {
  const roundTrip = new RoundTrip();
  roundTrip.onEcho(0, 0, SECOND_US);
  expect(roundTrip.us).toBe(0);
  roundTrip.onSent(EPOCH_US, SECOND_US);
  roundTrip.onEcho(ntpMiddle(EPOCH_US), 0, SECOND_US + 30 * MS);
  roundTrip.onEcho(0, 0, 2 * SECOND_US);
  roundTrip.onEcho(ntpMiddle(EPOCH_US), 65_536, SECOND_US + 60 * MS);
  expect(roundTrip.us).toBe(30 * MS);
});
