/** Goal: who waits before a room comes in as soon as a host decides, and asks no longer than that. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endBy, untilAdmitted } from "../../src/http/test-call/admission.ts";
import { ApiError } from "../../src/http/test-call/server-api.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const refusal = (code: string): ApiError => new ApiError(code, code === "unreachable", `said: ${code}`);

/** Each attempt ends as the next of `outcomes`: a code, or null for an entry. */
function visitor(...outcomes: (string | null)[]) {
  const ending = new AbortController();
  const [attempt, onWait] = [vi.fn<() => Promise<string>>(), vi.fn()];
  for (const code of outcomes) {
    if (code === null) attempt.mockResolvedValueOnce("in");
    else attempt.mockRejectedValueOnce(refusal(code));
  }
  const outcome = untilAdmitted(attempt, { onWait, signal: ending.signal }).catch((error: Error) => error);
  return { outcome, attempt, onWait, ending };
}

describe("who comes", () => {
  test("does not wait where the door is open", async () => {
    const { outcome, onWait } = visitor(null);
    expect(await outcome).toBe("in");
    expect(onWait).not.toHaveBeenCalled();
  });

  test("asks again every three seconds until admitted, and is told once of waiting", async () => {
    const { outcome, attempt, onWait } = visitor("awaiting_admission", "awaiting_admission", null);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(attempt).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(attempt).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await outcome).toBe("in");
    expect(onWait).toHaveBeenCalledTimes(1);
  });

  test.each(["admission_denied", "banned", "room_locked", "room_full"])(
    "gives up when told %s",
    async (code) => {
      const [atOnce, later] = [visitor(code), visitor("awaiting_admission", code)];
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await atOnce.outcome).toMatchObject({ code });
      expect(await later.outcome).toMatchObject({ code });
      expect([atOnce.attempt.mock.calls.length, later.attempt.mock.calls.length]).toEqual([1, 2]);
    },
  );

  test("goes on waiting when the server does not answer for a moment", async () => {
    const { outcome } = visitor("awaiting_admission", "unreachable", null);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(await outcome).toBe("in");
    expect(await visitor("unreachable").outcome).toMatchObject({ code: "unreachable" });
  });

  test("asks no more after having left", async () => {
    const { outcome, attempt, ending } = visitor("awaiting_admission", null);
    await vi.advanceTimersByTimeAsync(1_000);
    ending.abort();
    expect(await outcome).toMatchObject({ name: "AbortError" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempt).toHaveBeenCalledTimes(1);
  });
});

describe("who is in the call", () => {
  const removed = "You have been removed from the call.";
  test.each([
    ["banned", true, "You have been banned from the call."],
    ["banned", false, "You have been banned from the call."],
    ["room_locked", true, removed],
    ["awaiting_admission", true, removed],
    ["admission_denied", true, removed],
    // After a restart of the server.
    ["awaiting_admission", false, null],
    ["admission_denied", false, "said: admission_denied"],
    ["room_locked", false, "said: room_locked"],
    ["unreachable", true, null],
  ])("told %s, having been in: %j", (code, wasIn, sentence) => {
    expect(endBy(refusal(code), wasIn)).toBe(sentence);
  });

  test("goes on after an error that is none of the server's", () => {
    expect(endBy(new Error("of the browser"), true)).toBeNull();
  });
});
