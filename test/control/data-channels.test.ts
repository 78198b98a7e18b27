/**
 * Goal: control opens a transport's data channels, sends and receives on them by label, and never lets more wait for a
 * slow peer than it says.
 */
import { beforeEach, describe, expect, test } from "vitest";
import { type ChannelParams, type DataEvent, heldBytes } from "../../src/contract/data.ts";
import type { DataChannel, SendOutcome } from "../../src/control/data-channel.ts";
import type { DataListener } from "../../src/control/data-channels.ts";
import type { DataThread } from "../../src/control/data-thread.ts";
import type { Transport } from "../../src/control/transport.ts";
import { type Conference, conference, connect, RecordingDataThread } from "./conference.ts";

const RELIABLE: ChannelParams = {
  label: "_reliable",
  protocol: "",
  ordered: true,
  maxRetransmits: null,
  maxLifetimeMs: null,
};
const LOSSY: ChannelParams = { ...RELIABLE, label: "_lossy", ordered: false, maxRetransmits: 0 };
const OPTIONS = { remotePort: 5001, maxMessageBytes: 100_000, channels: [] };

let world: Conference;
let transport: Transport;
let heard: string[];
let channels: DataChannel[];

const listener: DataListener = {
  opened: (channel) => {
    channels.push(channel);
    heard.push(`opened ${channel.params.label}`);
  },
  closed: (channel) => heard.push(`closed ${channel.params.label}`),
  message: (channel, { isText, bytes }) => {
    heard.push(`${channel.params.label} ${isText ? "text" : "binary"} ${Buffer.from(bytes).toString()}`);
  },
  drained: (channel) => heard.push(`drained ${channel.params.label}`),
  ended: (reason) => heard.push(`ended ${reason}`),
};

beforeEach(() => {
  world = conference();
  transport = connect(world.rooms, "ada");
  heard = [];
  channels = [];
});

const turn = (): Promise<void> => Promise.resolve();
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const binary = (length: number) => ({ isText: false, bytes: bytes(length) });

function begun({ id }: Transport): DataEvent {
  return { kind: "data.begun", transportId: id };
}

function opened(channelId: number, params: ChannelParams): DataEvent {
  return { kind: "channel.opened", transportId: transport.id, channelId, params };
}

function received(text: string, at = 0, channelId = 0): DataEvent {
  const { id: transportId } = transport;
  return { kind: "message.received", transportId, channelId, isText: true, at, length: text.length };
}

function sent(channelId: number, messages: number, length: number): DataEvent {
  return { kind: "message.sent", transportId: transport.id, channelId, messages, bytes: length };
}

function openBoth(options = OPTIONS): void {
  transport.data.open(options, listener);
  world.dataThread.emit([begun(transport), opened(0, RELIABLE), opened(2, LOSSY)]);
}

describe("opening", () => {
  test("is asked for once, with what the session description says", async () => {
    transport.data.open({ ...OPTIONS, channels: [RELIABLE] }, listener);
    transport.data.open(OPTIONS, listener);
    await turn();
    expect(world.dataThread.commands).toEqual([
      { kind: "data.open", transportId: transport.id, remotePort: 5001, channels: [RELIABLE] },
    ]);
  });

  test("tells of channels, and finds the newest by its label", () => {
    openBoth();
    world.dataThread.emit([opened(4, RELIABLE)]);
    expect(heard).toEqual(["opened _reliable", "opened _lossy", "opened _reliable"]);
    expect(transport.data.channel("_reliable")).toBe(channels[2]);
    world.dataThread.emit([{ kind: "channel.closed", transportId: transport.id, channelId: 4 }]);
    expect(transport.data.channel("_reliable")).toBe(channels[0]);
    expect(transport.data.channel("_other")).toBeUndefined();
  });

  test("of one transport is not heard of by another", () => {
    openBoth();
    const other = connect(world.rooms, "bo");
    world.dataThread.emit([{ ...opened(4, RELIABLE), transportId: other.id }]);
    expect(channels).toHaveLength(2);
  });
});

describe("messages", () => {
  test("of one turn go out in one batch, each a copy", async () => {
    openBoth();
    await turn();
    world.dataThread.batches.length = 0;
    const scratch = Uint8Array.from(Buffer.from("one"));
    transport.data.send("_reliable", { isText: true, bytes: scratch });
    scratch.set(Buffer.from("two"));
    transport.data.send("_lossy", { isText: false, bytes: scratch });
    await turn();
    const [batch] = world.dataThread.batches;
    expect(world.dataThread.batches).toHaveLength(1);
    const common = { kind: "message.send", transportId: transport.id, length: 3 };
    expect(batch!.letters).toEqual([
      { ...common, channelId: 0, isText: true, at: 0 },
      { ...common, channelId: 2, isText: false, at: 3 },
    ]);
    expect(Buffer.from(batch!.bytes).toString()).toBe("onetwo");
  });

  test("come in with their channel", () => {
    openBoth();
    const text = Uint8Array.from(Buffer.from("firstsecond"));
    world.dataThread.emit([received("first"), received("second", 5, 2), received("x", 0, 9)], text);
    expect(heard.slice(2)).toEqual(["_reliable text first", "_lossy text second"]);
  });

  test("are not sent on a channel that is not open", () => {
    transport.data.open(OPTIONS, listener);
    expect(transport.data.send("_reliable", binary(1))).toBe("not_open");
    world.dataThread.emit([opened(0, RELIABLE)]);
    const [channel] = channels;
    expect(channel!.send(binary(1))).toBe("queued");
    world.dataThread.emit([{ kind: "channel.closed", transportId: transport.id, channelId: 0 }]);
    expect(channel!.send(binary(1))).toBe("not_open");
  });

  test.each([
    [100_000, 100_000, 100_001],
    [0, 262_144, 262_145],
    [2 ** 31, 262_144, 262_145],
  ])("where the peer says %d bytes are at most %d long", (maxMessageBytes, fits, doesNot) => {
    openBoth({ ...OPTIONS, maxMessageBytes });
    const outcomes = [fits, doesNot].map((length) => transport.data.send("_reliable", binary(length)));
    expect(outcomes).toEqual(["queued", "too_large"]);
    expect(world.surroundings.dataThread.counts.droppedMessages_too_large).toBe(1);
  });
});

describe("a slow peer", () => {
  const sendUntilRefused = (label: string, length: number): number => {
    for (let count = 0; ; count++) {
      const outcome: SendOutcome = transport.data.send(label, binary(length));
      if (outcome === "full") return count;
      expect(outcome).toBe("queued");
    }
  };

  test.each([
    ["_reliable", 65_536, 64],
    ["_lossy", 65_536, 4],
    ["_reliable", 1, 8_192],
    ["_lossy", 1, 1_024],
    ["_lossy", 0, 1_024],
  ])("on %s, messages of %d bytes: %d wait, and the next is refused and counted", (label, length, count) => {
    openBoth();
    expect(sendUntilRefused(label, length)).toBe(count);
    expect(transport.data.channel(label)!.bufferedAmount).toBe(length * count);
    expect(transport.data.send(label, binary(length))).toBe("full");
    expect(world.surroundings.dataThread.counts.droppedMessages_queue_full).toBe(2);
  });

  test("does not hold up the other channel", () => {
    openBoth();
    sendUntilRefused("_reliable", 65_536);
    expect(transport.data.send("_lossy", binary(100))).toBe("queued");
  });

  test("is told to have room again once, when half is free", () => {
    openBoth();
    const count = sendUntilRefused("_reliable", 65_536);
    world.dataThread.emit([sent(0, 1, 65_536)]);
    expect(transport.data.send("_reliable", binary(1))).toBe("queued");
    expect(heard).not.toContain("drained _reliable");
    for (let i = 1; i < count; i++) world.dataThread.emit([sent(0, 1, 65_536)]);
    expect(heard.filter((what) => what === "drained _reliable")).toHaveLength(1);
    expect(transport.data.channel("_reliable")!.bufferedAmount).toBe(1);
  });

  test.each([
    ["_reliable", 65_536, 32],
    ["_reliable", 1, 4_096],
    ["_lossy", 0, 512],
  ])(
    "on %s is behind when more than half of what may wait does: after %d bytes %d times",
    (label, length, count) => {
      openBoth();
      const isHalfFull = (): boolean => transport.data.channel(label)!.isHalfFull;
      for (let n = 0; n < count; n++) transport.data.send(label, binary(length));
      expect(isHalfFull()).toBe(false);
      transport.data.send(label, binary(length));
      expect(isHalfFull()).toBe(true);
      world.dataThread.emit([sent(label === "_reliable" ? 0 : 2, 1, length)]);
      expect(isHalfFull()).toBe(false);
    },
  );

  test("that was never refused is not told", () => {
    openBoth();
    transport.data.send("_reliable", binary(100));
    world.dataThread.emit([sent(0, 1, 100)]);
    expect(heard).toHaveLength(2);
  });
});

describe("taking", () => {
  const takenBytes = (): number =>
    world.dataThread.commands.reduce(
      (sum, command) => sum + (command.kind === "message.taken" ? command.bytes : 0),
      0,
    );
  const text = "x".repeat(40_000);
  const receive = (): void => world.dataThread.emit([received(text)], Uint8Array.from(Buffer.from(text)));

  test("is told when enough was read, unless paused; then when resumed", async () => {
    openBoth();
    receive();
    await turn();
    expect(takenBytes()).toBe(0);
    receive();
    await turn();
    expect(takenBytes()).toBe(2 * heldBytes(40_000));
    transport.data.pause();
    for (let i = 0; i < 5; i++) receive();
    await turn();
    expect(takenBytes()).toBe(2 * heldBytes(40_000));
    transport.data.resume();
    await turn();
    expect(takenBytes()).toBe(7 * heldBytes(40_000));
    for (let i = 0; i < 2; i++) receive();
    await turn();
    expect(takenBytes()).toBe(9 * heldBytes(40_000));
  });
});

describe("the end", () => {
  test("of the transport closes its channels, silently", async () => {
    openBoth();
    transport.close();
    await turn();
    expect(world.dataThread.commands.at(-1)).toEqual({ kind: "data.close", transportId: transport.id });
    expect(channels[0]!.send(binary(1))).toBe("not_open");
    world.dataThread.emit([opened(4, RELIABLE)]);
    expect(heard).toHaveLength(2);
  });

  test("of a transport that never had any says nothing", async () => {
    transport.close();
    await turn();
    expect(world.dataThread.commands).toEqual([]);
  });

  test("of the association is told after that of its channels", () => {
    openBoth();
    world.dataThread.emit([{ kind: "data.ended", transportId: transport.id, reason: "peer_closed" }]);
    expect(heard.slice(2)).toEqual(["closed _reliable", "closed _lossy", "ended peer_closed"]);
    expect(transport.data.send("_reliable", binary(1))).toBe("not_open");
  });

  test("of the thread is told where nothing was open yet, for no other can go on with the peer's DTLS", async () => {
    transport.data.open(OPTIONS, listener);
    await turn();
    world.dataThread.emit([begun(transport)]);
    world.dataThread.die();
    expect(heard).toEqual(["ended dtls_closed"]);
    const successor = new RecordingDataThread();
    (world.surroundings.dataThread as DataThread).attach(successor);
    expect(successor.commands).toEqual([]);
  });

  test("of the thread ends all of them; its successor serves those that had none yet", async () => {
    openBoth();
    const early = connect(world.rooms, "al");
    early.data.open(OPTIONS, listener);
    await turn();
    world.dataThread.die();
    expect(heard.slice(2)).toEqual(["closed _reliable", "closed _lossy", "ended dtls_closed"]);

    const meanwhile = connect(world.rooms, "bo");
    meanwhile.data.open(OPTIONS, listener);
    const gone = connect(world.rooms, "cy");
    gone.data.open(OPTIONS, listener);
    await turn();
    gone.close();
    await turn();

    const successor = new RecordingDataThread();
    (world.surroundings.dataThread as DataThread).attach(successor);
    const next = connect(world.rooms, "di");
    next.data.open(OPTIONS, listener);
    await turn();
    expect(successor.commands).toMatchObject(
      [early, meanwhile, next].map(({ id }) => ({ kind: "data.open", transportId: id })),
    );
    successor.emit([
      begun(early),
      { kind: "channel.opened", transportId: early.id, channelId: 1, params: RELIABLE },
    ]);
    expect(heard.slice(5)).toEqual(["opened _reliable"]);
    successor.die();
    expect(heard.slice(6)).toEqual(["closed _reliable", "ended dtls_closed"]);
  });
});
