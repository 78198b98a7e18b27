/**
 * Goal: who is in a room keeps its place and its session, whatever is decided around it; who is hidden is gone for others.
 * Method: clients of a hall, some of them moved, hidden, forwarded or cut off in the middle of an answer.
 */
import {
  AddTrackRequest,
  ClientInfo,
  ParticipantInfo_State,
  SessionDescription,
  SubscriptionPermission,
  UpdateSubscription,
} from "@livekit/protocol";
import { expect, test } from "vitest";
import type { Track } from "../../src/control/track.ts";
import { WhipSessions } from "../../src/whip/whip-sessions.ts";
import { claims, conference, connect, must, OPUS, section, VP8 } from "../control/conference.ts";
import { offerText } from "../sdp/offers.ts";
import { CAMERA, MICROPHONE, SignalClient, type SignalHall, signalHall } from "./client.ts";

const MICROPHONE_CID = "1e7ee43d-bcb3-4c29-90e7-cf3ef57b1dbe";
const CAMERA_CID = "0a0b7f0a-71ee-4f16-b52b-37bf78dd9344";
const SIMULCAST = offerText("chromium-publish-simulcast");
const watchOffer = () => new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });

/** With a microphone and a camera of which media has come. */
function publisher(hall: SignalHall): SignalClient {
  const ada = new SignalClient(hall, "ada");
  ada.send({ case: "addTrack", value: new AddTrackRequest({ ...MICROPHONE, cid: MICROPHONE_CID }) });
  ada.send({ case: "addTrack", value: new AddTrackRequest({ ...CAMERA, cid: CAMERA_CID }) });
  ada.offer("chromium-publish-simulcast");
  const [voice, picture] = hall.rooms.get("hall")!.participant("ada")!.tracks as [Track, Track];
  hall.thread.codec(voice.id, OPUS);
  hall.thread.codec(picture.id, VP8);
  return ada;
}

test.each(["join", "resume"])(
  "a connection that ends while a %s is being answered leaves nobody behind",
  (how) => {
    const hall = signalHall();
    let resumes = "";
    if (how === "resume") {
      const ada = new SignalClient(hall, "ada");
      resumes = ada.take("join").participant!.sid;
      ada.vanish();
    }
    let bufferedBytes = 0;
    const params = { singleConnection: true, client: new ClientInfo(), autoSubscribe: true, resumes };
    const nothing = { metadata: "", attributes: {}, addTracks: [], syncState: null };
    const connection = hall.sessions.connect(
      claims("ada"),
      { ...params, ...nothing, offer: watchOffer() },
      {
        send: () => {
          bufferedBytes += 5_000_000;
        },
        close: () => {},
        get bufferedBytes() {
          return bufferedBytes;
        },
      },
    );
    connection.onClosed();
    hall.clock.pass(600_000);
    expect(hall.rooms.get("hall")?.participant("ada")).toBeUndefined();
  },
);

test("who reconnects is not thrown out by a limit that is lower now", () => {
  const hall = signalHall();
  for (const one of ["ada", "bo", "cy"]) new SignalClient(hall, one);
  must(hall.rooms.get("hall")!.setOptions({ maxParticipants: 1 }));
  expect(new SignalClient(hall, "bo").kinds()).toContain("join");
  expect(new SignalClient(hall, "di").kinds()).not.toContain("join");
});

test.each(["full", "gone"])("who was moved while away comes back though the former room is %s", (what) => {
  const hall = signalHall({ maxParticipants: 2, autoCreate: true, departureTimeoutSeconds: 5 });
  const ada = new SignalClient(hall, "ada");
  const { sid } = ada.take("join").participant!;
  ada.vanish();
  must(hall.rooms.move(hall.rooms.get("hall")!.participant("ada")!, "attic"));
  if (what === "full") for (const one of ["bo", "cy"]) new SignalClient(hall, one);
  else hall.clock.pass(6_000);
  expect(hall.sessions.check(claims("ada"), { resumes: sid })).toBeNull();
  expect(new SignalClient(hall, "ada", { resumes: sid }).kinds()).toContain("reconnect");
});

test("who was taken to another room is not received any more, and frees its sections", () => {
  const hall = signalHall();
  publisher(hall);
  const watcher = new SignalClient(hall, "bo", { offer: watchOffer() });
  expect(Object.keys(watcher.take("answer").midToTrackId)).toHaveLength(2);
  must(hall.rooms.move(hall.rooms.get("hall")!.participant("ada")!, "attic"));
  hall.clock.pass(1_000);
  expect(watcher.take("mediaSectionsRequirement")).toMatchObject({ numAudios: 0, numVideos: 0 });
  watcher.offer("chromium-watch", 2);
  expect(watcher.take("answer").midToTrackId).toEqual({});
  const { subscriptions } = hall.rooms.get("hall")!.participant("bo")!;
  expect(subscriptions.filter(({ track }) => track !== null)).toEqual([]);
});

test("who was taken to another room receives nothing more of its former one, whatever it offers", () => {
  const hall = signalHall();
  publisher(hall);
  const watcher = new SignalClient(hall, "bo", { offer: watchOffer() });
  const bo = hall.rooms.get("hall")!.participant("bo")!;
  const carried = () => bo.subscriptions.filter(({ track }) => track !== null);
  expect(carried()).toHaveLength(2);
  must(hall.rooms.move(bo, "attic"));
  watcher.offer("chromium-watch", 2);
  expect(carried()).toEqual([]);
});

test("who is here comes back while the server drains, and nobody else enters", () => {
  const hall = signalHall();
  const { sid } = new SignalClient(hall, "ada").take("join").participant!;
  hall.rooms.drain();
  expect(new SignalClient(hall, "ada", { resumes: sid }).kinds()).toContain("reconnect");
  expect(hall.sessions.check(claims("bo"), { resumes: sid })).not.toBeNull();
});

test("who is hidden while others see it has left for them, and leaves them no trace", () => {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  const hidden = new SignalClient(hall, "bo");
  const bo = hall.rooms.get("hall")!.participant("bo")!;
  must(bo.update({ permission: { ...bo.profile.permission, hidden: true } }));
  expect(ada.seen("bo")!.state).toBe(ParticipantInfo_State.DISCONNECTED);
  expect(hidden.seen("bo")?.state).not.toBe(ParticipantInfo_State.DISCONNECTED);
  bo.leave("participant_removed");
  expect(ada.seen("bo")!.state).toBe(ParticipantInfo_State.DISCONNECTED);
});

test("a track that is withheld is not said to be allowed when its publisher is hidden, or nobody wants it", () => {
  const hall = signalHall();
  const sender = publisher(hall);
  const bo = new SignalClient(hall, "bo");
  const ada = hall.rooms.get("hall")!.participant("ada")!;
  const trackSids = ada.tracks.map(({ id }) => id);
  const told = () =>
    bo.messages
      .splice(0)
      .flatMap(({ case: kind, value }) => (kind === "subscriptionPermissionUpdate" ? value.allowed : []));
  const permit = (allParticipants: boolean) =>
    sender.send({ case: "subscriptionPermission", value: new SubscriptionPermission({ allParticipants }) });
  const want = (subscribe: boolean) =>
    bo.send({ case: "subscription", value: new UpdateSubscription({ subscribe, trackSids }) });
  const hide = (hidden: boolean) => must(ada.update({ permission: { ...ada.profile.permission, hidden } }));
  permit(false);
  expect(told()).toEqual([false, false]);
  hide(true);
  expect(told()).toEqual([]);
  // For others it has come anew.
  hide(false);
  expect(told()).toEqual([false, false]);
  want(false);
  expect(told()).toEqual([]);
  permit(true);
  expect(told()).toEqual([true, true]);
  permit(false);
  expect(told()).toEqual([]);
  want(true);
  expect(told()).toEqual([false, false]);
});

test("nobody is told that somebody speaks who is hidden, whether they saw it before or have just come", () => {
  const hall = signalHall();
  publisher(hall);
  const bo = new SignalClient(hall, "bo");
  const ada = hall.rooms.get("hall")!.participant("ada")!;
  const speakers = [{ trackId: ada.tracks[0]!.id, level: 0.5 }];
  hall.thread.emit({ kind: "room.speakers", roomId: "hall" as never, speakers, dominant: null });
  expect(bo.take("speakersChanged").speakers).toMatchObject([{ sid: ada.id, active: true }]);
  const hide = (hidden: boolean) => must(ada.update({ permission: { ...ada.profile.permission, hidden } }));
  hide(true);
  expect(bo.take("speakersChanged").speakers).toMatchObject([{ sid: ada.id, level: 0, active: false }]);
  const cy = new SignalClient(hall, "cy");
  expect(cy.kinds()).not.toContain("speakersChanged");
  hide(false);
  expect(cy.take("speakersChanged").speakers).toMatchObject([{ sid: ada.id, level: 0.5, active: true }]);
});

test("a publisher is not told that somebody receives its track who is hidden, but of the next who does", () => {
  const hall = signalHall();
  const ada = publisher(hall);
  const eve = claims("eve", { hidden: true });
  new SignalClient(hall, eve, { offer: watchOffer() });
  hall.clock.pass(1_000);
  expect(hall.rooms.get("hall")!.participant("eve")!.subscriptions).toHaveLength(2);
  expect(ada.kinds()).not.toContain("trackSubscribed");
  new SignalClient(hall, "bo", { offer: watchOffer() });
  hall.clock.pass(1_000);
  expect(ada.kinds().filter((kind) => kind === "trackSubscribed")).toHaveLength(2);
});

test("a publisher is told that somebody receives its track who was hidden and is shown now", () => {
  const hall = signalHall();
  const ada = publisher(hall);
  const eve = claims("eve", { hidden: true });
  new SignalClient(hall, eve, { offer: watchOffer() });
  hall.clock.pass(1_000);
  const participant = hall.rooms.get("hall")!.participant("eve")!;
  must(participant.update({ permission: { ...participant.profile.permission, hidden: false } }));
  expect(ada.kinds().filter((kind) => kind === "trackSubscribed")).toHaveLength(2);
});

test("publishing by WHIP ends no connection of a LiveKit client of the same identity", () => {
  const hall = signalHall();
  const ada = publisher(hall);
  const [transport] = hall.rooms.get("hall")!.participant("ada")!.transports;
  const whip = new WhipSessions(hall.rooms);
  const how = { source: "camera", encryption: "none" } as const;
  must(whip.publish("hall", claims("ada"), SIMULCAST, how));
  for (let seconds = 0; seconds < 50; seconds += 5) {
    ada.send({ case: "ping", value: 1n });
    hall.clock.pass(5_000);
  }
  expect(transport!.state.kind).toBe("open");
});

test("whom a forwarded publisher lets receive it again does", () => {
  const hall = signalHall();
  publisher(hall);
  const participant = hall.rooms.get("hall")!.participant("ada")!;
  participant.setAudience(new Map());
  must(hall.rooms.forward(participant, "attic"));
  const bo = new SignalClient(hall, claims("bo", { room: "attic" }), { offer: watchOffer() });
  const carried = () =>
    hall.rooms
      .get("attic")!
      .participant("bo")!
      .subscriptions.filter(({ track }) => track);
  expect(carried()).toHaveLength(0);
  participant.setAudience("everybody");
  hall.clock.pass(1_000);
  bo.offer("chromium-watch", 2);
  hall.clock.pass(1_000);
  expect(carried()).toHaveLength(2);
});

test("a forwarded track that does not look encrypted is cut as soon as the room wants that", () => {
  const hall = conference({ e2eeGuard: "report" });
  const transport = connect(hall.rooms, "ada");
  const track = must(transport.publish(section("video", { encryption: "gcm", trailer: "livekit" })));
  const attic = must(hall.rooms.create("attic"));
  must(hall.rooms.forward(track.publisher, "attic"));
  hall.thread.emit({ kind: "up-track.suspect", trackId: track.id, suspect: true });
  expect(attic.tracks()).toHaveLength(1);
  must(attic.setOptions({ e2eeGuard: "cut" }));
  expect(attic.tracks()).toHaveLength(0);
});

test("who is muted where it is forwarded to does not speak there", () => {
  const hall = conference();
  const ada = connect(hall.rooms, "ada");
  const voice = must(ada.publish(section("audio")));
  hall.thread.codec(voice.id, OPUS);
  const attic = must(hall.rooms.create("attic"));
  must(hall.rooms.forward(ada.participant, "attic"));
  must(attic.tracks()[0]!.setMutedByServer(true));
  const speakers = [{ trackId: voice.id, level: 0.5 }];
  hall.thread.emit({ kind: "room.speakers", roomId: "hall", speakers, dominant: voice.id } as never);
  expect(hall.rooms.get("hall")!.speakers.list).toHaveLength(1);
  expect(attic.speakers.list).toEqual([]);
});

test("who was in a room comes back though it is locked, by a resume and anew, and nobody else by either", () => {
  const hall = signalHall();
  const { sid } = new SignalClient(hall, "ada").take("join").participant!;
  const room = hall.rooms.get("hall")!;
  must(room.setOptions({ locked: true }));
  expect(new SignalClient(hall, "ada", { resumes: sid }).kinds()).toContain("reconnect");
  room.participant("ada")!.leave("connection_failed");
  expect(new SignalClient(hall, "ada").kinds()).toContain("join");
  // Neither with the sid of somebody in the room, nor with one that nobody has.
  for (const resumes of ["", sid, room.participant("ada")!.id, "PA_none"]) {
    expect(hall.sessions.check(claims("bo"), { resumes })).toBe("room_locked");
    expect(new SignalClient(hall, "bo", { resumes }).kinds()).toEqual(["leave"]);
  }
  expect(room.participants.map(({ identity }) => identity)).toEqual(["ada"]);
});

test("who is banned comes back neither by a resume nor anew, wherever its session was moved from", () => {
  const hall = signalHall();
  const { sid } = new SignalClient(hall, "ada").take("join").participant!;
  must(hall.rooms.move(hall.rooms.get("hall")!.participant("ada")!, "attic"));
  must(hall.rooms.ban("attic", "ada", null));
  for (const room of ["hall", "attic"]) {
    expect(hall.sessions.check(claims("ada", { room }), { resumes: sid })).toBe("session_over");
  }
  expect(new SignalClient(hall, claims("ada", { room: "attic" })).kinds()).toEqual(["leave"]);
  expect(hall.sessions.check(claims("ada", { room: "attic" }))).toBe("banned");
  expect(hall.sessions.check(claims("ada"))).toBeNull();
});

test("after a restart of the server, who tries to resume waits in the lobby like everybody", () => {
  const hall = signalHall({ lobby: true });
  expect(hall.sessions.check(claims("ada"), { resumes: "PA_former" })).toBe("awaiting_admission");
  const { lobby } = hall.rooms.get("hall")!;
  expect(lobby.waiting.map(({ identity }) => identity)).toEqual(["ada"]);
});
