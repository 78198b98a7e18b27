/**
 * Goal: whatever happens in rooms, and however far behind they are with their work, media threads are told of nothing that they
 * do not know, and nobody ever gets or hears of what is not for them; in the end everybody receives what it may and wants, and nothing is left when all are gone.
 * Method: clients of either protocol version, publishers and an administrator do what fast-check chooses, over real control and
 * media threads that check what they are told.
 */
import {
  LeaveRequest,
  type ParticipantInfo,
  SessionDescription,
  SyncState,
  UpdateSubscription,
} from "@livekit/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from "vitest";
import type { MediaKind } from "../../src/base/codec.ts";
import { TokenBucket } from "../../src/base/token-bucket.ts";
import { AccessTokens, type Permission } from "../../src/control/access-token.ts";
import type { Participant } from "../../src/control/participant.ts";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import { participantInfo } from "../../src/livekit/participant-info.ts";
import { claims, grants, must, OPUS, REMOTE, section, VP8 } from "../control/conference.ts";
import { offerText } from "../sdp/offers.ts";
import { SignalClient, signalHall } from "./client.ts";
import { RoomView } from "./room-view.ts";
import { Secrecy } from "./secrecy.ts";
import { ThreadModel } from "./thread-model.ts";

const ROOMS = ["hall", "attic"];
const CALLERS = ["ada", "bo", "cy", "di"];
const PUBLISHERS = ["pat", "quin"];

/** Two of them have one PeerConnection, two have two. */
const isSingle = (name: string): boolean => CALLERS.indexOf(name) < 2;

const WATCH = offerText("chromium-watch");

/** An offer for receiving, with further sections at its end. */
function watchOffer(further: readonly MediaKind[]): string {
  const [head, ...bodies] = WATCH.split(/^(?=m=)/m);
  const added = further.map((kind, n) =>
    bodies.find((body) => body.startsWith(`m=${kind}`))!.replace(/a=mid:.*/, `a=mid:more${n}`),
  );
  const mids = added.map((_, n) => ` more${n}`).join("");
  return head!.replace(/a=group:BUNDLE .*/, (line) => line + mids) + bodies.join("") + added.join("");
}

/** A client that does what it is asked to. */
class Caller {
  readonly sid: string;
  readonly name: string;
  readonly view = new RoomView();
  readonly unwanted = new Set<string>();
  client: SignalClient;
  isCut = false;
  readonly #further: MediaKind[] = [];
  #offers = 0;

  constructor(name: string, client: SignalClient) {
    this.name = name;
    this.client = client;
    const value = client.take("join");
    this.sid = value.participant!.sid;
    this.view.hear({ case: "join", value });
    if (isSingle(name)) this.offer();
  }

  get isHere(): boolean {
    return !this.isCut && this.client.closed === null;
  }

  offer(): void {
    const sdp = watchOffer(this.#further);
    this.#offers += 1;
    this.client.send({
      case: "offer",
      value: new SessionDescription({ type: "offer", sdp, id: this.#offers }),
    });
  }

  subscribe(trackSid: string, subscribe: boolean): void {
    this.view.ask(trackSid, subscribe);
    if (subscribe) this.unwanted.delete(trackSid);
    else this.unwanted.add(trackSid);
    const value = new UpdateSubscription({ trackSids: [trackSid], subscribe });
    this.client.send({ case: "subscription", value });
  }

  resume(client: SignalClient): void {
    this.client = client;
    this.isCut = false;
    if (client.closed !== null) return;
    const subscription = new UpdateSubscription({ trackSids: [...this.unwanted], subscribe: false });
    client.send({ case: "syncState", value: new SyncState({ subscription }) });
    if (isSingle(this.name)) this.offer();
  }

  follow(): void {
    for (const message of this.client.messages.splice(0)) {
      this.view.hear(message);
      const { case: kind, value } = message;
      if (kind === "mediaSectionsRequirement") {
        this.#further.push(...Array<MediaKind>(value.numAudios).fill("audio"));
        this.#further.push(...Array<MediaKind>(value.numVideos).fill("video"));
        this.offer();
      } else if (kind === "offer") {
        const sdp = value.sdp.replaceAll("actpass", "active").replaceAll("sendonly", "recvonly");
        const answer = new SessionDescription({ type: "answer", sdp, id: value.id });
        this.client.send({ case: "answer", value: answer });
      }
    }
  }
}

class Scene {
  readonly hall = signalHall({ maxParticipants: 100 }, 2);
  readonly threads = [new ThreadModel(1), new ThreadModel(2)];
  readonly callers = new Map<string, Caller>();
  readonly secrecy = new Secrecy();
  readonly #publishers = new Map<string, Transport>();

  constructor() {
    this.hall.thread.die();
    for (const thread of this.threads) this.hall.threads.add(thread);
  }

  join(name: string, room: string): void {
    const client = new SignalClient(this.hall, claims(name, { room }), { singleConnection: isSingle(name) });
    if (client.closed === null) this.callers.set(name, new Caller(name, client));
  }

  publish(name: string, room: string, kind: MediaKind): void {
    const transport = this.#transport(name, room);
    const published = transport.publish(section(kind, { mid: `${transport.trackCount}` }));
    if (published.ok && transport.trackCount % 3 !== 0) this.media(published.value);
  }

  /** A video that comes in another codec as well, or not any more. */
  turnBackup(transport: Transport, track: Track, replaces: boolean): void {
    if (track.backup !== null) return transport.unpublishBackup(track);
    this.media(
      must(transport.publishBackup(track, section("video", { mid: `backup of ${track.id}` }), replaces)),
    );
  }

  #transport(name: string, room: string): Transport {
    const present = this.#publishers.get(name);
    if (present?.state.kind === "open") return present;
    const participant = must(this.hall.rooms.join(room, claims(name, { room })));
    const transport = must(participant.openTransport(grants({ room }), REMOTE));
    this.#publishers.set(name, transport);
    return transport;
  }

  /** One dies, and another comes in its place. */
  replaceThread(at: number): void {
    const former = this.threads[at]!;
    const next = new ThreadModel(former.index);
    this.threads[at] = next;
    former.die();
    this.hall.threads.add(next);
  }

  /** Media of a track arrives. */
  media(track: Track): void {
    const thread = this.threads.find(({ heard }) => heard.has(track.id));
    thread?.codec(track.id, track.section.kind === "audio" ? OPUS : VP8);
  }

  get publishers(): Transport[] {
    return [...this.#publishers.values()].filter(({ state }) => state.kind === "open");
  }

  get tracks(): Track[] {
    return this.publishers.flatMap(({ tracks }) => [...tracks]);
  }

  get participants(): Participant[] {
    return this.hall.rooms.list.flatMap(({ participants }) =>
      participants.filter((one) => one.source === null),
    );
  }

  /** As one who is here, or has been. */
  of({ sid }: Caller): Participant | undefined {
    return this.participants.find(({ id }) => id === sid);
  }

  /** With the latest token that its client has got. */
  resume(caller: Caller): void {
    const params = { resumes: caller.sid, singleConnection: isSingle(caller.name) };
    caller.resume(new SignalClient(this.hall, claims(caller.name, { room: caller.view.room }), params));
    if (this.of(caller) === undefined) expect(caller.client.closed).not.toBeNull();
  }

  check(): void {
    const listeners = [...this.callers.values()].map(({ sid, client: { messages } }) => ({ sid, messages }));
    this.secrecy.check(this.hall.rooms, this.threads, listeners);
  }

  /** All who were cut off come back, but for one. */
  async settle(): Promise<void> {
    for (const caller of this.callers.values()) if (caller.isCut && caller.name !== "di") this.resume(caller);
    // Tokens take a moment to be signed.
    await Promise.all(issuing.mock.results.map(({ value }) => value));
    await new Promise(setImmediate);
    issuing.mockClear();
    for (let n = 0; n < 60; n++) {
      if (n === 50) for (const thread of this.threads) for (const room of ROOMS) thread.reportSpeakers(room);
      for (const caller of this.callers.values()) {
        if (!caller.isHere) continue;
        caller.follow();
        caller.client.send({ case: "ping", value: 1n });
      }
      this.hall.clock.pass(200);
    }
  }
}

const change = (participant: Participant | undefined, permission: Partial<Permission>): void => {
  if (participant === undefined) return;
  must(participant.update({ permission: { ...participant.profile.permission, ...permission } }));
};

type Step = (scene: Scene, pick: <T>(list: readonly T[]) => T | undefined) => void;

const STEPS: Readonly<Record<string, Step>> = {
  join: (scene, pick) => scene.join(pick(CALLERS)!, pick(ROOMS)!),
  publish: (scene, pick) =>
    scene.publish(pick(PUBLISHERS)!, pick(ROOMS)!, pick(["audio", "video"] as const)!),
  media(scene, pick) {
    const track = pick(scene.tracks);
    if (track !== undefined) scene.media(track);
  },
  unpublish(scene, pick) {
    const transport = pick(scene.publishers);
    const track = transport && pick([...transport.tracks]);
    if (track !== undefined) transport!.unpublish(track);
  },
  backup(scene, pick) {
    const transport = pick(scene.publishers);
    const track = transport && pick([...transport.tracks].filter((one) => one.section.kind === "video"));
    if (track !== undefined) scene.turnBackup(transport!, track, pick([true, false])!);
  },
  audience(scene, pick) {
    const audience = pick(["everybody", new Map([[pick(CALLERS)!, "all"]] as const)] as const)!;
    const publisher = pick(scene.publishers)?.participant;
    if (publisher === undefined) return;
    publisher.setAudience(audience);
    scene.secrecy.setAudience(publisher, audience);
  },
  mute(scene, pick) {
    const [track, muted] = [pick(scene.tracks), pick([true, false])!];
    if (track === undefined) return;
    track.setMuted(muted);
    scene.secrecy.setMuted(track, muted);
  },
  muteByServer(scene, pick) {
    const track = pick(scene.hall.rooms.list.flatMap((room) => room.tracks()));
    const muted = pick([true, false])!;
    if (track?.setMutedByServer(muted).ok === true) scene.secrecy.setMuted(track, muted);
  },
  speak(scene, pick) {
    const [thread, room] = [pick(scene.threads)!, pick(ROOMS)!];
    thread.speaking = pick([...thread.heard.keys()]) ?? null;
    thread.reportSpeakers(room);
  },
  rename: (scene, pick) => pick(scene.participants)?.update({ name: pick(["Ada", "Bo"])! }),
  hide: (scene, pick) => change(pick(scene.participants), { hidden: pick([true, false])! }),
  permit: (scene, pick) =>
    change(pick(scene.participants), {
      canSubscribe: pick([true, false])!,
      canPublish: pick([true, false])!,
    }),
  subscribe(scene, pick) {
    const [caller, track] = [pick([...scene.callers.values()]), pick(scene.tracks)];
    if (caller?.isHere !== true || track === undefined) return;
    caller.subscribe(track.id, pick([true, false])!);
  },
  move(scene, pick) {
    const participant = pick(scene.participants);
    if (participant !== undefined) scene.hall.rooms.move(participant, pick(ROOMS)!);
  },
  forward(scene, pick) {
    const transport = pick(scene.publishers);
    if (transport !== undefined) scene.hall.rooms.forward(transport.participant, pick(ROOMS)!);
  },
  cut(scene, pick) {
    const caller = pick([...scene.callers.values()]);
    if (caller?.isHere !== true) return;
    caller.client.vanish();
    caller.isCut = true;
  },
  /** Its connection is dead, and the server does not know. */
  deafen(scene, pick) {
    const caller = pick([...scene.callers.values()]);
    if (caller?.isHere === true) caller.isCut = true;
  },
  resume(scene, pick) {
    const caller = pick([...scene.callers.values()].filter(({ isCut }) => isCut));
    if (caller !== undefined) scene.resume(caller);
  },
  leave(scene, pick) {
    const caller = pick([...scene.callers.values()]);
    if (caller?.isHere === true) caller.client.send({ case: "leave", value: new LeaveRequest() });
  },
  close: (scene, pick) => pick(scene.publishers)?.close(),
  remove: (scene, pick) => pick(scene.participants)?.leave("participant_removed"),
  die: (scene, pick) => scene.replaceThread(pick([0, 1])!),
  deleteRoom: (scene, pick) => pick(scene.hall.rooms.list)?.delete(),
  follow(scene, pick) {
    const caller = pick([...scene.callers.values()]);
    if (caller?.isHere === true) caller.follow();
  },
  pass: ({ hall }, pick) => hall.clock.pass(pick([1, 60, 300, 800])!),
};

/** More often: without tracks and those who receive them little happens. */
const OFTEN = ["join", "publish", "publish", "publish", "media", "follow", "follow"];
const Steps = fc.array(
  fc.tuple(
    fc.constantFrom(...Object.keys(STEPS), ...OFTEN),
    fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
  ),
  { minLength: 20, maxLength: 80, size: "max" },
);

function take(scene: Scene, [name, numbers]: readonly [string, readonly number[]]): void {
  const left = [...numbers];
  STEPS[name]!(scene, (list) => list[left.shift()! % list.length]);
}

const hasMedia = ({ payload }: Track): boolean => payload !== null;

function expected(participant: Participant): string[] {
  const { room, profile } = participant;
  return room
    .tracks()
    .filter(({ publisher, renditions }) => renditions.some(hasMedia) && publisher !== participant)
    .filter((track) => track.publisher.admits(participant, track.id) && participant.receives(track) !== false)
    .filter(() => profile.permission.canSubscribe)
    .map(({ id }) => id)
    .sort();
}

function expectToReceive(scene: Scene, participant: Participant): void {
  const carried = participant.subscriptions.flatMap(({ track }) => track?.id ?? []);
  expect(carried.sort()).toEqual(expected(participant));
  const ids = new Set<string>(participant.subscriptions.map(({ section }) => section.subscriptionId));
  const sources = scene.threads.flatMap(({ downs }) =>
    [...downs].flatMap(([id, { source }]) => (ids.has(id) ? (source ?? []) : [])),
  );
  const streams = participant.room
    .tracks()
    .flatMap((track) => (track.backup ? [track, track.backup] : [track]));
  const primaries = sources.map((source) => streams.find(({ id }) => id === source)?.primary.id);
  expect(primaries.sort()).toEqual(carried);
}

/** All but the version, which counts what is not shown as well. */
const facts = (info: ParticipantInfo): unknown => ({ ...info, version: 0 });

function expectToSee({ view }: Caller, participant: Participant): void {
  const { room } = participant;
  expect(view.room).toBe(room.id);
  expect(facts(view.own!)).toEqual(facts(participantInfo(participant)));
  const others = room.participants.filter((one) => one !== participant && !one.profile.permission.hidden);
  const seen = [...view.others].map(([identity, info]) => [identity, facts(info)] as const);
  expect(new Map(seen)).toEqual(new Map(others.map((one) => [one.identity, facts(participantInfo(one))])));
  const wanted = others
    .flatMap(({ tracks }) => tracks)
    .filter((track) => participant.profile.permission.canSubscribe && participant.receives(track) !== false);
  const isDenied = ({ publisher, id }: Track): boolean => !publisher.admits(participant, id);
  expect(wanted.filter(({ id }) => view.denied.has(id)).map(({ id }) => id)).toEqual(
    wanted.filter(isDenied).map(({ id }) => id),
  );
  const speaking = room.speakers.list.map(({ track }) => track.publisher);
  const shown = speaking.filter((one) => others.includes(one));
  expect(view.speakers).toEqual(new Set(shown.map(({ id }) => id)));
}

/** What moderators and publishers decide, and what else may happen just then, in a room where everybody receives everything. */
const DECISIONS = ["audience", "mute", "muteByServer", "hide", "permit", "move", "forward", "remove"];
const MEANWHILE = ["join", "publish", "media", "backup", "subscribe", "cut", "resume", "follow", "pass"];
const Decisions = fc.array(
  fc.tuple(fc.constantFrom(...DECISIONS, ...MEANWHILE), fc.array(fc.nat(), { minLength: 3, maxLength: 3 })),
  { minLength: 10, maxLength: 30, size: "max" },
);

function inFullSwing(): Scene {
  const scene = new Scene();
  for (const name of CALLERS) scene.join(name, "hall");
  for (const name of PUBLISHERS)
    for (const kind of ["audio", "video"] as const) scene.publish(name, "hall", kind);
  for (let n = 0; n < 20; n++) {
    for (const caller of scene.callers.values()) caller.follow();
    scene.hall.clock.pass(200);
  }
  for (const caller of scene.callers.values()) expectToReceive(scene, scene.of(caller)!);
  return scene;
}

/** What has failed is looked for in fewer steps. */
const SHRINKING_MS = 600_000;

let isBusy = false;
let issuing: MockInstance<AccessTokens["issue"]>;
beforeEach(() => {
  issuing = vi.spyOn(AccessTokens.prototype, "issue");
  let asked = 0;
  const ration = vi.spyOn(TokenBucket.prototype, "overdrawnForMs");
  ration.mockImplementation(() => (isBusy && asked++ % 4 !== 0 ? 700 : 0));
});
afterEach(() => vi.restoreAllMocks());

test.each([false, true])(
  "in rooms that are behind with their work: %s",
  async (behind) => {
    isBusy = behind;
    await fc.assert(
      fc.asyncProperty(Steps, async (steps) => {
        const scene = new Scene();
        for (const step of steps) {
          take(scene, step);
          scene.check();
        }
        await scene.settle();
        for (const caller of scene.callers.values()) {
          if (!caller.isHere) continue;
          expectToReceive(scene, scene.of(caller)!);
          expectToSee(caller, scene.of(caller)!);
        }
        const count = (kind: "ways" | "piped"): number =>
          scene.threads.reduce((sum, thread) => sum + thread[kind].size, 0);
        expect(count("ways")).toBe(count("piped"));
        for (const room of scene.hall.rooms.list) room.delete();
        scene.hall.clock.pass(60_000);
        expect(scene.threads.map(({ isEmpty }) => isEmpty)).toEqual([true, true]);
        expect(scene.hall.threads.leastLoaded()!.load).toBe(0);
      }),
      { numRuns: 30 },
    );
  },
  SHRINKING_MS,
);

test.each([false, true])(
  "from a call in full swing, in rooms that are behind with their work: %s",
  (behind) => {
    fc.assert(
      fc.property(Decisions, (steps) => {
        isBusy = false;
        const scene = inFullSwing();
        isBusy = behind;
        for (const step of steps) {
          take(scene, step);
          scene.check();
        }
      }),
      { numRuns: 30 },
    );
  },
  SHRINKING_MS,
);
