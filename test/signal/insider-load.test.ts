/**
 * Goal: a member of a room who changes what the others may receive as often as it can does not make each of its messages work
 * for the whole room, and all come to know how it is in the end.
 * Method: a room in which one publishes much; looks of somebody at a track are counted, not timed.
 */
import { AddTrackRequest, SessionDescription, SubscriptionPermission } from "@livekit/protocol";
import { beforeEach, expect, test, vi } from "vitest";
import { Participant } from "../../src/control/participant.ts";
import type { Track } from "../../src/control/track.ts";
import { connect, must, OPUS, section, VP8 } from "../control/conference.ts";
import { MICROPHONE, SignalClient, type SignalHall, signalHall } from "./client.ts";

const TRACKS = 60;
const OTHERS = 40;
const MICROPHONE_CID = "1e7ee43d-bcb3-4c29-90e7-cf3ef57b1dbe";

let hall: SignalHall;
let ada: SignalClient;
let bo: SignalClient;
let voice: Track;

beforeEach(() => {
  hall = signalHall({ maxParticipants: 100, maxTracksPerParticipant: TRACKS });
  const stage = connect(hall.rooms, "stage");
  for (let n = 0; n < TRACKS - 1; n++) must(stage.publish(section("video", { mid: `${n}` })));
  for (let n = 0; n < OTHERS; n++) {
    new SignalClient(hall, `p${n}`);
    watcher(`w${n}`);
  }
  ada = new SignalClient(hall, "ada");
  bo = new SignalClient(hall, "bo");
  ada.send({ case: "addTrack", value: new AddTrackRequest({ ...MICROPHONE, cid: MICROPHONE_CID }) });
  ada.offer("chromium-publish-simulcast");
  [voice] = hall.rooms.get("hall")!.participant("ada")!.tracks as [Track];
  hall.thread.codec(voice.id, OPUS);
  hall.clock.pass(5_000);
  bo.messages.length = 0;
});

/** One who is dealt a voice and a picture, whoever has them. */
function watcher(identity: string): Participant {
  const transport = connect(hall.rooms, identity);
  must(transport.addSlot({ kind: "audio", mid: "0", payloads: [OPUS] }));
  must(transport.addSlot({ kind: "video", mid: "1", payloads: [VP8] }));
  must(transport.watch({}));
  return transport.participant;
}

function permit(allParticipants: boolean, client = ada): void {
  client.send({ case: "subscriptionPermission", value: new SubscriptionPermission({ allParticipants }) });
}

/** An odd number of changes: in the end nobody may receive `client`. */
function flood(client = ada): void {
  for (let n = 0; n < 301; n++) permit(n % 2 === 1, client);
}

/** What bo was told of whether it may receive ada, since it was asked last. */
function told(): boolean[] {
  return bo.messages
    .splice(0)
    .flatMap(({ case: kind, value }) => (kind === "subscriptionPermissionUpdate" ? value.allowed : []));
}

const receive = (identity: string): boolean =>
  hall.rooms
    .get("hall")!
    .participant(identity)!
    .subscriptions.some(({ track }) => track === voice);

test("a change acts at once, and many in a row soon, with work for few", () => {
  expect(receive("w0")).toBe(true);
  permit(false);
  expect([receive("w0"), told()]).toEqual([false, [false]]);
  permit(true);
  expect([receive("w0"), told()]).toEqual([true, [true]]);
  const looks = vi.spyOn(Participant.prototype, "admits");
  flood();
  hall.clock.pass(1_000);
  // Two of them for each of 82 participants, 60 tracks and 301 messages would be three millions.
  expect(looks.mock.calls.length).toBeLessThan(700_000);
  looks.mockRestore();
  expect([receive("w0"), told().at(-1)]).toEqual([false, false]);
  hall.clock.pass(5_000);
  permit(true);
  expect([receive("w0"), told()]).toEqual([true, [true]]);
});

test("no description names a track that has ended meanwhile", () => {
  bo.offer("chromium-watch");
  expect(Object.values(bo.take("answer").midToTrackId)).toContain(voice.id);
  flood();
  permit(true);
  for (const transport of voice.publisher.transports) transport.unpublish(voice);
  bo.offer("chromium-watch", 2);
  expect(Object.values(bo.take("answer").midToTrackId)).not.toContain(voice.id);
});

test("no answer takes up a track that has ended meanwhile", () => {
  const cy = new SignalClient(hall, "cy", { singleConnection: false });
  const { sdp, id, midToTrackId } = cy.take("offer");
  expect(Object.values(midToTrackId)).toContain(voice.id);
  flood(bo);
  for (const transport of voice.publisher.transports) transport.unpublish(voice);
  hall.thread.commands.length = 0;
  const answer = sdp.replace("actpass", "active").replaceAll("sendonly", "recvonly");
  cy.send({ case: "answer", value: new SessionDescription({ type: "answer", sdp: answer, id }) });
  expect(hall.thread.sent("transport.open")).toHaveLength(1);
  expect(hall.thread.sent("down-track.source").filter(({ source }) => source !== null)).toEqual([]);
});

test.each(["hidden", "moved"])("who is %s meanwhile is received no more at once", (how) => {
  flood(bo);
  const { publisher } = voice;
  expect(receive("w0")).toBe(true);
  if (how === "moved") must(hall.rooms.move(publisher, "attic"));
  else must(publisher.update({ permission: { ...publisher.profile.permission, hidden: true } }));
  expect(receive("w0")).toBe(false);
});

test("a room that ends meanwhile has nothing more to do", () => {
  flood();
  const room = hall.rooms.get("hall")!;
  room.delete();
  const looks = vi.spyOn(room, "tracks");
  hall.clock.pass(10_000);
  expect(looks).not.toHaveBeenCalled();
});
