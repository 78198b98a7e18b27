/**
 * What the bandwidth estimator costs a thread, per packet sent and per packet acknowledged:
 * node loadtest/micro/bandwidth-estimator.ts
 *
 * Feedback is as from Chromium at 2.5 Mbit/s, twenty packets a message. The reference is the copy of one packet, which
 * every packet to a subscriber costs anyway. Bodies take turns within each round, so that a noisy machine affects all
 * alike; each number is the median of the rounds' CPU time, its spread the minimum and maximum. Compare the ratios.
 */
import { writeU24 } from "../../src/base/bytes.ts";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { NO_STREAM } from "../../src/cc/sent-packet-log.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import { TransportWideReader } from "../../src/rtp/rtcp/transport-wide.ts";

const ROUNDS = 9;
const WARM_UP_MESSAGES = 20_000;
const MESSAGES = 60_000;

const PACKET_BYTES = 1_100;
const SLOTS = 64;
const PACKETS_PER_MESSAGE = 20;
/** One unit of the reference time, so that messages can be reused with another reference time. */
const INTERVAL_US = 64_000;
const DELAY_US = 30_000;
/** One cycle of the sequence number. */
const CYCLE_MESSAGES = 0x10000 / 4;
/** Offset of the reference time in a message. */
const REFERENCE_AT = 16;

/** Does the work of one message's packets. */
type Body = (message: number) => void;

/** Feedback on packets 4 i, 4 i + 1, … of a cycle, in groups of `PACKETS_PER_MESSAGE`, with arrivals from 0 on. */
function makeMessages(): Uint8Array[] {
  const recorder = new ArrivalRecorder();
  return Array.from({ length: CYCLE_MESSAGES }, (_, message) => {
    for (let i = 0; i < PACKETS_PER_MESSAGE; i++) {
      recorder.onPacket((message * PACKETS_PER_MESSAGE + i) & 0xffff, arrivalUs(message, i));
    }
    const out = new Uint8Array(128);
    const end = recorder.write((message + 1) * INTERVAL_US, out, 0, 1, 2);
    return out.subarray(0, end);
  });
}

/** A queue of a few packets builds up and drains, and packets of one burst arrive one after the other. */
function arrivalUs(message: number, i: number): number {
  const queued = ((i >> 2) * 7 + message) % 5;
  return message * INTERVAL_US + sentUs(i) + DELAY_US + 250 * (queued + (i & 3));
}

/** Four packets at a time. */
function sentUs(i: number): number {
  return (i >> 2) * 12_800;
}

const messages = makeMessages();
const cursor = new RtcpCursor();

/** Message number `message` of an endless sequence: its arrivals continue where the previous cycle ended. */
function present(message: number): Uint8Array {
  const buffer = messages[message % CYCLE_MESSAGES]!;
  const baseUs = message * INTERVAL_US + DELAY_US;
  writeU24(buffer, REFERENCE_AT, Math.floor(baseUs / INTERVAL_US) & 0xffffff);
  cursor.reset(buffer, buffer.length);
  cursor.next();
  return buffer;
}

function copies(): Body {
  const from = new Uint8Array(SLOTS * 2048);
  const to = new Uint8Array(SLOTS * 2048);
  return (message) => {
    for (let i = 0; i < PACKETS_PER_MESSAGE; i++) {
      const at = ((message + i) % SLOTS) * 2048;
      to.set(from.subarray(at, at + PACKET_BYTES), at);
    }
  };
}

function reads(): Body {
  const reader = new TransportWideReader();
  return (message) => {
    if (!reader.open(present(message), cursor)) throw new Error("malformed");
    while (reader.next());
  };
}

function sends(): Body {
  const estimator = new BandwidthEstimator(0);
  return (message) => {
    for (let i = 0; i < PACKETS_PER_MESSAGE; i++)
      estimator.onSent(PACKET_BYTES, message * INTERVAL_US + sentUs(i), NO_STREAM, 0);
  };
}

function sendsAndFeedback(): Body {
  const estimator = new BandwidthEstimator(0);
  return (message) => {
    for (let i = 0; i < PACKETS_PER_MESSAGE; i++)
      estimator.onSent(PACKET_BYTES, message * INTERVAL_US + sentUs(i), NO_STREAM, 0);
    estimator.onFeedback(present(message), cursor, (message + 1) * INTERVAL_US + DELAY_US);
  };
}

const bodies: Record<string, Body> = {
  "copy 1,100 bytes": copies(),
  "read feedback": reads(),
  onSent: sends(),
  "onSent and onFeedback": sendsAndFeedback(),
};

const done = new Map<string, number>(Object.keys(bodies).map((name) => [name, 0]));

/** Nanoseconds of this thread's CPU per packet. */
function measure(name: string, count: number): number {
  const body = bodies[name]!;
  const from = done.get(name)!;
  done.set(name, from + count);
  const before = process.threadCpuUsage();
  for (let message = from; message < from + count; message++) body(message);
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / (count * PACKETS_PER_MESSAGE);
}

const times = new Map<string, number[]>();
for (const name of Object.keys(bodies)) {
  measure(name, WARM_UP_MESSAGES);
  times.set(name, []);
}
for (let round = 0; round < ROUNDS; round++) {
  for (const name of Object.keys(bodies)) times.get(name)!.push(measure(name, MESSAGES));
}
const median = (name: string): number => times.get(name)!.sort((a, b) => a - b)[ROUNDS >> 1]!;
const copyNs = median("copy 1,100 bytes");
console.table(
  Object.keys(bodies).map((name) => {
    const all = times.get(name)!;
    return {
      "per packet": name,
      ns: median(name).toFixed(1),
      spread: `${all[0]!.toFixed(1)}–${all.at(-1)!.toFixed(1)}`,
      copies: (median(name) / copyNs).toFixed(2),
    };
  }),
);
