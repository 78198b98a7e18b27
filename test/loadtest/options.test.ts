import { describe, expect, test } from "vitest";
import { dealClients, planClients } from "../../loadtest/client-plan.ts";
import { bitratesBpsOf, type Options, parseOptions } from "../../loadtest/options.ts";

function options(...args: string[]): Options {
  const parsed = parseOptions(args);
  if (parsed.ok !== true) throw new Error(parsed.ok === false ? parsed.error : "help");
  return parsed.options;
}

describe("the command line", () => {
  test("has a default for everything", () => {
    expect(options()).toMatchObject({
      rooms: 1,
      publishers: 1,
      subscribers: 1,
      video: "simulcast",
      seconds: 10,
    });
  });

  test.each([
    [["--rooms", "x"], "--rooms"],
    [["--rooms", "0"], "--rooms"],
    [["--seconds", "3601"], "--seconds"],
    [["--video", "h264"], "--video"],
    [["--url", "ftp://host"], "--url"],
    [["--bitrates", "1;2;3"], "--bitrates"],
    [["--bitrates", "100,200"], "three --bitrates"],
    [["--key", "k"], "--key and --secret"],
    [["--video", "none", "--audio", "off"], "nothing to send"],
    [["--publishers", "0", "--subscribers", "0"], "nobody"],
    [["--rooms", "10000", "--subscribers", "2"], "30000 clients"],
    [["--unknown"], "--unknown"],
  ])("refuses %j", (args, error) => {
    expect(parseOptions(args)).toMatchObject({ ok: false, error: expect.stringContaining(error) });
  });

  test("help wins over what is wrong", () => {
    expect(parseOptions(["--help", "--rooms", "x"])).toEqual({ ok: "help" });
  });

  test("a single encoding takes the last of the bitrates", () => {
    expect(bitratesBpsOf(options("--video", "single"))).toEqual([1_700_000]);
    expect(bitratesBpsOf(options("--video", "svc", "--bitrates", "1,2,3"))).toEqual([1_000, 2_000, 3_000]);
  });
});

describe("the plan", () => {
  test("publishers start first, one client every fiftieth of a second", () => {
    const plan = options("--rooms", "2", "--publishers", "1", "--subscribers", "2", "--join-rate", "50");
    const clients = planClients(plan, "x");
    expect(clients.map(({ room, identity, startMs }) => `${room} ${identity} ${startMs}`)).toEqual([
      "load-x-0 p0 0",
      "load-x-1 p0 20",
      "load-x-0 s0 40",
      "load-x-1 s0 60",
      "load-x-0 s1 80",
      "load-x-1 s1 100",
    ]);
    expect(clients[2]!.role).toEqual({
      kind: "subscriber",
      audios: 1,
      videos: 1,
      feedback: false,
      expects: "video",
    });
  });

  test("in a meeting the same people publish and watch the others", () => {
    const clients = planClients(options("--meeting", "3", "--audio", "off"), "x");
    expect(clients.map(({ identity }) => identity)).toEqual(["p0", "p1", "p2", "p0", "p1", "p2"]);
    expect(clients[5]!.role).toEqual({
      kind: "subscriber",
      audios: 0,
      videos: 2,
      feedback: false,
      expects: "video",
    });
  });

  test("who has nobody to watch waits for nothing", () => {
    const [client] = planClients(options("--publishers", "0"), "x");
    expect(client!.role).toEqual({
      kind: "subscriber",
      audios: 1,
      videos: 1,
      feedback: false,
      expects: "nothing",
    });
  });

  test("every process gets clients, and every client a process", () => {
    const clients = planClients(options("--subscribers", "4"), "x");
    const dealt = dealClients(clients, 2);
    expect(dealt.map((own) => own.map(({ index }) => index))).toEqual([
      [0, 2, 4],
      [1, 3],
    ]);
    expect(dealClients(clients, 9)).toHaveLength(5);
  });
});
