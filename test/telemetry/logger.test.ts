import { expect, test } from "vitest";
import { createLogger } from "../../src/telemetry/logger.ts";

/** What one call writes at a level. */
function lineOf(level: string, write: (log: ReturnType<typeof createLogger>) => void) {
  const lines: string[] = [];
  write(createLogger(level, { write: (line) => void lines.push(line) }));
  return lines.join("");
}

test("a line has a readable level and time, and its fields", () => {
  const line = JSON.parse(
    lineOf("info", (log) => log.child({ roomId: "hall" }).info({ n: 1 }, "room created")),
  );
  expect(line).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    roomId: "hall",
    n: 1,
    msg: "room created",
  });
});

test("a request shows no query, and its address only from debug on", () => {
  const req = {
    method: "GET",
    url: "/rtc?access_token=secret",
    ip: "192.0.2.1",
    headers: { authorization: "x" },
  };
  const atInfo = lineOf("info", (log) => log.info({ req }, "request"));
  expect(JSON.parse(atInfo).req).toEqual({ method: "GET", url: "/rtc" });
  const atDebug = lineOf("debug", (log) => log.info({ req }, "request"));
  expect(JSON.parse(atDebug).req).toEqual({ method: "GET", url: "/rtc", ip: "192.0.2.1" });
});

test.each([
  { token: "hunter2" },
  { headers: { authorization: "hunter2" } },
  { a: { ice: { pwd: "hunter2" } } },
  { offer: { sdp: "hunter2" } },
])("redacted: %j", (fields) => {
  const line = lineOf("info", (log) => log.info(fields));
  expect(line).toContain("[redacted]");
  expect(line).not.toContain("hunter2");
});
