/**
 * Goal: after a resume client and server hold the same for true, whatever was said while nobody could hear it, and although
 * the server thought that it was heard.
 * Method: sessions over control; the client's former connection is still open for the server, and takes all that is lost.
 */
import {
  AddTrackRequest,
  DataTrackInfo,
  ParticipantInfo_State,
  PublishDataTrackRequest,
  PublishDataTrackResponse,
  SessionDescription,
  SyncState,
  TrackInfo,
  TrackPublishedResponse,
  TrackType,
} from "@livekit/protocol";
import { describe, expect, test } from "vitest";
import type { Track } from "../../src/control/track.ts";
import { claims, must, OPUS, VP8 } from "../control/conference.ts";
import { description, offerText } from "../sdp/offers.ts";
import { CAMERA, MICROPHONE, SignalClient, type SignalHall, signalHall } from "./client.ts";

const CAMERA_CID = "0a0b7f0a-71ee-4f16-b52b-37bf78dd9344";
const MICROPHONE_CID = "1e7ee43d-bcb3-4c29-90e7-cf3ef57b1dbe";

interface Stage {
  readonly hall: SignalHall;
  readonly ada: SignalClient;
  readonly tracks: readonly [microphone: Track, camera: Track];
  readonly participant: () => NonNullable<
    ReturnType<NonNullable<ReturnType<SignalHall["rooms"]["get"]>>["participant"]>
  >;
}

function publish(client: SignalClient): void {
  for (const [request, cid] of [
    [MICROPHONE, MICROPHONE_CID],
    [CAMERA, CAMERA_CID],
  ] as const) {
    client.send({ case: "addTrack", value: new AddTrackRequest({ ...request, cid }) });
  }
  client.offer("chromium-publish-simulcast");
}

/** ada publishes sound and picture. */
function stage(): Stage {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  publish(ada);
  const participant = () => hall.rooms.get("hall")!.participant("ada")!;
  const [microphone, camera] = participant().tracks;
  hall.thread.codec(microphone!.id, OPUS);
  hall.thread.codec(camera!.id, VP8);
  return { hall, ada, tracks: [microphone!, camera!], participant };
}

/** As LiveKit's SDKs list what they publish. */
const listed = (tracks: readonly { readonly id: string }[]): TrackPublishedResponse[] =>
  tracks.map(({ id }) => new TrackPublishedResponse({ cid: `${id} cid`, track: new TrackInfo({ sid: id }) }));

function resume({ hall, participant }: Stage, sync: Partial<SyncState> | null = null): SignalClient {
  const again = new SignalClient(hall, "ada", { resumes: participant().id });
  if (sync !== null) again.send({ case: "syncState", value: new SyncState(sync) });
  return again;
}

test("a track that has ended meanwhile is told so", () => {
  const scene = stage();
  const { tracks, participant } = scene;
  const { permission } = participant().profile;
  must(participant().update({ permission: { ...permission, canPublishSources: ["microphone"] } }));
  const again = resume(scene, { publishTracks: listed(tracks) });
  expect(again.take("trackUnpublished").trackSid).toBe(tracks[1].id);
  expect(again.kinds()).not.toContain("trackUnpublished");
  expect(again.kinds()).not.toContain("trackPublished");
});

test("a track whose answer was lost is answered again", () => {
  const scene = stage();
  scene.ada.send({
    case: "addTrack",
    value: new AddTrackRequest({ cid: "screen", type: TrackType.VIDEO, source: 3 }),
  });
  const { sid } = scene.ada.messages.findLast((message) => message.case === "trackPublished")!.value.track!;
  const again = resume(scene, { publishTracks: listed(scene.tracks) });
  expect(again.take("trackPublished")).toMatchObject({ cid: "screen", track: { sid } });
  expect(again.kinds()).not.toContain("trackPublished");
});

test("a mute by the server is told before the states of tracks, and not once the client has unmuted", () => {
  const scene = stage();
  const [microphone] = scene.tracks;
  microphone.setMuted(true);
  const again = resume(scene);
  expect(again.kinds().indexOf("mute")).toBeLessThan(again.kinds().indexOf("update"));
  expect(again.take("mute")).toMatchObject({ sid: microphone.id, muted: true });
  again.send({ case: "mute", value: { sid: microphone.id, muted: false } as never });
  expect(resume(scene).kinds()).not.toContain("mute");
});

test("what is wanted of its videos, what is held back and what is withheld from it is told again", () => {
  const scene = stage();
  const { hall, tracks } = scene;
  const [, camera] = tracks;
  hall.thread.emit({ kind: "up-track.wanted", trackId: camera.id, spatial: 0 });
  expect(resume(scene, {}).take("subscribedQualityUpdate").trackSid).toBe(camera.id);

  const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
  const bo = new SignalClient(hall, "bo", { offer });
  const watcher = hall.rooms.get("hall")!.participant("bo")!;
  const [, slot] = watcher.subscriptions;
  const { subscriptionId } = slot!.section;
  hall.thread.emit({
    kind: "down-track.allotted",
    subscriptionId,
    layers: null,
    cause: "bandwidth",
    reason: "",
  });
  const again = new SignalClient(hall, "bo", { resumes: watcher.id });
  again.send({ case: "syncState", value: new SyncState() });
  expect(again.take("streamStateUpdate").streamStates).toMatchObject([{ trackSid: camera.id, state: 1 }]);

  scene.participant().setAudience(new Map());
  again.messages.length = 0;
  const third = new SignalClient(hall, "bo", { resumes: watcher.id });
  third.send({ case: "syncState", value: new SyncState() });
  const denied = [third.take("subscriptionPermissionUpdate"), third.take("subscriptionPermissionUpdate")];
  expect(denied.map(({ trackSid, allowed }) => [trackSid, allowed])).toEqual(
    tracks.map(({ id }) => [id, false]),
  );
  expect(bo.closed).not.toBeNull();
});

test("what is not withheld from it any more is told, though it was said when nobody could hear it", () => {
  const scene = stage();
  const { hall, tracks, participant } = scene;
  const bo = new SignalClient(hall, "bo");
  const { sid } = bo.take("join").participant!;
  participant().setAudience(new Map());
  participant().setAudience("everybody");
  const again = new SignalClient(hall, "bo", { resumes: sid });
  again.send({ case: "syncState", value: new SyncState() });
  const told = tracks.map(() => again.take("subscriptionPermissionUpdate"));
  expect(told.map(({ trackSid, allowed }) => [trackSid, allowed])).toEqual(
    tracks.map(({ id }) => [id, true]),
  );
});

test("the room, and who speaks in it, is told again", () => {
  const scene = stage();
  const { hall, tracks } = scene;
  must(hall.rooms.get("hall")!.setOptions({ metadata: "new" }));
  const speakers = [{ trackId: tracks[0].id, level: 0.5 }];
  hall.thread.emit({ kind: "room.speakers", roomId: "hall" as never, speakers, dominant: tracks[0].id });
  const again = resume(scene);
  expect(again.take("roomUpdate").room!.metadata).toBe("new");
  expect(again.take("speakersChanged").speakers).toMatchObject([{ sid: scene.participant().id, level: 0.5 }]);
});

test("who has fallen silent meanwhile is told so", () => {
  const scene = stage();
  const { hall, ada, tracks, participant } = scene;
  const bo = new SignalClient(hall, "bo");
  const { sid } = bo.take("join").participant!;
  const speakers = [{ trackId: tracks[0].id, level: 0.5 }];
  const happening = { kind: "room.speakers", roomId: "hall" as never, dominant: null } as const;
  hall.thread.emit({ ...happening, speakers });
  expect(bo.take("speakersChanged").speakers).toMatchObject([{ sid: participant().id, active: true }]);
  bo.vanish();
  hall.thread.emit({ ...happening, speakers: [] });
  const again = new SignalClient(hall, "bo", { resumes: sid });
  const told = again.take("speakersChanged").speakers.find((one) => one.sid === participant().id);
  expect(told).toMatchObject({ active: false, level: 0 });
  expect(ada.closed).toBeNull();
});

test("data tracks are compared both ways", () => {
  const scene = stage();
  const request = (pubHandle: number): PublishDataTrackRequest =>
    new PublishDataTrackRequest({ pubHandle, name: `track ${pubHandle}` });
  scene.ada.send({ case: "publishDataTrackRequest", value: request(1) });
  const { info } = scene.ada.take("publishDataTrackResponse");
  const gone = new DataTrackInfo({ pubHandle: 9, sid: "DTR_gone", name: "gone" });
  const publishDataTracks = [new PublishDataTrackResponse({ info: gone })];
  const again = resume(scene, { publishDataTracks });
  expect(again.take("unpublishDataTrackResponse").info!.sid).toBe("DTR_gone");
  expect(again.take("publishDataTrackResponse").info!.sid).toBe(info!.sid);
});

test("the state may come in the join request itself", () => {
  const scene = stage();
  const syncState = new SyncState({ publishTracks: listed([{ id: "TR_gone" }]) });
  const again = new SignalClient(scene.hall, "ada", { resumes: scene.participant().id, syncState });
  expect(again.messages[0]!.case).toBe("reconnect");
  expect(again.take("trackUnpublished").trackSid).toBe("TR_gone");
});

test("a list without end is read to an end", () => {
  const scene = stage();
  const publishTracks = listed(Array.from({ length: 5_000 }, (_, i) => ({ id: `TR_${i}` })));
  const again = resume(scene, { publishTracks });
  expect(again.kinds().filter((kind) => kind === "trackUnpublished")).toHaveLength(256);
  expect(again.closed).toBeNull();
});

test.each([5_000, 15_000])("tracks that came during an outage of %i ms are received after it", (outageMs) => {
  const hall = signalHall();
  const sdp = offerText("chromium-watch");
  const ada = new SignalClient(hall, "ada", {
    offer: new SessionDescription({ type: "offer", sdp, id: 1 }),
  });
  hall.clock.pass(1_000);
  ada.vanish();
  for (const name of ["bo", "cy", "di"]) publish(new SignalClient(hall, name));
  hall.clock.pass(outageMs);
  const again = new SignalClient(hall, "ada", { resumes: ada.take("join").participant!.sid });
  again.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 2 }) });
  hall.clock.pass(1_000);
  const { numAudios, numVideos } = again.take("mediaSectionsRequirement");
  expect(description(sdp).sections.length + numAudios + numVideos).toBe(6);
});

test("a client is asked for sections after the offer with which it restarts ICE, or when none comes", () => {
  const hall = signalHall();
  const sdp = offerText("chromium-watch");
  const offer = new SessionDescription({ type: "offer", sdp, id: 1 });
  const ada = new SignalClient(hall, "ada", { offer });
  for (const name of ["bo", "cy", "di"]) publish(new SignalClient(hall, name));
  hall.clock.pass(1_000);
  const { sid } = ada.take("join").participant!;
  const again = new SignalClient(hall, "ada", { resumes: sid });
  hall.clock.pass(1_000);
  expect(again.kinds()).not.toContain("mediaSectionsRequirement");
  again.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 2 }) });
  hall.clock.pass(100);
  expect(again.take("mediaSectionsRequirement")).toMatchObject({ numAudios: 1, numVideos: 1 });
  const third = new SignalClient(hall, "ada", { resumes: sid });
  hall.clock.pass(10_000);
  expect(third.take("mediaSectionsRequirement")).toMatchObject({ numAudios: 1, numVideos: 1 });
});

test("who was taken to another room meanwhile comes back there, and is told first", async () => {
  const scene = stage();
  const { hall, ada, participant } = scene;
  new SignalClient(hall, claims("cy", { room: "attic" }));
  const mallory = claims("ada", { room: "cellar" });
  const moved = participant();
  must(hall.rooms.move(moved, "attic"));
  await expect.poll(() => ada.kinds()).toContain("roomMoved");
  const again = new SignalClient(hall, "ada", { resumes: moved.id });
  expect(again.kinds().slice(0, 2)).toEqual(["reconnect", "roomMoved"]);
  const { room, participant: self, otherParticipants, token } = again.take("roomMoved");
  expect([room!.name, self!.sid, otherParticipants.length]).toEqual(["attic", moved.id, 1]);
  expect(JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()).video.room).toBe("attic");
  hall.clock.pass(15_000);
  expect(hall.rooms.get("attic")!.participant("ada")).toBe(moved);
  // It knows by now, and a room in which it never was is none of its own.
  const third = new SignalClient(hall, claims("ada", { room: "attic" }), { resumes: moved.id });
  expect(third.kinds()).not.toContain("roomMoved");
  expect(new SignalClient(hall, mallory, { resumes: moved.id }).take("leave")).toBeDefined();
  expect(third.closed).toBeNull();
});

test("who is taken to another room and comes back in the same moment is told when there is a token", async () => {
  const { hall, ada, participant } = stage();
  const moved = participant();
  ada.vanish();
  must(hall.rooms.move(moved, "attic"));
  const again = new SignalClient(hall, "ada", { resumes: moved.id });
  await expect.poll(() => again.kinds()).toContain("roomMoved");
  expect(again.take("roomMoved").room!.name).toBe("attic");
  expect(again.kinds()).not.toContain("roomMoved");
});

describe("who has left meanwhile", () => {
  /** bo and cy are there, ada is cut off; what happens then is followed by her return. */
  function returned(happens: (hall: SignalHall, bo: SignalClient) => void): SignalClient {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    new SignalClient(hall, "cy");
    ada.vanish();
    happens(hall, bo);
    return new SignalClient(hall, "ada", { resumes: ada.take("join").participant!.sid });
  }

  const states = (client: SignalClient): string[] =>
    client
      .take("update")
      .participants.map(({ identity, state }) => `${identity} ${ParticipantInfo_State[state]}`);

  test("is told so, and nobody else", () => {
    const again = returned((_hall, bo) => bo.send({ case: "leave", value: {} as never }));
    expect(states(again)).toEqual(["bo DISCONNECTED", "ada JOINED", "cy JOINED"]);
  });

  test("is told so whatever the time of day is set to meanwhile", () => {
    const again = returned((hall, bo) => {
      bo.send({ case: "leave", value: {} as never });
      hall.clock.set(3_600_000);
    });
    expect(states(again)).toContain("bo DISCONNECTED");
  });

  test("and has come back is not, for a client knows it by its identity", () => {
    const again = returned((hall) => new SignalClient(hall, "bo"));
    expect(states(again).sort()).toEqual(["ada JOINED", "bo JOINED", "cy JOINED"]);
  });

  test("from a room that others see, or has been hidden there, is told so too", () => {
    const hide = (hall: SignalHall): void => {
      const bo = hall.rooms.get("hall")!.participant("bo")!;
      must(bo.update({ permission: { ...bo.profile.permission, hidden: true } }));
    };
    expect(states(returned(hide))).toContain("bo DISCONNECTED");
    const move = (hall: SignalHall): void => {
      must(hall.rooms.move(hall.rooms.get("hall")!.participant("bo")!, "attic"));
    };
    expect(states(returned(move))).toContain("bo DISCONNECTED");
  });

  test("is oneself, who was here before, is told nothing of that", () => {
    const hall = signalHall();
    new SignalClient(hall, "ada");
    const ada = new SignalClient(hall, claims("ada", { hidden: true }));
    const again = new SignalClient(hall, "ada", { resumes: ada.take("join").participant!.sid });
    expect(states(again)).toEqual(["ada JOINED"]);
  });

  test("and so long ago that nobody who was there can come back is forgotten", () => {
    const hall = signalHall();
    const [ada, bo] = [new SignalClient(hall, "ada"), new SignalClient(hall, "bo")];
    bo.send({ case: "leave", value: {} as never });
    for (let seconds = 0; seconds < 45; seconds += 5) {
      ada.send({ case: "ping", value: 1n });
      hall.clock.pass(5_000);
    }
    const again = new SignalClient(hall, "ada", { resumes: ada.take("join").participant!.sid });
    expect(states(again)).toEqual(["ada JOINED"]);
  });
});
