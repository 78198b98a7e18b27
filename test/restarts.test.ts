/** Goal: a thread that ends again and again is started later each time, and soon once it has proved stable. */
import { expect, test } from "vitest";
import { RestartDelays } from "../src/restarts.ts";

test("each loss in a row doubles the delay, up to a bound; other threads have their own", () => {
  const delays = new RestartDelays();
  const given = Array.from({ length: 7 }, () => delays.next("dtls", 0));
  expect(given).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  for (let i = 0; i < 2_000; i++) delays.next("dtls", 0);
  expect(delays.next("dtls", 0)).toBe(8_000);
  expect(delays.next("media-0", 0)).toBe(500);
});

test("ten signs of life end the row, nine do not", () => {
  const delays = new RestartDelays();
  for (let i = 0; i < 4; i++) delays.next("dtls", 0);
  expect(delays.next("dtls", 9)).toBe(8_000);
  expect(delays.next("dtls", 10)).toBe(500);
  expect(delays.next("dtls", 0)).toBe(1_000);
});
