/** What control tests share: real control over a media thread that records, and a clock that tests turn by hand. */
import { type Logger, pino } from "pino";
import type { MediaKind } from "../../src/base/codec.ts";
import { zeroDataCounts } from "../../src/base/data-counters.ts";
import type { DataBatch, DataCommand, DataEvent } from "../../src/contract/data.ts";
import type { Fingerprint, MediaCommand, MediaEvent, PayloadParams } from "../../src/contract/media.ts";
import { type Claims, type Grants, NO_ROOM_CONFIG } from "../../src/control/access-token.ts";
import type { Ban, BanStore } from "../../src/control/bans.ts";
import type { Clock } from "../../src/control/clock.ts";
import { DataThread, type DataThreadHandle } from "../../src/control/data-thread.ts";
import {
  type MediaThreadHandle,
  MediaThreads,
  type RoomStats,
  type ServerCandidate,
} from "../../src/control/media-threads.ts";
import type { Participant } from "../../src/control/participant.ts";
import type { Report, ReportStore } from "../../src/control/reports.ts";
import type { Result } from "../../src/control/result.ts";
import type { Revocation, RevocationStore } from "../../src/control/revocations.ts";
import type { RoomSurroundings } from "../../src/control/room.ts";
import { type RoomDefaults, Rooms } from "../../src/control/rooms.ts";
import type { PublishedSection } from "../../src/control/track.ts";
import type { RemoteSide, Transport } from "../../src/control/transport.ts";

/** Long enough to be read back from a session description. */
export const FINGERPRINT: Fingerprint = { algorithm: "sha-256", value: Array(32).fill("AB").join(":") };
export const REMOTE_ICE = { ufrag: "remote", pwd: "remote-password-remote-pwd" };

export const REMOTE: RemoteSide = {
  remoteIce: REMOTE_ICE,
  fingerprints: [FINGERPRINT],
  extensions: { "urn:ietf:params:rtp-hdrext:sdes:mid": 4 },
};

export const OPUS: PayloadParams = { payloadType: 111, codec: "opus", clockRate: 48_000, profile: "" };
export const VP8: PayloadParams = {
  payloadType: 96,
  codec: "VP8",
  clockRate: 90_000,
  profile: "",
  rtxPayloadType: 97,
};
export const VP9: PayloadParams = {
  payloadType: 98,
  codec: "VP9",
  clockRate: 90_000,
  profile: "profile-id=0",
};

export class HandClock implements Clock {
  /** The time of day when the clock began. */
  #beganMs = 1_700_000_000_000;
  #passedMs = 0;
  #timers: { atMs: number; action: () => void }[] = [];

  nowMs(): number {
    return this.#beganMs + this.#passedMs;
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#passedMs + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets `ms` pass; what falls due runs in order of time. */
  pass(ms: number): void {
    const endMs = this.#passedMs + ms;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#passedMs = next.atMs;
      next.action();
    }
    this.#passedMs = endMs;
  }

  /** Somebody sets the time of day, forward or back: what waits does so for as long as it would have. */
  set(byMs: number): void {
    this.#beganMs += byMs;
  }
}

/** Stands where a worker thread stands: keeps the commands, says what a test wants it to say. */
export class RecordingThread implements MediaThreadHandle {
  readonly index: number;
  readonly candidates: ServerCandidate[];
  readonly commands: MediaCommand[] = [];
  /** What it answers at once when asked for measurements; null leaves that to the test. */
  measured: Partial<RoomStats> | null = null;
  /** Threads to which a pipe was asked for. */
  readonly pipes: number[] = [];
  #onEvent: (event: MediaEvent) => void = () => {};
  #onExit: () => void = () => {};

  constructor(index: number) {
    this.index = index;
    this.candidates = [{ protocol: "udp", address: "127.0.0.1", port: 7882 + index }];
  }

  post(command: MediaCommand): void {
    // Commands cross threads: what cannot be cloned must fail here as it would there.
    this.commands.push(structuredClone(command));
    if (command.kind === "stats" && this.measured !== null) this.answer(command.requestId, this.measured);
  }

  pipeTo(thread: number): void {
    this.pipes.push(thread);
  }

  onEvent(listener: (event: MediaEvent) => void): void {
    this.#onEvent = listener;
  }

  onExit(listener: () => void): void {
    this.#onExit = listener;
  }

  emit(event: MediaEvent): void {
    this.#onEvent(event);
  }

  die(): void {
    this.#onExit();
  }

  sent<Kind extends MediaCommand["kind"]>(kind: Kind): Extract<MediaCommand, { kind: Kind }>[] {
    return this.commands.filter(
      (command): command is Extract<MediaCommand, { kind: Kind }> => command.kind === kind,
    );
  }

  /** What it has measured. */
  answer(requestId: number, measured: Partial<RoomStats>): void {
    this.emit({ kind: "stats", requestId, upTracks: [], downTracks: [], transports: [], ...measured });
  }

  /** Media of a track arrives with this payload type. */
  codec(trackId: string, payload: PayloadParams): void {
    const { codec, payloadType } = payload;
    this.emit({ kind: "up-track.codec", trackId: trackId as never, codec, payloadType });
  }
}

/** Stands where the DTLS thread stands. */
export class RecordingDataThread implements DataThreadHandle {
  readonly batches: DataBatch<DataCommand>[] = [];
  #onBatch: (batch: DataBatch<DataEvent>) => void = () => {};
  #onExit: () => void = () => {};
  #onStable: () => void = () => {};

  post(batch: DataBatch<DataCommand>): void {
    this.batches.push(structuredClone(batch, { transfer: [batch.bytes.buffer] }));
  }

  onBatch(listener: (batch: DataBatch<DataEvent>) => void): void {
    this.#onBatch = listener;
  }

  onExit(listener: () => void): void {
    this.#onExit = listener;
  }

  emit(letters: readonly DataEvent[], bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)): void {
    this.#onBatch({ letters, bytes });
  }

  onStable(listener: () => void): void {
    this.#onStable = listener;
  }

  /** It has lived for as long as a stable thread does. */
  prove(): void {
    this.#onStable();
  }

  die(): void {
    this.#onExit();
  }

  get commands(): DataCommand[] {
    return this.batches.flatMap(({ letters }) => letters);
  }
}

/** Stands where the database stands. */
export class RecordingBanStore implements BanStore {
  bans: readonly Ban[] = [];
  fails = false;

  all(): readonly Ban[] {
    return this.bans;
  }

  put(ban: Ban): void {
    if (this.fails) throw new Error("disk full");
    this.bans = [...this.bans, ban];
  }

  delete(ban: Ban): void {
    if (this.fails) throw new Error("disk full");
    this.bans = this.bans.filter((one) => one !== ban);
  }
}

/** The same, of reports. */
export class RecordingReportStore implements ReportStore {
  reports: readonly (Report & { readonly number: number })[] = [];
  fails = false;
  #added = 0;

  add(report: Report): void {
    if (this.fails) throw new Error("disk full");
    this.#added += 1;
    this.reports = [...this.reports, { ...report, number: this.#added }];
  }

  countOf(room: string): number {
    return this.reports.filter((report) => report.room === room).length;
  }

  countBy(reporter: string, room: string, sinceMs: number): number {
    const isCounted = (one: Report) => one.reporter === reporter && one.room === room && one.atMs > sinceMs;
    return this.reports.filter(isCounted).length;
  }

  page(after: number, limit: number): RecordingReportStore["reports"] {
    return this.reports.filter(({ number }) => number > after).slice(0, limit);
  }

  delete(id: string): boolean {
    const before = this.reports.length;
    this.reports = this.reports.filter((report) => report.id !== id);
    return this.reports.length < before;
  }

  deleteUntil(timeMs: number): void {
    if (this.fails) throw new Error("disk full");
    this.reports = this.reports.filter(({ atMs }) => atMs > timeMs);
  }
}

export class RecordingRevocationStore implements RevocationStore {
  revocations: readonly Revocation[] = [];
  fails = false;

  all(): readonly Revocation[] {
    return this.revocations;
  }

  put(revocation: Revocation): void {
    if (this.fails) throw new Error("disk full");
    this.revocations = [...this.revocations, revocation];
  }
}

export interface Conference {
  readonly clock: HandClock;
  readonly threads: MediaThreads;
  readonly thread: RecordingThread;
  readonly dataThread: RecordingDataThread;
  readonly rooms: Rooms;
  readonly surroundings: RoomSurroundings;
  readonly bans: RecordingBanStore;
  readonly revocations: RecordingRevocationStore;
}

export function conference(
  defaults: Partial<RoomDefaults> = {},
  transportsPerThread = 64,
  log: Logger = pino({ level: "silent" }),
): Conference {
  const clock = new HandClock();
  const threads = new MediaThreads(clock);
  const thread = new RecordingThread(0);
  threads.add(thread);
  const dataThread = new RecordingDataThread();
  const data = new DataThread(zeroDataCounts(), clock);
  data.attach(dataThread);
  const surroundings = {
    threads,
    transportsPerThread,
    fingerprint: FINGERPRINT,
    dataThread: data,
    clock,
    log,
  };
  const bans = new RecordingBanStore();
  const revocations = new RecordingRevocationStore();
  const rooms = new Rooms(
    {
      autoCreate: true,
      maxParticipants: 10,
      maxTracksPerParticipant: 4,
      emptyTimeoutSeconds: 60,
      departureTimeoutSeconds: 20,
      e2ee: "optional",
      e2eeGuard: "report",
      loudestAudios: "all",
      lastVideos: "all",
      lobby: false,
      ...defaults,
    },
    surroundings,
    { bans, revocations },
  );
  return { clock, threads, thread, dataThread, rooms, surroundings, bans, revocations };
}

export function grants(change: Partial<Grants> = {}): Grants {
  return {
    roomCreate: false,
    roomList: false,
    roomAdmin: false,
    roomJoin: true,
    room: "hall",
    destinationRoom: "",
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    canPublishSources: [],
    canUpdateOwnMetadata: false,
    hidden: false,
    ...change,
  };
}

export function claims(identity: string, change: Partial<Grants> = {}): Claims {
  return {
    apiKey: "key",
    identity,
    name: "",
    metadata: "",
    attributes: {},
    kind: "standard",
    roomConfig: NO_ROOM_CONFIG,
    grants: grants(change),
    expiresAtSeconds: 2_000_000_000,
    validFromSeconds: 0,
    reissuedAtMs: null,
  };
}

export function section(kind: MediaKind, change: Partial<PublishedSection> = {}): PublishedSection {
  return {
    kind,
    mid: kind,
    payloads: kind === "audio" ? [OPUS] : [VP8, VP9],
    rids: [],
    ssrcs: [],
    source: kind === "audio" ? "microphone" : "camera",
    encryption: "none",
    ...change,
  };
}

/** The value of an outcome that must be good. */
export function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

export function enter(rooms: Rooms, identity: string, change: Partial<Grants> = {}): Participant {
  return must(rooms.join("hall", claims(identity, change)));
}

export function connect(rooms: Rooms, identity: string, change: Partial<Grants> = {}): Transport {
  return must(enter(rooms, identity, change).openTransport(grants(change), REMOTE));
}
