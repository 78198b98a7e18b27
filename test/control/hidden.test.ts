/**
 * Goal: nobody receives what a hidden participant publishes, by whatever protocol, in its room or where it is forwarded to.
 * Method: `hall` with ada, who publishes; viewers that are dealt whatever there is, and one with a section kept for her.
 */
import { beforeEach, expect, test } from "vitest";
import type { Participant } from "../../src/control/participant.ts";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  type Conference,
  claims,
  conference,
  grants,
  must,
  OPUS,
  REMOTE,
  RecordingThread,
  section,
  VP8,
} from "./conference.ts";

let hall: Conference;
let ada: Transport;
let video: Track;

beforeEach(() => {
  hall = conference();
  ada = enterRoom("hall", "ada");
  video = must(ada.publish(section("video")));
  hall.thread.codec(video.id, VP8);
});

function enterRoom(room: string, identity: string, hidden = false): Transport {
  const participant = must(hall.rooms.join(room, claims(identity, { room, hidden })));
  return must(participant.openTransport(grants({ hidden }), REMOTE));
}

/** One who watches `target`, or everybody. */
function viewer(room: string, identity: string, target: { readonly identity?: string } = {}): Transport {
  const transport = enterRoom(room, identity);
  must(transport.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
  must(transport.watch(target));
  return transport;
}

function hide(participant: Participant, hidden: boolean): void {
  must(participant.update({ permission: { ...participant.profile.permission, hidden } }));
}

const received = ({ subscriptions }: Transport) => subscriptions.flatMap(({ track }) => track?.id ?? []);

test("who comes hidden is received by nobody but itself", () => {
  const eve = enterRoom("hall", "eve", true);
  ada.participant.leave("client_left");
  const track = must(eve.publish(section("video")));
  hall.thread.codec(track.id, VP8);
  const viewers = [viewer("hall", "bo"), viewer("hall", "cy", { identity: "eve" })];
  const kept = enterRoom("hall", "di");
  must(kept.addSlot({ kind: "video", mid: "0", payloads: [VP8], reserved: track }));
  kept.participant.setReceives([track], true);
  expect([...viewers, kept].map(received)).toEqual([[], [], []]);
  expect(received(viewer("hall", "eve", { identity: "eve" }))).toEqual([track.id]);
});

test("who is hidden meanwhile is received no more, in no thread, until it is shown again", () => {
  hall = conference({}, 1);
  const far = new RecordingThread(1);
  hall.threads.add(far);
  ada = enterRoom("hall", "ada");
  video = must(ada.publish(section("video")));
  hall.thread.codec(video.id, VP8);
  const bo = viewer("hall", "bo");
  expect([received(bo), far.sent("piped-track.add").length]).toEqual([[video.id], 1]);
  hide(ada.participant, true);
  expect([received(bo), far.sent("piped-track.remove").length]).toEqual([[], 1]);
  hide(ada.participant, false);
  expect([received(bo), far.sent("piped-track.add").length]).toEqual([[video.id], 2]);
});

test("a further token of its identity can hide it", () => {
  const bo = viewer("hall", "bo");
  enterRoom("hall", "ada", true);
  expect(received(bo)).toEqual([]);
});

test("where it is forwarded to it is hidden as it is at home, unless that room says otherwise", () => {
  const bo = viewer("attic", "bo");
  must(hall.rooms.forward(ada.participant, "attic"));
  const there = hall.rooms.get("attic")!.participant("ada")!;
  const [forwarded] = there.tracks;
  expect(received(bo)).toEqual([forwarded!.id]);
  hide(ada.participant, true);
  expect(received(bo)).toEqual([]);
  hide(there, false);
  expect(received(bo)).toEqual([forwarded!.id]);
  hide(there, true);
  hide(ada.participant, false);
  expect([received(bo), received(viewer("hall", "cy"))]).toEqual([[], [video.id]]);
});

test("its thread knows which voices compete with those of others, whenever that changes", () => {
  const added = (id: string) =>
    hall.thread.sent("up-track.add").find(({ track }) => track.trackId === id)!.track.isHidden;
  const eve = enterRoom("hall", "eve", true);
  const voice = must(eve.publish(section("audio")));
  const picture = must(eve.publish(section("video")));
  expect([added(voice.id), added(picture.id), added(video.id)]).toEqual([true, undefined, undefined]);
  hide(eve.participant, false);
  hide(eve.participant, true);
  expect(hall.thread.sent("up-track.hide")).toEqual([
    { kind: "up-track.hide", trackId: voice.id, hidden: false },
    { kind: "up-track.hide", trackId: voice.id, hidden: true },
  ]);
});

test("so does a thread where a hidden voice is received by its own publisher", () => {
  hall = conference({}, 1);
  const far = new RecordingThread(1);
  hall.threads.add(far);
  ada = enterRoom("hall", "ada");
  const voice = must(ada.publish(section("audio")));
  hall.thread.codec(voice.id, OPUS);
  const own = must(ada.participant.openTransport(grants(), REMOTE));
  must(own.addSlot({ kind: "audio", mid: "0", payloads: [OPUS], reserved: voice }));
  expect(far.sent("piped-track.add").map(({ track }) => track.isHidden)).toEqual([undefined]);
  hide(ada.participant, true);
  for (const thread of [hall.thread, far]) {
    expect(thread.sent("up-track.hide")).toEqual([
      { kind: "up-track.hide", trackId: voice.id, hidden: true },
    ]);
  }
});
