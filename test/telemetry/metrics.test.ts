import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COUNTER_NAMES, createSharedCounters, SLOT } from "../../src/base/counters.ts";
import { zeroDataCounts } from "../../src/base/data-counters.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { programPath, requireProgram } from "../system/support/programs.ts";

/** Everything there is to report, so that every metric has a series. */
function busyMetrics(): Metrics {
  const metrics = new Metrics();
  const counters = createSharedCounters();
  COUNTER_NAMES.forEach((_name, slot) => {
    counters[slot] = slot + 1;
  });
  metrics.media.start(0, counters);
  metrics.exposeRooms(() => ({ rooms: 1, participants: 2, tracks: 3, subscriptions: 4, speakers: 5 }));
  metrics.onHandshake("ok", 0.02);
  metrics.onHandshake("bad_finished", 0.02);
  metrics.onHttpExchange({ method: "GET", route: "/v1/rooms/:room", status: 200, seconds: 0.003 });
  metrics.webhooks.exposeQueue(() => 5);
  metrics.webhooks.onAttempt("delivered");
  metrics.webhooks.onDeadLetters("too_old", 2);
  metrics.onSuspectTrack("cut");
  metrics.onReport("spam");
  metrics.signal.onOpen("v1");
  metrics.signal.onReceived("addTrack");
  metrics.signal.onSent("trackPublished");
  metrics.signal.onClosed("v1", "lost");
  const delays = { eventLoopDelayP50Us: 1000, eventLoopDelayP99Us: 2000, eventLoopDelayMaxUs: 3000 };
  const data = { ...zeroDataCounts(), sentBytes: 9 };
  metrics.onDtlsLoad({ cpuUs: 5_000_000, associations: 7, dataAssociations: 6, data, ...delays });
  return metrics;
}

/** Our series, by name with labels. */
async function series(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.exposition()).split("\n").filter((line) => line.startsWith("blindfold_"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

test.skipIf(!requireProgram("promtool"))(
  "promtool accepts the exposition, when idle and when busy",
  async () => {
    for (const metrics of [new Metrics(), busyMetrics()]) {
      const input = await metrics.exposition();
      const promtool = spawnSync(programPath("promtool"), ["check", "metrics"], { input, encoding: "utf8" });
      expect(promtool.stderr + promtool.stdout).toBe("");
      expect(promtool.status).toBe(0);
    }
  },
);

test.each(COUNTER_NAMES)("the slot %s can be seen", async (name) => {
  const metrics = new Metrics();
  const counters = createSharedCounters();
  metrics.media.start(0, counters);
  const before = await series(metrics);
  counters[SLOT[name]] = 1_000_000;
  const after = await series(metrics);
  const changed = [...after].filter(([key, value]) => before.get(key) !== value).map(([key]) => key);
  expect(changed.length).toBeGreaterThan(0);
  expect([...after.keys()]).toEqual([...before.keys()]);
});

const DATA_COUNTERS = Object.keys(zeroDataCounts()) as (keyof ReturnType<typeof zeroDataCounts>)[];

test.each(DATA_COUNTERS)(
  "the count %s of data channels can be seen, and adds up over reports",
  async (name) => {
    const metrics = new Metrics();
    const before = await series(metrics);
    const idle = { cpuUs: 0, eventLoopDelayP50Us: 0, eventLoopDelayP99Us: 0, eventLoopDelayMaxUs: 0 };
    const data = { ...zeroDataCounts(), [name]: 1_000 };
    for (let i = 0; i < 3; i++) metrics.onDtlsLoad({ ...idle, associations: 0, dataAssociations: 0, data });
    const after = await series(metrics);
    // Each report is a heartbeat.
    before.set('blindfold_thread_heartbeats_total{thread="dtls"}', 3);
    const changed = [...after].filter(([key, value]) => before.get(key) !== value);
    expect(changed.map(([, value]) => value)).toEqual([3_000]);
  },
);

test("each counter is what its slot says, under the right labels", async () => {
  const seen = await series(busyMetrics());
  const expected = {
    'blindfold_rtp_received_packets_total{kind="video"}': "upPackets_video",
    'blindfold_rtp_received_bytes_total{kind="audio"}': "upBytes_audio",
    'blindfold_rtp_sent_packets_total{kind="audio"}': "downPackets_audio",
    'blindfold_rtp_sent_bytes_total{kind="video"}': "downBytes_video",
    'blindfold_dropped_packets_total{direction="up",reason="srtp_replay"}': "upDropped_srtp_replay",
    'blindfold_dropped_packets_total{direction="down",reason="layer"}': "downDropped_layer",
    'blindfold_dropped_packets_total{direction="down",reason="not_loudest"}': "downDropped_not_loudest",
    blindfold_speaker_changes_total: "speakerChanges",
    'blindfold_rtx_packets_total{direction="sent"}': "downRtxPackets",
    'blindfold_keyframe_requests_total{type="pli",direction="sent"}': "pliSent",
    'blindfold_ice_state_changes_total{state="failed"}': "iceFailed",
    'blindfold_media_objects{thread="media-0",object="up_track"}': "upTracks",
    'blindfold_media_objects{thread="media-0",object="cipher_context"}': "cipherContexts",
  } as const;
  for (const [key, slot] of Object.entries(expected)) expect(seen.get(key), key).toBe(SLOT[slot] + 1);
  expect(seen.get("blindfold_rooms")).toBe(1);
  expect(seen.get("blindfold_subscriptions")).toBe(4);
  expect(seen.get("blindfold_speakers")).toBe(5);
  expect(seen.get('blindfold_thread_cpu_seconds_total{thread="dtls"}')).toBe(5);
  expect(seen.get('blindfold_thread_event_loop_delay_seconds{thread="dtls",statistic="p99"}')).toBe(0.002);
  expect(seen.get('blindfold_dtls_handshake_failures_total{reason="bad_finished"}')).toBe(1);
  expect(seen.get("blindfold_dtls_associations")).toBe(7);
  expect(seen.get("blindfold_webhook_queue_events")).toBe(5);
  expect(seen.get('blindfold_webhook_attempts_total{outcome="delivered"}')).toBe(1);
  expect(seen.get('blindfold_webhook_dead_letters_total{reason="too_old"}')).toBe(2);
  expect(seen.get('blindfold_reports_total{reason="spam"}')).toBe(1);
  // One that is there from the beginning, so that Prometheus sees the first.
  expect(seen.get('blindfold_reports_total{reason="child_safety"}')).toBe(0);
  expect(seen.get("blindfold_data_associations")).toBe(6);
  expect(seen.get('blindfold_data_bytes_total{direction="sent"}')).toBe(9);
});

test("the delay histogram is cumulative and in seconds", async () => {
  const metrics = new Metrics();
  const counters = createSharedCounters();
  counters[SLOT.forwardDelay_0] = 5;
  counters[SLOT.forwardDelay_3] = 2;
  counters[SLOT.forwardDelay_inf] = 1;
  counters[SLOT.forwardDelaySumUs] = 250_000;
  metrics.media.start(0, counters);
  const name = "blindfold_forward_delay_seconds";
  const histogram = [...(await series(metrics))].filter(([key]) => key.startsWith(name));
  expect(histogram).toEqual([
    [`${name}_bucket{le="0.0001"}`, 5],
    [`${name}_bucket{le="0.00025"}`, 5],
    [`${name}_bucket{le="0.0005"}`, 5],
    [`${name}_bucket{le="0.001"}`, 7],
    [`${name}_bucket{le="0.002"}`, 7],
    [`${name}_bucket{le="0.005"}`, 7],
    [`${name}_bucket{le="0.01"}`, 7],
    [`${name}_bucket{le="0.05"}`, 7],
    [`${name}_bucket{le="+Inf"}`, 8],
    [`${name}_sum`, 0.25],
    [`${name}_count`, 8],
  ]);
});

test("threads that are replaced keep their totals but not their gauges", async () => {
  const metrics = new Metrics();
  const packets = 'blindfold_rtp_received_packets_total{kind="audio"}';
  const transports = 'blindfold_media_objects{thread="media-1",object="transport"}';
  const cpu = 'blindfold_thread_cpu_seconds_total{thread="media-1"}';
  let count = 0;
  for (let generation = 0; generation < 3; generation++) {
    const counters = createSharedCounters();
    counters[SLOT.upPackets_audio] = 10;
    counters[SLOT.transports] = 4;
    counters[SLOT.threadCpuUs] = 1_000_000;
    metrics.media.start(1, counters);
    count += 1;
    const living = await series(metrics);
    expect([living.get(packets), living.get(cpu), living.get(transports)]).toEqual([10 * count, count, 4]);
    metrics.media.end(1);
    const ended = await series(metrics);
    expect([ended.get(packets), ended.get(cpu), ended.get(transports)]).toEqual([
      10 * count,
      count,
      undefined,
    ]);
  }
});

test("a DTLS thread that is replaced keeps its CPU time", async () => {
  const metrics = new Metrics();
  const idle = { eventLoopDelayP50Us: 0, eventLoopDelayP99Us: 0, eventLoopDelayMaxUs: 0, associations: 0 };
  const data = { dataAssociations: 0, data: zeroDataCounts() };
  for (const cpuUs of [1_000_000, 3_000_000]) metrics.onDtlsLoad({ cpuUs, ...idle, ...data });
  metrics.onDtlsEnd();
  metrics.onDtlsLoad({ cpuUs: 500_000, ...idle, ...data });
  expect((await series(metrics)).get('blindfold_thread_cpu_seconds_total{thread="dtls"}')).toBe(3.5);
});

test("a DTLS thread gives heartbeats as media threads do, so that one that stands still shows", async () => {
  const metrics = new Metrics();
  const read = async () => (await series(metrics)).get('blindfold_thread_heartbeats_total{thread="dtls"}');
  const idle = { eventLoopDelayP50Us: 0, eventLoopDelayP99Us: 0, eventLoopDelayMaxUs: 0, associations: 0 };
  const tell = (): void =>
    metrics.onDtlsLoad({ cpuUs: 1, ...idle, dataAssociations: 0, data: zeroDataCounts() });
  expect(await read()).toBe(0);
  tell();
  tell();
  expect(await read()).toBe(2);
  metrics.onDtlsEnd();
  tell();
  expect(await read()).toBe(3);
});

test("a DTLS thread that ends keeps its CPU time, and nothing else", async () => {
  const metrics = new Metrics();
  const delays = { eventLoopDelayP50Us: 0, eventLoopDelayP99Us: 0, eventLoopDelayMaxUs: 9_000_000 };
  const load = { associations: 7, dataAssociations: 6, data: zeroDataCounts(), ...delays };
  const read = async () => {
    const all = await series(metrics);
    const delay = 'blindfold_thread_event_loop_delay_seconds{thread="dtls",statistic="max"}';
    const names = ["blindfold_dtls_associations", "blindfold_data_associations", delay];
    return [
      all.get('blindfold_thread_cpu_seconds_total{thread="dtls"}'),
      ...names.map((name) => all.get(name)),
    ];
  };
  metrics.onDtlsLoad({ cpuUs: 1_000_000, ...load });
  expect(await read()).toEqual([1, 7, 6, 9]);
  metrics.onDtlsEnd();
  expect(await read()).toEqual([1, 0, 0, 0]);
  // The next one has had more to do when it first tells.
  metrics.onDtlsLoad({ cpuUs: 2_000_000, ...load });
  expect(await read()).toEqual([3, 7, 6, 9]);
});

test("README says what each reason of a dropped packet means", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| `(up|down)` +\| (`[^|]+`) +\|/gm)];
  const told = rows.flatMap(([, direction, reasons]) =>
    [...reasons!.matchAll(/`(\w+)`/g)].map(([, reason]) => `${direction}Dropped_${reason}`),
  );
  expect(told.sort()).toEqual(COUNTER_NAMES.filter((name) => name.includes("Dropped_")).sort());
});
