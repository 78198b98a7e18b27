/**
 * Goal: whatever comes and goes, and whatever is under way meanwhile, every wanted track ends in exactly one section of
 * the client's PeerConnection, under its own name, and no section holds two.
 *
 * Method: the plan and the demand as the server uses them, against a model of a browser: one offer at a time, sections
 * added on demand, `track` fired when a silent section begins to send and never otherwise (W3C webrtc-pc §4.4.1.5).
 * Messages of both directions wait in queues; what happens next is fast-check's choice.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MediaKind } from "../../src/base/codec.ts";
import type { TrackId } from "../../src/base/ids.ts";
import { type SectionCounts, SectionDemand } from "../../src/signal/section-demand.ts";
import { type PlannedSection, SectionPlan, type WantedTrack } from "../../src/signal/section-plan.ts";

interface Offer {
  readonly sections: readonly PlannedSection[];
}
type Answer = ReadonlyMap<string, TrackId>;
type ToClient = { readonly answer: Answer } | { readonly demand: SectionCounts };

/** What a browser with livekit-client on top does, as far as sections for receiving go. */
class Client {
  readonly outbox: Offer[] = [];
  /** By MID: the name under which the browser's `track` event told of it; null while nothing is received. */
  readonly received = new Map<string, TrackId | null>();
  readonly #sections: PlannedSection[] = [];
  readonly #refuses: boolean;
  #offering = false;
  #again = false;
  #mids = 0;

  constructor(pool: SectionCounts, refuses = false) {
    this.#refuses = refuses;
    this.#add(pool);
  }

  negotiate(): void {
    if (this.#offering) {
      this.#again = true;
      return;
    }
    this.#offering = true;
    this.outbox.push({ sections: [...this.#sections] });
  }

  /** The signal connection was cut and is back: ICE restarts, by an offer on top of what was last answered. */
  resume(): void {
    this.outbox.length = 0;
    this.#offering = false;
    this.negotiate();
  }

  onMessage(message: ToClient): void {
    if ("demand" in message) {
      if (!this.#refuses) this.#add(message.demand);
      this.negotiate();
      return;
    }
    for (const { mid } of this.#sections) this.#onDescribed(mid, message.answer.get(mid) ?? null);
    this.#offering = false;
    if (!this.#again) return;
    this.#again = false;
    this.negotiate();
  }

  count(kind: MediaKind): number {
    return this.#sections.filter((section) => section.kind === kind).length;
  }

  #onDescribed(mid: string, track: TrackId | null): void {
    const before = this.received.get(mid) ?? null;
    if (track === null) this.received.set(mid, null);
    else if (before === null) this.received.set(mid, track);
  }

  #add({ audio, video }: SectionCounts): void {
    for (let n = 0; n < audio; n++) this.#sections.push({ mid: `${this.#mids++}`, kind: "audio" });
    for (let n = 0; n < video; n++) this.#sections.push({ mid: `${this.#mids++}`, kind: "video" });
  }
}

class Call {
  readonly client: Client;
  readonly plan = new SectionPlan();
  readonly demand = new SectionDemand();
  readonly toClient: ToClient[] = [];
  wanted: WantedTrack[] = [];
  demands = 0;

  constructor(pool: SectionCounts, refuses = false) {
    this.client = new Client(pool, refuses);
    this.client.negotiate();
  }

  want(tracks: WantedTrack[]): void {
    this.wanted = tracks;
    this.plan.want(tracks);
    this.#ask();
  }

  deliverOffer(): boolean {
    const offer = this.client.outbox.shift();
    if (offer === undefined) return false;
    this.plan.confirm();
    this.plan.setSections(offer.sections);
    const count = (kind: MediaKind): number => offer.sections.filter((one) => one.kind === kind).length;
    this.demand.onOffer({ audio: count("audio"), video: count("video") });
    this.toClient.push({ answer: this.plan.describe() });
    this.#ask();
    return true;
  }

  deliverMessage(): boolean {
    const message = this.toClient.shift();
    if (message !== undefined) this.client.onMessage(message);
    return message !== undefined;
  }

  cut(): void {
    this.toClient.length = 0;
    this.plan.forget();
    this.demand.reset();
    this.client.resume();
  }

  /** Lets everything arrive. */
  settle(): void {
    for (let turn = 0; turn < 10_000; turn++) if (!this.deliverOffer() && !this.deliverMessage()) return;
    throw new Error("the negotiation does not come to rest");
  }

  #ask(): void {
    const demand = this.demand.next(this.plan);
    if (demand === null) return;
    this.demands += 1;
    this.toClient.push({ demand });
  }
}

function receivedTracks({ client }: Call): TrackId[] {
  return [...client.received.values()].filter((track) => track !== null).sort();
}

const track = (n: number): WantedTrack => ({
  id: `TR_${n}` as TrackId,
  kind: n % 2 === 0 ? "audio" : "video",
});

const Pool = fc.record({ audio: fc.nat(3), video: fc.nat(3) });
const Step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("toggle" as const), track: fc.nat(11) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("all" as const), wanted: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("publish" as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("offer" as const, "message" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
);

function take(call: Call, step: typeof Step extends fc.Arbitrary<infer T> ? T : never): void {
  switch (step.kind) {
    case "toggle": {
      const one = track(step.track);
      const others = call.wanted.filter(({ id }) => id !== one.id);
      return call.want(others.length < call.wanted.length ? others : [...others, one]);
    }
    case "all":
      return call.want(step.wanted ? Array.from({ length: 12 }, (_, n) => track(n)) : []);
    // The client negotiates for reasons of its own.
    case "publish":
      return call.client.negotiate();
    case "offer":
      return void call.deliverOffer();
    case "message":
      return void call.deliverMessage();
    case "cut":
      return call.cut();
  }
}

test("every wanted track ends in one section, whatever was under way", () => {
  fc.assert(
    fc.property(Pool, fc.array(Step, { maxLength: 60 }), (pool, steps) => {
      const call = new Call(pool);
      for (const step of steps) take(call, step);
      call.settle();
      expect(receivedTracks(call)).toEqual(call.wanted.map(({ id }) => id).sort());
      expect(call.plan.unsettled).toBe(false);
    }),
    { numRuns: 3_000 },
  );
});

test("a client that adds no sections is asked a few times, not for ever, and gets what fits", () => {
  fc.assert(
    fc.property(Pool, fc.array(Step, { maxLength: 40 }), (pool, steps) => {
      const call = new Call(pool, true);
      for (const step of steps) take(call, step);
      call.settle();
      for (const kind of ["audio", "video"] as const) {
        const wanted = call.wanted.filter((one) => one.kind === kind).map(({ id }) => id);
        const received = receivedTracks(call).filter((id) => wanted.includes(id));
        // A demand that was never answered is given up after a while.
        if (!call.demand.pending) expect(received).toHaveLength(Math.min(wanted.length, pool[kind]));
      }
      expect(call.demands).toBeLessThanOrEqual(2 * steps.length + 4);
    }),
    { numRuns: 1_000 },
  );
});

test("the work for each track that is wanted does not grow with their number", () => {
  // Counted, not timed: it is done for each client of a room whenever anything is published in it.
  let reads = 0;
  const tracks = Array.from({ length: 1_000 }, (_, n) => ({
    kind: "video" as const,
    get id(): TrackId {
      reads += 1;
      return `TR_${n}` as TrackId;
    },
  }));
  const plan = new SectionPlan();
  plan.want(tracks.slice(1));
  plan.want(tracks);
  expect(reads).toBeLessThan(10 * tracks.length);
});

describe("demands", () => {
  test("ask for exactly what is missing, once", () => {
    const call = new Call({ audio: 1, video: 0 });
    call.settle();
    call.want([track(0), track(2), track(1)]);
    call.want([track(0), track(2), track(1), track(3)]);
    expect(call.toClient).toEqual([{ demand: { audio: 1, video: 1 } }]);
    call.settle();
    expect(receivedTracks(call)).toEqual(["TR_0", "TR_1", "TR_2", "TR_3"]);
    expect(call.client.received.size).toBe(4);
  });

  test("sections of those who leave serve those who come", () => {
    const call = new Call({ audio: 2, video: 2 });
    call.want([track(0), track(1)]);
    call.settle();
    for (let n = 2; n < 10; n += 2) {
      call.want([track(n), track(n + 1)]);
      call.settle();
    }
    expect(call.client.received.size).toBe(4);
  });

  test("who was asked for nothing more than an offer is not asked twice", () => {
    const call = new Call({ audio: 3, video: 3 });
    call.settle();
    call.want([track(0)]);
    call.want([track(0), track(1)]);
    expect(call.toClient).toEqual([{ demand: { audio: 0, video: 0 } }]);
  });

  test("one that is not answered is given up, and what is free is used", () => {
    const call = new Call({ audio: 1, video: 0 }, true);
    call.settle();
    call.want([track(0), track(2)]);
    const { demand } = call.toClient[0] as { demand: SectionCounts };
    call.settle();
    call.want([track(2)]);
    expect(call.demand.pending).toBe(true);
    expect(call.demand.giveUp({ ...demand })).toBe(false);
    expect(call.demand.giveUp(demand)).toBe(true);
    call.want([track(2)]);
    call.settle();
    expect(receivedTracks(call)).toEqual(["TR_2"]);
  });

  test("a large room does not make a client offer more than is read", () => {
    const call = new Call({ audio: 3, video: 3 });
    call.settle();
    const counts = (): SectionCounts => ({
      audio: call.client.count("audio"),
      video: call.client.count("video"),
    });
    const videos = Array.from({ length: 120 }, (_, n) => track(2 * n + 1));
    call.want(videos);
    call.settle();
    expect(counts()).toEqual({ audio: 3, video: 100 });
    call.want([...videos, ...Array.from({ length: 120 }, (_, n) => track(2 * n))]);
    call.settle();
    expect(counts()).toEqual({ audio: 100, video: 100 });
    expect(call.demand.pending).toBe(false);
    expect(receivedTracks(call)).toHaveLength(200);
  });

  test("a section whose silence was described in a lost answer is silent once more", () => {
    const call = new Call({ audio: 1, video: 0 });
    call.want([track(0)]);
    call.settle();
    call.want([track(2)]);
    call.deliverMessage();
    call.deliverOffer();
    call.cut();
    call.settle();
    expect(receivedTracks(call)).toEqual(["TR_2"]);
  });
});

test("what is wanted is looked through once, however many sections are free", () => {
  const plan = new SectionPlan();
  plan.setSections(Array.from({ length: 200 }, (_, n) => ({ mid: `${n}`, kind: "audio" })));
  let looks = 0;
  const tracks = Array.from({ length: 100 }, (_, n) => ({
    id: `TR_${n}` as TrackId,
    get kind(): MediaKind {
      looks += 1;
      return "audio";
    },
  }));
  plan.want(tracks);
  plan.describe();
  plan.confirm();
  looks = 0;
  expect(plan.unsettled).toBe(false);
  expect(looks).toBeLessThanOrEqual(2 * tracks.length);
});
