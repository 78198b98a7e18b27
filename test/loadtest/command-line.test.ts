/**
 * Goal: no tool takes what it does not know, or does something else than was asked for; and each explains itself.
 * Method: the commands themselves, which end before they do anything.
 */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseCommandLine, whole, wholes } from "../../loadtest/command-line.ts";
import { Subprocess } from "../system/support/subprocess.ts";

const LIMIT_MS = 30_000;

// What is wrong, and the name in the error.
test.each([
  ["loadtest/main.ts", "--bogus", "--bogus"],
  ["loadtest/http/main.ts", "--key k", "--key and --secret"],
  // The server would take its receivers for gone, and the bench for lost what was not sent to them.
  ["loadtest/forward/main.ts", "--ms 8000", "--ms"],
  ["loadtest/forward/main.ts", "--profile rot13", "--profile"],
  ["loadtest/forward/shares-main.ts", "--rounds 0", "--rounds"],
  ["loadtest/forward/threads-main.ts", "--burst 1,x", "--burst"],
  ["loadtest/joins/main.ts", "--every 0", "--every"],
  ["loadtest/janus/main.ts", "--receivers", "--receivers"],
  ["test/net/main.ts", "--only nowhere", "--only"],
  ["test/net/main.ts", "--codec h261", "--codec"],
  ["test/sim/bandwidth-table.ts", "many", "seeds"],
  ["test/sim/bandwidth-table.ts", "1 nothing", "part"],
  ["test/system/livekit/repeat-joins.ts", "some", "repetitions"],
  ["test/system/livekit/room-main.ts", "1", "participants"],
  ["test/system/livekit/room-main.ts", "2 dual 2 0 more", "more"],
])("%s %s is refused", async (file, args, name) => {
  const run = (...given: string[]): Subprocess => {
    const script = fileURLToPath(new URL(`../../${file}`, import.meta.url));
    return new Subprocess(process.execPath, [script, ...given], { PATH: process.env.PATH ?? "" });
  };
  const [refused, helped] = [run(...args.split(" ")), run("--help")];
  expect(await refused.exited(LIMIT_MS), refused.output).toBe(2);
  expect(refused.output).toContain(name);
  expect(refused.output).toContain("See --help");
  expect(refused.output).not.toMatch(/^ +at /m);
  expect(await helped.exited(LIMIT_MS), helped.output).toBe(0);
  expect(helped.output).toMatch(/^Usage: npm run /);
});

const options = z.strictObject({
  rounds: whole(1, 9).default(5),
  sizes: wholes(1, 100).default([1]),
  only: z.array(z.string()).default([]),
  json: z.boolean().default(false),
});
const parse = (...args: string[]) => parseCommandLine({ usage: "", options, places: ["rounds"] }, args);

test("options are numbers, lists, flags, given again or by place, or have defaults", () => {
  expect(parse()).toEqual({ ok: true, options: { rounds: 5, sizes: [1], only: [], json: false } });
  expect(parse("7", "--sizes", "1,20", "--only", "a", "--only", "b", "--json")).toEqual({
    ok: true,
    options: { rounds: 7, sizes: [1, 20], only: ["a", "b"], json: true },
  });
});

test.each([["10"], ["1.5"], ["--sizes", "1,101"], ["--sizes", ""], ["1", "2"]])(
  "%j is refused",
  (...args) => {
    expect(parse(...args)).toMatchObject({ ok: false });
  },
);
