/** Goal: whatever a run gives, a run in which nothing worked too, the page is well-formed and holds no foreign thing. */
import { describe, expect, test } from "vitest";
import { emptySample } from "../../loadtest/measure/meter.ts";
import { htmlPage } from "../../loadtest/report/html-page.ts";
import { label, plot } from "../../loadtest/report/plot.ts";
import { textTable } from "../../loadtest/report/text-table.ts";
import { isFlawless, type RunFacts, type RunResult, resultOf, wholeSeconds } from "../../loadtest/result.ts";

const NOTHING: RunFacts = {
  startedAt: "2026-01-01T00:00:00.000Z",
  options: { url: "http://127.0.0.1/<script>", rooms: 1, video: "simulcast", audio: "on" },
  clients: [],
  samples: new Map(),
  generators: [],
  server: { seconds: [], dropped: {}, cpuCores: null, sentPerSecond: null, cpuUsPerSentPacket: null },
};

/** Every start tag has its end, in order; void elements and self-closed ones aside. */
function openTags(page: string): string[] {
  const open: string[] = [];
  for (const [, slash, name, rest] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (/^(?:meta|br)$/.test(name!) || rest!.endsWith("/")) continue;
    if (slash === "") open.push(name!);
    else if (open.pop() !== name) return [`</${name}> closes nothing`];
  }
  return open;
}

describe("the page", () => {
  const sample = {
    ...emptySample(),
    receivedPackets: 90,
    gaps: 10,
    filled: 5,
    receivedBytes: [10, 0, 0, 1_000],
  };
  const measured = {
    ...NOTHING,
    samples: new Map([
      [1, sample],
      [0, emptySample()],
    ]),
  };

  test.each([
    { name: "a run without anything", facts: NOTHING },
    { name: "two seconds", facts: measured },
  ])("of $name", ({ facts }) => {
    const page = htmlPage(resultOf(facts));
    expect(openTags(page)).toEqual([]);
    expect(page).not.toContain("<script");
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page).not.toMatch(/(?:src|href)=|url\(|@import/);
  });

  test("a second of which no process told is one of those measured", () => {
    const samples = wholeSeconds(new Map([[1, sample]]).set(3, sample), 3);
    const result = resultOf({ ...NOTHING, samples });
    expect(result.seconds.map(({ receivedPackets }) => receivedPackets)).toEqual([0, 90, 0]);
    expect(textTable(result)).toMatch(/received +30 packets/);
    expect(htmlPage(result)).toContain("3 s measured");
  });

  test("seconds are in order, and ratios are of what was expected", () => {
    const { seconds } = resultOf(measured);
    expect(seconds.map(({ second }) => second)).toEqual([0, 1]);
    expect(seconds[1]).toMatchObject({
      gapRatio: 10 / 95,
      filledRatio: 5 / 95,
      receivedBps: [80, 0, 0, 8_000],
    });
  });
});

describe("of packets that a subscriber did not get", () => {
  const run = { publisher: 0, layer: 2, first: 10, last: 19, received: 8, isOpen: true };
  const stream = {
    kind: "video",
    received: 8,
    bytes: 8_000,
    gaps: 0,
    repaired: 0,
    outOfOrder: 0,
    duplicates: 0,
    lost: 0,
    foreign: 0,
    runs: [run],
  } as const;
  const resultWith = (feedback: boolean): RunResult =>
    resultOf({
      ...NOTHING,
      clients: [
        {
          spec: {
            index: 1,
            room: "r",
            identity: "s0",
            role: { kind: "subscriber", audios: 1, videos: 1, feedback, expects: "video" },
            startMs: 0,
          },
          failure: null,
          join: { answeredMs: 1, connectedMs: 1, secureMs: 1, firstMediaMs: 1 },
          published: null,
          watched: { streams: [stream], keyframeRequests: 0, senderReports: 0 },
          refused: 0,
          replayed: 0,
        },
      ],
    });

  test("those that everybody should get are missing", () => {
    const result = resultWith(false);
    expect(result.received.video.missing).toBe(2);
    expect(isFlawless(result)).toBe(false);
    expect(textTable(result)).toContain("missing 2");
  });

  test("nobody knows which the server has left out for its path", () => {
    const result = resultWith(true);
    expect(result.received.video.missing).toBeNull();
    expect(isFlawless(result)).toBe(true);
    expect(textTable(result)).not.toContain("missing 2");
    expect(htmlPage(result)).toContain("<b>unknown</b><span>missing of what was sent");
  });
});

test("the table of a run without anything says so", () => {
  expect(textTable(resultOf(NOTHING))).toMatch(/0 publish, 0 watch, 0 failed\n[\s\S]*none came/);
});

describe("a plot", () => {
  const spec = { title: "T & t", caption: "", xLabel: "s", unit: "ms", kind: "lines" } as const;
  const points = (...ys: (number | null)[]) => ys.map((y, x) => ({ x, y }));

  test("breaks its line where a value is missing", () => {
    const text = plot({ ...spec, series: [{ name: "a", color: 1, points: points(1, 2, null, 4, 3) }] });
    expect(/<path[^>]* d="([^"]*)"/.exec(text)![1]!.replace(/[\d.,]/g, "")).toBe("MLML");
    expect(text).toContain("T &#38; t");
  });

  test("puts the largest value within the axes, and zero on the ground", () => {
    const text = plot({ ...spec, series: [{ name: "a", color: 1, points: points(0, 7.3) }] });
    expect(/d="M52.0,216.0L548.0,([\d.]+)"/.exec(text)![1]).toSatisfy((y: string) => Number(y) >= 12);
    expect(text).toContain(">8<");
  });

  test("stacks one series on another", () => {
    const series = [
      { name: "a", color: 1, points: points(1, 1) },
      { name: "b", color: 2, points: points(2, 3) },
    ];
    const text = plot({ ...spec, kind: "stacked", series });
    expect(text).toContain("b: 3, together with those below 4");
  });

  test("without a value says so", () => {
    expect(plot({ ...spec, series: [{ name: "a", color: 1, points: points(null) }] })).toContain(
      "nothing was",
    );
  });

  test.each([
    [0, "0"],
    [0.30000000000000004, "0.3"],
    [1234.5, "1,230"],
    [99.99, "100"],
  ])("labels %d as %s", (value, text) => {
    expect(label(value)).toBe(text);
  });
});
