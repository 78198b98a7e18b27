/**
 * Goal: who says what to whom: routing, permission, early packets, repetitions, slow receivers, calls by the server.
 * Method: real sessions over real control; the DTLS thread is a recording one that says what peers would.
 */
import {
  ActiveSpeakerUpdate,
  DataPacket,
  ParticipantInfo_State,
  PublishDataTrackRequest,
  RequestResponse_Reason,
  RpcAck,
  RpcError,
  RpcResponse,
  Transcription,
  UnpublishDataTrackRequest,
  UpdateDataSubscription,
  UpdateDataSubscription_Update,
  UserPacket,
} from "@livekit/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import type { TransportId } from "../../src/base/ids.ts";
import { heldBytes } from "../../src/contract/data.ts";
import type { ParticipantKind, Permission } from "../../src/control/access-token.ts";
import type { Participant } from "../../src/control/participant.ts";
import { claims, must } from "../control/conference.ts";
import { SignalClient, type SignalHall, signalHall } from "./client.ts";

const RELIABLE = {
  label: "_reliable",
  protocol: "",
  ordered: true,
  maxRetransmits: null,
  maxLifetimeMs: null,
};
const LOSSY = { ...RELIABLE, label: "_lossy", ordered: false, maxRetransmits: 0 };

let hall: SignalHall;

beforeEach(() => {
  hall = signalHall();
});

/** A client whose data channels are open, unless it has yet to open them. */
class DataClient {
  readonly identity: string;
  readonly client: SignalClient;

  constructor(identity: string, { grants = {}, opens = true, kind = "standard" as ParticipantKind } = {}) {
    this.identity = identity;
    this.client = new SignalClient(hall, { ...claims(identity, grants), kind });
    this.client.offer("chromium-data-channel");
    if (opens) this.open();
  }

  get transportId(): TransportId {
    return [...hall.rooms.get("hall")!.participant(this.identity)!.transports][0]!.id;
  }

  open(): void {
    const { transportId } = this;
    hall.dataThread.emit([
      { kind: "channel.opened", transportId, channelId: 0, params: RELIABLE },
      { kind: "channel.opened", transportId, channelId: 2, params: LOSSY },
    ]);
  }

  say(packet: Partial<DataPacket>, channelId = 0): void {
    this.sayBytes(new DataPacket(packet).toBinary(), channelId);
  }

  sayBytes(packet: Uint8Array, channelId = 0): void {
    const bytes = new Uint8Array(packet);
    const { transportId } = this;
    const slice = { at: 0, length: bytes.length };
    hall.dataThread.emit(
      [{ kind: "message.received", transportId, channelId, isText: false, ...slice }],
      bytes,
    );
  }

  /** The texts that it was sent, with who is said to have sent them. */
  async heard(): Promise<string[]> {
    return (await this.packets()).map(
      ({ participantIdentity, value }) => `${participantIdentity}: ${textOf(value)}`,
    );
  }

  async packets(): Promise<DataPacket[]> {
    // What is posted in one turn goes at its end.
    await Promise.resolve();
    return hall.dataThread.batches.flatMap(({ letters, bytes }) =>
      letters.flatMap((letter) => {
        if (letter.kind !== "message.send" || letter.transportId !== this.transportId) return [];
        return DataPacket.fromBinary(bytes.slice(letter.at, letter.at + letter.length));
      }),
    );
  }
}

function textOf(value: DataPacket["value"]): string {
  return value.case === "user" ? new TextDecoder().decode(value.value.payload) : String(value.case);
}

function text(words: string, packet: Partial<DataPacket> = {}, user: object = {}): Partial<DataPacket> {
  const value = new UserPacket({ payload: new TextEncoder().encode(words), ...user });
  return { ...packet, value: { case: "user", value } };
}

describe("packets", () => {
  test("go to everybody else, or to those whom they name, under their true sender", async () => {
    const [ada, bo, cy] = ["ada", "bo", "cy"].map((name) => new DataClient(name));
    ada!.say(text("all", { participantIdentity: "bo" }));
    ada!.say(text("one", { destinationIdentities: ["cy", "cy", "nobody", "ada"] }), 2);
    expect(await ada!.heard()).toEqual([]);
    expect(await bo!.heard()).toEqual(["ada: all"]);
    expect(await cy!.heard()).toEqual(["ada: all", "ada: one"]);
  });

  test("go to nobody but those whom older clients name by their sids", async () => {
    const [ada, bo, cy] = ["ada", "bo", "cy"].map((name) => new DataClient(name));
    const destinationSids = [cy!.client.take("join").participant!.sid, "PA_nobody"];
    ada!.say(text("one", {}, { destinationSids }));
    ada!.say(text("both", { destinationIdentities: ["bo", "cy"] }, { destinationSids }));
    ada!.say(text("gone", {}, { destinationSids: ["PA_nobody"] }));
    expect(await bo!.heard()).toEqual(["ada: both"]);
    expect(await cy!.heard()).toEqual(["ada: one", "ada: both"]);
  });

  test("of who is hidden name nobody, and go to everybody", async () => {
    const [eve, bo] = [new DataClient("eve", { grants: { hidden: true } }), new DataClient("bo")];
    const participant = hall.rooms.get("hall")!.participant("eve")!;
    eve.say(text("hidden", { participantIdentity: "ada" }, { participantIdentity: "ada" }));
    participant.update({ permission: { ...participant.profile.permission, hidden: false } });
    eve.say(text("shown"));
    const said = (await bo.packets()).map(({ participantIdentity, participantSid, value }) => {
      const within = (value.value as UserPacket).participantIdentity;
      return [textOf(value), participantIdentity, within, participantSid];
    });
    // By the sid its receivers number what comes from one sender.
    expect(said).toEqual([
      ["hidden", "", "", participant.id],
      ["shown", "eve", "eve", participant.id],
    ]);
  });

  test("that tell of others what they say, or who speaks, are those of agents alone", async () => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    const agent = new DataClient("agent", { kind: "agent" });
    const said = new Transcription({ transcribedParticipantIdentity: "bo" });
    for (const one of [ada, agent]) {
      one.say({ value: { case: "transcription", value: said } });
      one.say({ value: { case: "speaker", value: new ActiveSpeakerUpdate() } });
    }
    ada.say(text("hello"));
    expect(await bo.heard()).toEqual(["agent: transcription", "agent: speaker", "ada: hello"]);
  });

  test("of those who may send none go nowhere, from the moment on that they may not", async () => {
    const [ada, bo] = [new DataClient("ada", { grants: { canPublishData: false } }), new DataClient("bo")];
    ada.say(text("no"));
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    participant.update({ permission: { ...participant.profile.permission, canPublishData: true } });
    ada.say(text("yes"));
    expect(await bo.heard()).toEqual(["ada: yes"]);
  });

  test("that are reliable wait for a channel that is not open yet; others do not", async () => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo", { opens: false })];
    ada.say(text("early"));
    ada.say(text("lost"), 2);
    expect(await bo.heard()).toEqual([]);
    bo.open();
    ada.say(text("later"));
    expect(await bo.heard()).toEqual(["ada: early", "ada: later"]);
  });

  test("that come twice are told once, and a resume says where to go on", async () => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    const { sid } = ada.client.take("join").participant!;
    for (const sequence of [1, 2, 2, 1, 3]) ada.say(text(`${sequence}`, { sequence }));
    expect(await bo.heard()).toEqual(["ada: 1", "ada: 2", "ada: 3"]);
    const again = new SignalClient(hall, "ada", { resumes: sid });
    expect(again.take("reconnect").lastMessageSeq).toBe(3);
  });

  test("a sequence number that protobuf can not hold is not kept for the resume", () => {
    const ada = new DataClient("ada");
    const { sid } = ada.client.take("join").participant!;
    ada.say(text("1", { sequence: 1 }));
    ada.sayBytes(Uint8Array.of(0x80, 0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01));
    const again = new SignalClient(hall, "ada", { resumes: sid });
    expect(again.take("reconnect").lastMessageSeq).toBe(1);
  });

  test("a sender waits for a receiver that does not read, and then leaves it behind", async () => {
    const [ada, bo, cy] = ["ada", "bo", "cy"].map((name) => new DataClient(name));
    const large = text("x".repeat(60_000));
    // Cy reads all, bo nothing.
    const read = async (): Promise<void> => {
      await Promise.resolve();
      const { transportId } = cy!;
      const bytes = hall.dataThread.batches.at(-1)!.letters.reduce((sum, letter) => {
        return letter.kind === "message.send" && letter.transportId === transportId
          ? sum + letter.length
          : sum;
      }, 0);
      hall.dataThread.emit([{ kind: "message.sent", transportId, channelId: 0, messages: 0, bytes }]);
    };
    const taken = (): number =>
      hall.dataThread.commands.filter(
        ({ kind, transportId }) => kind === "message.taken" && transportId === ada!.transportId,
      ).length;
    for (let n = 0; n < 40; n++) {
      ada!.say(large);
      await read();
    }
    const beforeWaiting = taken();
    ada!.say(large);
    ada!.say(large);
    await Promise.resolve();
    expect(taken()).toBe(beforeWaiting);
    hall.clock.pass(6_000);
    await Promise.resolve();
    expect(taken()).toBeGreaterThan(beforeWaiting);
    ada!.client.send({ case: "ping", value: 1n });
    ada!.say(text("for those who read"));
    expect(await cy!.heard()).toContain("ada: for those who read");
    expect(await bo!.heard()).not.toContain("ada: for those who read");
  });

  test.each([
    ["back", -3_600_000],
    ["forward", 3_600_000],
  ])("a sender waits as long when the time of day is set %s meanwhile", async (_where, byMs) => {
    const [ada] = ["ada", "bo"].map((name) => new DataClient(name));
    const taken = (): number =>
      hall.dataThread.commands.filter(
        ({ kind, transportId }) => kind === "message.taken" && transportId === ada!.transportId,
      ).length;
    for (let n = 0; n < 40; n++) ada!.say(text("x".repeat(60_000)));
    await Promise.resolve();
    const whileWaiting = taken();
    hall.clock.set(byMs);
    hall.clock.pass(4_000);
    await Promise.resolve();
    expect(taken()).toBe(whileWaiting);
    hall.clock.pass(2_000);
    await Promise.resolve();
    expect(taken()).toBeGreaterThan(whileWaiting);
  });

  test("a sender of small messages waits before any is refused, and then leaves the receiver behind", async () => {
    const [ada, bo] = ["ada", "bo"].map((name) => new DataClient(name));
    // Ada has much under way when she is told to wait: as much as a client may say in five seconds.
    for (let second = 0; second < 10; second++) {
      for (let n = 0; n < 900; n++) ada!.say(text(`${n}`));
      hall.clock.pass(1_000);
    }
    expect(hall.surroundings.dataThread.counts.droppedMessages_queue_full).toBe(0);
    expect(hall.surroundings.dataThread.counts.droppedMessages_left_behind).toBe(900);
    expect(await bo!.heard()).toHaveLength(9 * 900);
  });

  test("a client that sends as fast as it is let makes no more work than it may", async () => {
    const ada = new DataClient("ada");
    let windowBytes = 1_048_576;
    let taken = 0;
    let said = 0;
    const seconds = 20;
    for (let turn = 0; turn < 20 * seconds; turn++) {
      // Of what SCTP takes in a twentieth of a second, what its window has room for.
      for (let n = 0; n < 300 && windowBytes > 0; n++, windowBytes -= heldBytes(1)) {
        ada.sayBytes(Uint8Array.of(0));
        said += 1;
      }
      hall.clock.pass(50);
      await Promise.resolve();
      const { commands } = hall.dataThread;
      for (const command of commands.slice(taken)) {
        if (command.kind === "message.taken") windowBytes += command.bytes;
      }
      taken = commands.length;
    }
    expect(said).toBeGreaterThan(seconds * 1_000);
    expect(said).toBeLessThan(2_000 + seconds * 1_000 + 1_048_576 / heldBytes(1));
  });

  test("a client that sends as fast as it is let waits for a slow receiver nevertheless", async () => {
    const [ada] = ["ada", "bo"].map((name) => new DataClient(name));
    const packet = (to: string): Uint8Array =>
      new DataPacket(text("x".repeat(52_410), { destinationIdentities: [to] })).toBinary();
    const [toNobody, toBo] = [packet("no"), packet("bo")];
    // Four in a twentieth of a second are all that it may say: after its burst the first of each window is too much.
    expect(Math.floor(4_194_304 / 20 / toBo.length)).toBe(4);
    for (let n = 0; n < 160; n++) ada!.sayBytes(toNobody);
    const { dataThread, surroundings } = hall;
    let isRead = true;
    for (let turn = 0; turn < 80; turn++) {
      for (let n = 0; n < 16 && isRead; n++) ada!.sayBytes(toBo);
      await Promise.resolve();
      const before = dataThread.commands.length;
      hall.clock.pass(50);
      await Promise.resolve();
      isRead = dataThread.commands.slice(before).some(({ kind }) => kind === "message.taken");
    }
    expect(surroundings.dataThread.counts.droppedMessages_queue_full).toBe(0);
  });

  test("nobody waits again for one who was left behind, until it has read", async () => {
    const [ada, bo] = ["ada", "bo"].map((name) => new DataClient(name));
    const taken = (): number =>
      hall.dataThread.commands.filter(
        ({ kind, transportId }) => kind === "message.taken" && transportId === ada!.transportId,
      ).length;
    for (let n = 0; n < 40; n++) ada!.say(text("x".repeat(60_000)));
    hall.clock.pass(6_000);
    ada!.say(text("lossy"), 2);
    await Promise.resolve();
    const before = taken();
    // Two make more than what is read before a sender is told.
    for (let n = 0; n < 2; n++) ada!.say(text("x".repeat(60_000)));
    await Promise.resolve();
    expect(taken()).toBe(before + 1);
    expect(await bo!.heard()).toContain("ada: lossy");
  });
});

describe("reliable packets for a client whose channel is not open", () => {
  const lost = (): number => {
    const { counts } = hall.surroundings.dataThread;
    return counts.droppedMessages_queue_full + counts.droppedMessages_left_behind;
  };

  /** How often the data thread was told that messages of `client` were read. */
  async function taken(client: DataClient): Promise<number> {
    await Promise.resolve();
    return hall.dataThread.commands.filter(
      ({ kind, transportId }) => kind === "message.taken" && transportId === client.transportId,
    ).length;
  }

  test.each([
    ["small", 1, 900],
    ["large", 60_000, 40],
  ])(
    "wait in their order, %s ones too, and each that is lost is counted",
    async (_what, length, perSecond) => {
      const [ada, bo] = [new DataClient("ada"), new DataClient("bo", { opens: false })];
      // Ada has much under way when she is told to wait, as bo does not come for long.
      const count = 10 * perSecond;
      for (let n = 0; n < count; n++) {
        ada.say(text(`${n} `.padEnd(length, "x")));
        if (n % perSecond === perSecond - 1) hall.clock.pass(1_000);
      }
      expect(lost()).toBeGreaterThan(0);
      bo.open();
      const heard = (await bo.heard()).map((words) => Number(words.split(" ")[1]));
      expect(heard).toEqual(heard.map((_, n) => n));
      expect(heard.length).toBeGreaterThan(10);
      expect(heard.length + lost()).toBe(count);
    },
  );

  test.each([
    ["large", 60_000, 36, 17],
    ["small", 1, 4_200, 3_900],
  ])(
    "make their sender wait until it is, and none is lost, %s ones",
    async (_what, length, many, underWay) => {
      const [ada, bo] = [new DataClient("ada"), new DataClient("bo", { opens: false })];
      const message = text("x".repeat(length));
      for (let n = 0; n < many; n++) {
        if (n % 1_000 === 999) hall.clock.pass(1_000);
        ada.say(message);
      }
      const waiting = await taken(ada);
      // Meanwhile comes what SCTP's window had room for.
      for (let n = 0; n < underWay; n++) ada.say(message);
      expect(await taken(ada)).toBe(waiting);
      hall.clock.pass(2_000);
      expect(await taken(ada)).toBe(waiting);
      bo.open();
      hall.clock.pass(4_000);
      expect(await taken(ada)).toBeGreaterThan(waiting);
      expect(lost()).toBe(0);
      expect(await bo.heard()).toHaveLength(many + underWay);
    },
  );

  test("are not kept when its data channels have ended, and nobody waits", async () => {
    const [ada, bo] = ["ada", "bo"].map((name) => new DataClient(name));
    const { transportId } = bo!;
    hall.dataThread.emit([{ kind: "data.ended", transportId, reason: "peer_closed" }]);
    const large = text("x".repeat(60_000));
    for (let n = 0; n < 20; n++) ada!.say(large);
    const before = await taken(ada!);
    for (let n = 0; n < 2; n++) ada!.say(large);
    expect(await taken(ada!)).toBe(before + 1);
    expect(hall.surroundings.dataThread.counts.droppedMessages_unknown_channel).toBe(22);
  });
});

function permit(participant: Participant, change: Partial<Permission>): void {
  must(participant.update({ permission: { ...participant.profile.permission, ...change } }));
}

describe("data tracks", () => {
  const TRACKS = { ...LOSSY, label: "_data_track" };

  function publish(client: DataClient, pubHandle: number, name: string): void {
    const value = new PublishDataTrackRequest({ pubHandle, name });
    client.client.send({ case: "publishDataTrackRequest", value });
  }

  function open(client: DataClient): void {
    const { transportId } = client;
    hall.dataThread.emit([{ kind: "channel.opened", transportId, channelId: 4, params: TRACKS }]);
  }

  function push(client: DataClient, handle: number, payload: number): void {
    const bytes = Uint8Array.of(0x18, 0, handle >> 8, handle & 0xff, 0, 1, 0, 1, 0, 0, 0, 0, payload);
    const slice = { at: 0, length: bytes.length };
    const { transportId } = client;
    hall.dataThread.emit(
      [{ kind: "message.received", transportId, channelId: 4, isText: false, ...slice }],
      bytes,
    );
  }

  /** Handle and payload of each packet that was sent to a client. */
  async function received({ transportId }: DataClient): Promise<number[][]> {
    await Promise.resolve();
    return hall.dataThread.batches.flatMap(({ letters, bytes }) =>
      letters.flatMap((letter) => {
        if (letter.kind !== "message.send" || letter.transportId !== transportId) return [];
        const packet = bytes.subarray(letter.at, letter.at + letter.length);
        return [[packet[3]!, packet[12]!]];
      }),
    );
  }

  function subscribe(client: DataClient, trackSid: string, wanted: boolean): number | undefined {
    const updates = [new UpdateDataSubscription_Update({ trackSid, subscribe: wanted })];
    client.client.send({ case: "updateDataSubscription", value: new UpdateDataSubscription({ updates }) });
    const { subHandles } = client.client.take("dataTrackSubscriberHandles");
    const [handle] = Object.entries(subHandles).find(([, track]) => track.trackSid === trackSid) ?? [];
    return handle === undefined ? undefined : Number(handle);
  }

  test("are listed, and go to those who subscribe, under a number of their own", async () => {
    const [ada, bo, cy] = ["ada", "bo", "cy"].map((name) => new DataClient(name));
    for (const one of [ada!, bo!, cy!]) open(one);
    publish(ada!, 300, "one");
    publish(ada!, 301, "two");
    const [one, two] = ["publishDataTrackResponse", "publishDataTrackResponse"].map(
      (kind) => ada!.client.take(kind as "publishDataTrackResponse").info!.sid,
    );
    expect(bo!.client.seen("ada")!.dataTracks.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(subscribe(bo!, two!, true)).toBe(1);
    expect(subscribe(bo!, one!, true)).toBe(2);
    push(ada!, 300, 7);
    push(ada!, 301, 8);
    push(ada!, 302, 9);
    expect(await received(bo!)).toEqual([
      [2, 7],
      [1, 8],
    ]);
    expect(await received(cy!)).toEqual([]);
    expect(subscribe(bo!, one!, false)).toBeUndefined();
    push(ada!, 300, 10);
    expect(await received(bo!)).toHaveLength(2);
    ada!.client.send({
      case: "unpublishDataTrackRequest",
      value: new UnpublishDataTrackRequest({ pubHandle: 301 }),
    });
    expect(ada!.client.take("unpublishDataTrackResponse").info!.sid).toBe(two);
    push(ada!, 301, 11);
    expect(await received(bo!)).toHaveLength(2);
    expect(bo!.client.seen("ada")!.dataTracks.map(({ name }) => name)).toEqual(["one"]);
  });

  test.each([
    [0, "name", RequestResponse_Reason.INVALID_HANDLE],
    [65_536, "name", RequestResponse_Reason.INVALID_HANDLE],
    [2, "", RequestResponse_Reason.INVALID_NAME],
    [1, "other", RequestResponse_Reason.DUPLICATE_HANDLE],
    [2, "present", RequestResponse_Reason.DUPLICATE_NAME],
  ])("number %i and name %j are refused beside number 1, named present", (pubHandle, name, reason) => {
    const ada = new DataClient("ada");
    publish(ada, 1, "present");
    publish(ada, pubHandle, name);
    expect(ada.client.take("requestResponse")).toMatchObject({
      reason,
      request: { case: "publishDataTrack" },
    });
  });

  test("stand still while their publisher may not send data", async () => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    for (const one of [ada, bo]) open(one);
    publish(ada, 1, "one");
    subscribe(bo, ada.client.take("publishDataTrackResponse").info!.sid, true);
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    const { permission } = participant.profile;
    participant.update({ permission: { ...permission, canPublishData: false } });
    push(ada, 1, 7);
    expect(await received(bo)).toEqual([]);
    publish(ada, 2, "two");
    expect(ada.client.take("requestResponse").reason).toBe(RequestResponse_Reason.NOT_ALLOWED);
    participant.update({ permission });
    push(ada, 1, 8);
    expect(await received(bo)).toEqual([[1, 8]]);
  });

  test("are 64 of one publisher at most", () => {
    const ada = new DataClient("ada");
    for (let handle = 1; handle <= 65; handle++) publish(ada, handle, `track ${handle}`);
    expect(ada.client.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
    expect(ada.client.kinds().filter((kind) => kind === "publishDataTrackResponse")).toHaveLength(64);
  });

  test.each<[string, (publisher: Participant, subscriber: Participant) => unknown]>([
    ["may not subscribe", (_, bo) => permit(bo, { canSubscribe: false })],
    ["has a publisher who is hidden", (ada) => permit(ada, { hidden: true })],
    ["is not let receive them", (ada) => ada.setAudience(new Map())],
  ])("do not go to one who %s, nor can it subscribe again", async (_, change) => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    for (const one of [ada, bo]) open(one);
    publish(ada, 1, "one");
    const { sid } = ada.client.take("publishDataTrackResponse").info!;
    subscribe(bo, sid, true);
    const hallOf = (identity: string) => hall.rooms.get("hall")!.participant(identity)!;
    change(hallOf("ada"), hallOf("bo"));
    push(ada, 1, 7);
    expect(await received(bo)).toEqual([]);
    subscribe(bo, sid, false);
    expect(subscribe(bo, sid, true)).toBeUndefined();
  });

  test.each(["ada", "bo"])("are not received any more once %s was moved, be it to and fro", async (who) => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    for (const one of [ada, bo]) open(one);
    publish(ada, 1, "one");
    const { sid } = ada.client.take("publishDataTrackResponse").info!;
    subscribe(bo, sid, true);
    const participant = hall.rooms.get("hall")!.participant(who)!;
    must(hall.rooms.move(participant, "attic"));
    must(hall.rooms.move(participant, "hall"));
    push(ada, 1, 7);
    expect(await received(bo)).toEqual([]);
    expect(subscribe(bo, sid, true)).toBe(2);
    push(ada, 1, 8);
    expect(await received(bo)).toEqual([[2, 8]]);
  });

  test("end with their publisher", () => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    publish(ada, 1, "one");
    const { sid } = ada.client.take("publishDataTrackResponse").info!;
    subscribe(bo, sid, true);
    ada.client.send({ case: "leave", value: {} as never });
    expect(subscribe(bo, sid, true)).toBeUndefined();
    expect(bo.client.seen("ada")!.state).toBe(ParticipantInfo_State.DISCONNECTED);
  });
});

describe("the server", () => {
  const sinkOf = (identity: string) => hall.rooms.get("hall")!.participant(identity)!.dataSink!;

  test("says something to a participant", async () => {
    const ada = new DataClient("ada");
    const payload = new TextEncoder().encode("hear ye");
    sinkOf("ada").send({ payload, topic: "t", reliable: true, nonce: new Uint8Array(0) });
    const [packet] = await ada.packets();
    expect(packet!.value).toMatchObject({ case: "user", value: { payload, topic: "t" } });
    expect(packet!.participantIdentity).toBe("");
  });

  async function call(ada: DataClient) {
    const outcome = sinkOf("ada").call({ method: "echo", payload: "hello", timeoutMs: 10_000 });
    const request = (await ada.packets()).at(-1)!;
    const { id } = request.value.value as { id: string };
    const answer = (value: DataPacket["value"]): void => ada.say({ destinationIdentities: [id], value });
    return { outcome, id, request, answer };
  }

  test("calls a method, and nobody else sees the answer", async () => {
    const [ada, bo] = [new DataClient("ada"), new DataClient("bo")];
    const { outcome, id, request, answer } = await call(ada);
    expect(request).toMatchObject({
      participantIdentity: id,
      value: { case: "rpcRequest", value: { method: "echo", payload: "hello", version: 1 } },
    });
    answer({ case: "rpcAck", value: new RpcAck({ requestId: id }) });
    hall.clock.pass(8_000);
    ada.client.send({ case: "ping", value: 1n });
    const response = new RpcResponse({ requestId: id, value: { case: "payload", value: "hi" } });
    answer({ case: "rpcResponse", value: response });
    expect(await outcome).toEqual({ ok: true, payload: "hi" });
    expect(await bo.heard()).toEqual([]);
  });

  test.each([
    ["is told of an error of the method", 0, 1500],
    ["gives up on who does not even acknowledge", 7_000, 1501],
  ])("%s", async (_title, waitMs, code) => {
    const ada = new DataClient("ada");
    const { outcome, id, answer } = await call(ada);
    hall.clock.pass(waitMs);
    const error = new RpcError({ code: 1500, message: "no" });
    answer({
      case: "rpcResponse",
      value: new RpcResponse({ requestId: id, value: { case: "error", value: error } }),
    });
    expect(await outcome).toMatchObject({ ok: false, failure: { code } });
  });

  test("is told when the participant leaves", async () => {
    const ada = new DataClient("ada");
    const { outcome } = await call(ada);
    hall.rooms.get("hall")!.participant("ada")!.leave("client_left");
    expect(await outcome).toMatchObject({ ok: false, failure: { code: 1503 } });
  });
});
