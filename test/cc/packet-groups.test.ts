import { expect, test } from "vitest";
import { PacketGroups } from "../../src/cc/packet-groups.ts";

const MS = 1_000;

/** One packet a row, in ms: sent, arrived; then what it tells, if it begins a group: sending delta, arrival delta. */
test.each([
  {
    name: "two groups tell nothing, the third tells of both",
    rows: [
      [0, 50],
      [10, 60],
      [20, 75, 10, 10],
      [30, 85, 10, 15],
    ],
  },
  {
    name: "a burst is one group, as late as its last packet",
    rows: [
      [0, 50],
      [0, 52],
      [4, 54],
      [33, 83],
      [33, 90],
      [66, 116, 29, 36],
    ],
  },
  {
    name: "packets that a radio let go at once join the group before",
    rows: [
      [0, 50],
      [10, 100],
      [20, 102],
      [30, 104],
      [40, 110, 30, 54],
    ],
  },
  {
    name: "but not for ever",
    rows: [
      [0, 50],
      [10, 110],
      ...Array.from({ length: 24 }, (_, i) => [20 + 10 * i, 114 + 4 * i]),
      [260, 210, 250, 156],
    ],
  },
  {
    name: "nor after the receiver's clock was set back",
    rows: [
      [0, 5_000],
      [10, 5_010],
      [20, 50, 10, 10],
      [30, 60, 10, -4_960],
      [40, 70, 10, 10],
    ],
  },
  {
    name: "a packet of an older group is passed over",
    rows: [
      [0, 50],
      [10, 60],
      [20, 75, 10, 10],
      [10, 90],
      [30, 85, 10, 15],
    ],
  },
  {
    name: "a faster group has a negative difference",
    rows: [
      [0, 90],
      [20, 97],
      [40, 110, 20, 7],
    ],
  },
])("$name", ({ rows }) => {
  const groups = new PacketGroups();
  for (const [sentMs, arrivalMs, sendDelta, arrivalDelta] of rows) {
    const told = groups.onPackets(sentMs! * MS, arrivalMs! * MS, arrivalMs! * MS);
    expect(told, `sent at ${sentMs}`).toBe(sendDelta !== undefined);
    if (told) {
      expect([groups.sendDeltaUs, groups.arrivalDeltaUs]).toEqual([sendDelta! * MS, arrivalDelta! * MS]);
    }
  }
});

test("after a reset no difference reaches across it", () => {
  const groups = new PacketGroups();
  for (let i = 0; i < 5; i++) groups.onPackets(i * 10 * MS, i * 10 * MS + 50 * MS, i * 10 * MS + 50 * MS);
  groups.reset();
  expect(groups.onPackets(100 * MS, 900 * MS, 900 * MS)).toBe(false);
  expect(groups.onPackets(110 * MS, 910 * MS, 910 * MS)).toBe(false);
  expect(groups.onPackets(120 * MS, 920 * MS, 920 * MS)).toBe(true);
  expect(groups.arrivalDeltaUs).toBe(10 * MS);
});
