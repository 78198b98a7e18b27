/**
 * Goal: in a room in which all publish, everybody hears everybody, and sees as many as the room forwards.
 * Method: six synthetic participants who join within half a second; `npm run test:room` plays thirty.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { playRoom } from "../../../loadtest/livekit/room.ts";
import { startServer, type TestServer } from "../support/server.ts";

const PARTICIPANTS = 6;
const LAST_VIDEOS = 3;
const LIMIT_MS = 40_000;

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ BLINDFOLD_ROOMS_LAST_VIDEOS: String(LAST_VIDEOS) });
});

afterAll(async () => {
  await server?.stop();
});

test.each(["single", "dual"] as const)("over a %s PeerConnection", async (mode) => {
  const { missing } = await playRoom({
    url: server.url,
    mode,
    participants: PARTICIPANTS,
    gapMs: 100,
    videos: LAST_VIDEOS,
    limitMs: LIMIT_MS,
    token: (identity) => server.token(`a ${mode} room`, identity),
  });
  expect(missing).toEqual([]);
});
