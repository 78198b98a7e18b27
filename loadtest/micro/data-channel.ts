/**
 * The cost of a message on a reliable data channel, by how many are sent at once:
 * node loadtest/micro/data-channel.ts
 *
 * `werift` is its own data channel; `ours` is the same association behind our guard, with our queue in front of it. The
 * receiver is werift's in both. They take turns within each round; each number is the median of the rounds' CPU time
 * for both ends together. Compare the ratios: they show how a message's cost grows with the number of messages.
 */
import { Event, RTCDataChannel, RTCDataChannelParameters, RTCSctpTransport } from "werift";
import { DataAssociation } from "../../src/dtls/sctp/data-association.ts";

const ROUNDS = 5;
const MESSAGE_BYTES = 1_000;
const COUNTS = [100, 200, 400, 800];
const PORT = 5000;

const CHANNEL = {
  label: "_reliable",
  protocol: "",
  ordered: true,
  maxRetransmits: null,
  maxLifetimeMs: null,
};

type Dtls = Parameters<RTCSctpTransport["setDtlsTransport"]>[0];
type Send = (packet: Uint8Array) => void;

/** werift's SCTP transport over any function that sends packets; `receive` passes it received ones. */
function weriftTransport(role: string, send: Send): { transport: RTCSctpTransport; receive: Send } {
  const transport = new RTCSctpTransport(PORT);
  const dtls = {
    id: role,
    onStateChange: new Event(),
    iceTransport: { role },
    dataReceiver: undefined as ((packet: Buffer) => void) | undefined,
    sendData: async (packet: Buffer) => send(packet),
  };
  transport.setDtlsTransport(dtls as unknown as Dtls);
  // werift removes its receiver when it stops.
  return { transport, receive: (packet) => dtls.dataReceiver?.(Buffer.from(packet)) };
}

/** The receiving side; `done` resolves after `count` messages. */
function receiver(
  send: Send,
  count: number,
): { transport: RTCSctpTransport; receive: Send; done: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { transport, receive } = weriftTransport("controlling", send);
  let left = count;
  transport.onDataChannel.subscribe((channel) => {
    channel.onMessage.subscribe(() => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
  return { transport, receive, done: promise };
}

/** As on a network, nothing arrives before the sender has finished its turn. */
const later = (receive: Send) => (packet: Uint8Array) => void setImmediate(() => receive(packet));

async function cpuUsOf(run: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function byWerift(count: number): Promise<number> {
  const client = receiver((packet) => later(server.receive)(packet), count);
  const server = weriftTransport("controlled", later(client.receive));
  const ready = new Promise((resolve) =>
    client.transport.sctp.stateChanged.connected.subscribe(() => resolve(null)),
  );
  await server.transport.start(PORT);
  await client.transport.start(PORT);
  await ready;
  const channel = new RTCDataChannel(
    server.transport,
    new RTCDataChannelParameters({ label: CHANNEL.label }),
  );
  await new Promise<void>((resolve) => {
    channel.onopen = () => resolve();
  });
  const cpuUs = await cpuUsOf(async () => {
    for (let i = 0; i < count; i++) channel.send(Buffer.alloc(MESSAGE_BYTES));
    await client.done;
  });
  await Promise.all([client.transport.stop(), server.transport.stop()]);
  return cpuUs / count;
}

async function byOurs(count: number): Promise<number> {
  const nowUs = (): number => performance.now() * 1_000;
  const client = receiver(
    later((packet) => association.receive(nowUs(), packet)),
    count,
  );
  const { promise: opened, resolve } = Promise.withResolvers<number>();
  const association = new DataAssociation(nowUs(), PORT, [CHANNEL], {
    send: later(client.receive),
    opened: resolve,
    closed: () => {},
    received: () => {},
    sent: () => {},
    late: () => {},
    packetDropped: (reason) => console.error("dropped", reason),
    messageDropped: () => {},
    ended: () => {},
  });
  await client.transport.start(PORT);
  const channelId = await opened;
  const cpuUs = await cpuUsOf(async () => {
    for (let i = 0; i < count; i++) association.send(channelId, false, new Uint8Array(MESSAGE_BYTES));
    await client.done;
  });
  association.close();
  await client.transport.stop();
  return cpuUs / count;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const rows: Record<string, string | number>[] = [];
for (const count of COUNTS) {
  const [werift, ours]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    werift.push(await byWerift(count));
    ours.push(await byOurs(count));
  }
  const ratios = werift.map((value, round) => value / ours[round]!);
  const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(1)).join("–");
  rows.push({
    "messages at once": count,
    "werift µs": median(werift).toFixed(0),
    "ours µs": median(ours).toFixed(0),
    "werift / ours": `${median(ratios).toFixed(1)} (${range})`,
  });
}
console.table(rows);
process.exit(0);
