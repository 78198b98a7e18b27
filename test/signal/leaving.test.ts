/**
 * Goal: a session that has ended leaves nothing behind that goes on by itself, whatever it had begun.
 * Method: sessions over control; when nobody is left, ten minutes pass, in which no timer may be set any more.
 */
import { SessionDescription } from "@livekit/protocol";
import { expect, test, vi } from "vitest";
import { offerText } from "../sdp/offers.ts";
import { CAMERA, MICROPHONE, SignalClient, type SignalHall, signalHall } from "./client.ts";

function watcher(hall: SignalHall, name: string): SignalClient {
  const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
  return new SignalClient(hall, name, { offer });
}

function publish(client: SignalClient): void {
  for (const value of [MICROPHONE, CAMERA]) client.send({ case: "addTrack", value });
  client.offer("chromium-publish-simulcast");
}

const leave = (client: SignalClient): void => client.send({ case: "leave", value: {} as never });

/** What is asked of media threads is answered in a turn of its own. */
async function pass(hall: SignalHall, minutes: number): Promise<void> {
  for (let n = 0; n < 6 * minutes; n++) {
    hall.clock.pass(10_000);
    await new Promise(setImmediate);
  }
}

async function expectNothingLeft(hall: SignalHall): Promise<void> {
  expect(hall.sessions.count).toBe(0);
  await pass(hall, 10);
  const after = vi.spyOn(hall.clock, "after");
  await pass(hall, 10);
  expect(after).not.toHaveBeenCalled();
  expect(hall.rooms.list).toEqual([]);
}

test("after a publisher and who watched it", async () => {
  const hall = signalHall();
  const bo = new SignalClient(hall, "bo");
  publish(bo);
  const ada = watcher(hall, "ada");
  hall.clock.pass(1_000);
  leave(ada);
  leave(bo);
  await expectNothingLeft(hall);
});

test("after a client that was asked for an offer and left without making it", async () => {
  const hall = signalHall();
  const bo = new SignalClient(hall, "bo");
  publish(bo);
  const ada = watcher(hall, "ada");
  hall.clock.pass(1_000);
  leave(bo);
  hall.clock.pass(200);
  expect(ada.take("mediaSectionsRequirement")).toMatchObject({ numAudios: 0, numVideos: 0 });
  leave(ada);
  await expectNothingLeft(hall);
});

test("after a client that was asked for more sections when its room was deleted", async () => {
  const hall = signalHall();
  const ada = watcher(hall, "ada");
  for (const name of ["bo", "cy", "di"]) publish(new SignalClient(hall, name));
  hall.clock.pass(200);
  expect(ada.take("mediaSectionsRequirement")).toBeDefined();
  hall.rooms.get("hall")!.delete();
  await expectNothingLeft(hall);
});

test("after a resume that fails because its offer can not be read", async () => {
  const hall = signalHall();
  const ada = watcher(hall, "ada");
  const { sid } = ada.take("join").participant!;
  ada.vanish();
  const offer = new SessionDescription({ type: "offer", sdp: "v=0", id: 2 });
  const again = new SignalClient(hall, "ada", { resumes: sid, offer });
  expect(again.take("leave")).toBeDefined();
  await expectNothingLeft(hall);
});
