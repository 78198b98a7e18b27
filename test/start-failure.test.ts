import { expect, test } from "vitest";
import { describeStartFailure } from "../src/start-failure.ts";

test.each([
  ["thread media-3: EAGAIN", "TasksMax"],
  ["thread media-3: Worker initialization failure: EMFILE", "LimitNOFILE"],
  ["Cannot read package config /opt/package.json: too many open files.", "LimitNOFILE"],
  ["Worker terminated due to reaching memory limit: JS heap out of memory", "media.threads"],
  ["thread media-0: bind EACCES 0.0.0.0:443", "CAP_NET_BIND_SERVICE"],
  ["store.path: data/blindfold.db: database is locked", "has not ended yet"],
  ["thread media-0: bind EADDRNOTAVAIL 203.0.113.7", "media.announcedAddresses"],
])("%s: the operator is told of %s", (message, word) => {
  const described = describeStartFailure(new Error(message));
  expect(described.startsWith(`${message} (`)).toBe(true);
  expect(described.slice(message.length)).toContain(word);
});

test("what needs no advice gets none", () => {
  const message = "store.path: data/blindfold.db: EACCES: permission denied, mkdir 'data'";
  expect(describeStartFailure(new Error(message))).toBe(message);
});
