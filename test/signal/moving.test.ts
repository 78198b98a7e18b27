/**
 * Goal: who is moved to another room is gone for those who stay, with all that was kept for receiving it, and comes anew.
 * Method: clients of two rooms, among which one goes to and fro; each offers again when it is asked to.
 */
import { SessionDescription } from "@livekit/protocol";
import { decodeJwt } from "jose";
import { expect, test, vi } from "vitest";
import type { Participant } from "../../src/control/participant.ts";
import { claims, connect, grants, must, OPUS, REMOTE, section, VP8 } from "../control/conference.ts";
import { offerText } from "../sdp/offers.ts";
import { SignalClient, type SignalHall, signalHall } from "./client.ts";

const watchOffer = () => new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });

/** A client that receives on four sections, and does as it is told. */
class Viewer extends SignalClient {
  readonly hall: SignalHall;

  constructor(hall: SignalHall, identity: string, room = "hall") {
    super(hall, claims(identity, { room }), { offer: watchOffer() });
    this.hall = hall;
    this.tracks();
  }

  /** What its sections carry, as it was told last; it has answered all that was asked of it. */
  tracks(): string[] | undefined {
    let described: string[] | undefined;
    for (let round = 0; round < 4; round++) {
      this.hall.clock.pass(100);
      const told = this.messages.splice(0);
      for (const message of told) {
        if (message.case === "answer") described = Object.values(message.value.midToTrackId);
      }
      if (told.some((message) => message.case === "mediaSectionsRequirement")) this.offer("chromium-watch");
    }
    return described;
  }
}

/** With a voice and a picture, and no client of LiveKit's protocol. */
function publisher(hall: SignalHall, identity: string): Participant {
  const transport = connect(hall.rooms, identity);
  for (const kind of ["audio", "video"] as const) {
    hall.thread.codec(must(transport.publish(section(kind))).id, kind === "audio" ? OPUS : VP8);
  }
  return transport.participant;
}

test("a section for one who was moved away falls silent, so that its client hears of it when it is back", () => {
  const hall = signalHall();
  const ada = publisher(hall, "ada");
  const bo = new Viewer(hall, "bo");
  must(hall.rooms.move(ada, "attic"));
  expect(bo.tracks()).toEqual([]);
  must(hall.rooms.move(ada, "hall"));
  expect(bo.tracks()).toEqual(ada.tracks.map(({ id }) => id));
});

test("nothing grows by going to and fro", () => {
  const hall = signalHall();
  const viewers = [new Viewer(hall, "ada"), new Viewer(hall, "bo"), new Viewer(hall, "cy", "attic")];
  const [ada] = ["ada", "bo", "di"].map((identity) => publisher(hall, identity));
  must(hall.rooms.move(hall.rooms.get("hall")!.participant("di")!, "attic"));
  const seen: unknown[] = [];
  for (let n = 0; n < 8; n++) {
    must(hall.rooms.move(ada!, n % 2 === 0 ? "attic" : "hall"));
    for (const viewer of viewers) viewer.tracks();
    const subscriptions = hall.rooms.list.flatMap((room) => room.subscriptions());
    seen.push([hall.threads.leastLoaded()!.load, subscriptions.length, ada!.subscriptions.length]);
  }
  // Cy receives di, and ada every other time; bo ada when cy does not; ada whoever is there.
  expect(seen).toEqual(Array(8).fill(seen[0]));
  expect(seen[0]).toMatchObject([expect.any(Number), 6, 2]);
});

test("who is moved on before it was told hears of the last room alone, with a token for that", async () => {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  const participant = hall.rooms.get("hall")!.participant("ada")!;
  for (const room of ["attic", "cellar"]) must(hall.rooms.move(participant, room));
  await vi.waitFor(() => expect(ada.kinds()).toContain("roomMoved"));
  await new Promise(setImmediate);
  const moved = ada.messages.flatMap((message) => (message.case === "roomMoved" ? [message.value] : []));
  expect(moved.map(({ room, token }) => [room!.name, roomOf(token)])).toEqual([["cellar", "cellar"]]);
});

/** What a client was told since it was last told that it is in another room. */
async function toldSinceMoved(client: SignalClient): Promise<SignalClient["messages"]> {
  await vi.waitFor(() => expect(client.kinds()).toContain("roomMoved"));
  await new Promise(setImmediate);
  return client.messages.slice(client.kinds().lastIndexOf("roomMoved") + 1);
}

test.each([
  ["another room", ["attic"]],
  ["another room and back", ["hall", "attic"]],
])("who is moved to %s is told what is withheld from it, and who speaks", async (_where, rooms) => {
  const hall = signalHall();
  const cy = publisher(hall, "cy");
  cy.setAudience(new Map());
  must(hall.rooms.move(cy, "attic"));
  const speakers = [{ trackId: cy.tracks[0]!.id, level: 0.5 }];
  hall.thread.emit({ kind: "room.speakers", roomId: "attic" as never, speakers, dominant: null });
  const bo = new SignalClient(hall, claims("bo", { room: rooms.length === 1 ? "hall" : "attic" }));
  const participant = hall.rooms.get(rooms.length === 1 ? "hall" : "attic")!.participant("bo")!;
  // Its own track makes the room check what everybody wants, before it is told that it has moved.
  must(must(participant.openTransport(grants(), REMOTE)).publish(section("audio")));
  for (const room of rooms) must(hall.rooms.move(participant, room));
  const told = await toldSinceMoved(bo);
  const denied = told.flatMap(({ case: kind, value }) =>
    kind === "subscriptionPermissionUpdate" ? [[value.trackSid, value.allowed]] : [],
  );
  expect(new Map(denied as [string, boolean][])).toEqual(new Map(cy.tracks.map(({ id }) => [id, false])));
  const speaking = told.flatMap(({ case: kind, value }) =>
    kind === "speakersChanged" ? value.speakers : [],
  );
  expect(speaking).toMatchObject([{ sid: cy.id, active: true }]);
});

function roomOf(token: string): string {
  return decodeJwt<{ video: { room: string } }>(token).video.room;
}
