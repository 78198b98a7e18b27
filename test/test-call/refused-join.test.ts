/**
 * Goal: whoever is not let into a call is not left with a camera that films, a microphone that listens, or a worker.
 * Method: the page's own client, before a server that refuses.
 */
import { afterEach, expect, test, vi } from "vitest";

afterEach(() => vi.unstubAllGlobals());

test("a call that is refused lets go of camera, microphone and worker", async () => {
  // Asked as soon as the page's modules are loaded.
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  const terminate = vi.fn();
  vi.stubGlobal(
    "Worker",
    class {
      terminate = terminate;
    },
  );
  const { Call } = await import("../../src/http/test-call/call.ts");
  const problem = JSON.stringify({ code: "room_full", title: "The room is full" });
  vi.stubGlobal("fetch", async () => new Response(problem, { status: 409 }));
  const tracks = [{ stop: vi.fn() }, { stop: vi.fn() }];
  const media = { getTracks: () => tracks } as unknown as MediaStream;
  const settings = {
    room: "hall",
    name: "ada",
    passphrase: "p",
    earlierIdentity: undefined,
    onEnd: () => {},
    isHost: false,
    waiting: { onWait: () => {}, signal: new AbortController().signal },
    codec: "VP8",
    sealed: true,
    fit: true,
  } as const;
  await expect(Call.join({ ...settings, media })).rejects.toThrow("The room is full");
  expect(tracks.map(({ stop }) => stop.mock.calls.length)).toEqual([1, 1]);
  expect(terminate).toHaveBeenCalledTimes(1);
});
