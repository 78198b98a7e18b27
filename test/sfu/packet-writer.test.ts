/**
 * Goal: a receiver gets our numbers and its own names for everything, and the publisher's payload as it was.
 * Method: tables of extension blocks as published and as sent on; whole packets through `DownStream`.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSharedCounters } from "../../src/base/counters.ts";
import { asSsrc } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import type { ExtensionMap, ExtensionName } from "../../src/rtp/header-extensions.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { DownStream } from "../../src/sfu/down-stream.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { OutgoingHeader, PacketWriter } from "../../src/sfu/packet-writer.ts";
import { PayloadReader } from "../../src/sfu/payload-reader.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { SenderClock } from "../../src/sfu/sender-clock.ts";
import type { UpPacket } from "../../src/sfu/up-packet.ts";
import { hex, toHex } from "../rtp/hex.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";

type Ids = Partial<Record<ExtensionName, number>>;

const UP: Ids = {
  mid: 1,
  rid: 2,
  transportCc: 3,
  audioLevel: 4,
  dependencyDescriptor: 5,
  videoOrientation: 6,
  absSendTime: 7,
  playoutDelay: 8,
};
const UP_MAP = extensionMap(UP);

interface Row {
  readonly name: string;
  /** As published: profile, words, elements. */
  readonly published: string;
  readonly ids: Ids;
  readonly mid?: string;
  readonly sendsMid?: boolean;
  readonly frameNumber?: number;
  readonly playoutDelayUs?: number;
  /** The same as sent; empty when there is no block. */
  readonly sent: string;
}

/** The MID of the receiver's section is "9", "39" as hex; abs-send-time is always 0x010203. */
const ROWS: readonly Row[] = [
  {
    name: "ids of the receiver, and what is between publisher and server only left out",
    published: "bede 0005 1031 2071 310001 4085 6001 72aaaaaa 00000000",
    ids: { audioLevel: 1, videoOrientation: 14 },
    sent: "bede 0001 1085 e001",
  },
  {
    name: "nothing that the receiver has not negotiated",
    published: "bede 0001 4085 6001",
    ids: {},
    sent: "",
  },
  { name: "nothing that the publisher has not sent", published: "", ids: { audioLevel: 1 }, sent: "" },
  {
    name: "a MID of the receiver's, not the publisher's",
    published: "bede 0001 1031 0000",
    ids: { mid: 4 },
    sent: "bede 0001 4039 0000",
  },
  {
    name: "no MID once the receiver knows the SSRC",
    published: "bede 0001 1031 0000",
    ids: { mid: 4 },
    sendsMid: false,
    sent: "",
  },
  {
    name: "a send time of our own",
    published: "bede 0001 72aaaaaa",
    ids: { absSendTime: 2 },
    sent: "bede 0001 22010203",
  },
  {
    name: "a descriptor as it is",
    published: "bede 0001 52c0000a",
    ids: { dependencyDescriptor: 8 },
    sent: "bede 0001 82c0000a",
  },
  {
    name: "a descriptor under another frame number",
    published: "bede 0001 52c0000a",
    ids: { dependencyDescriptor: 8 },
    frameNumber: 0xfffe,
    sent: "bede 0001 82c0fffe",
  },
  {
    name: "how long to hold pictures back, up to what the receiver would do by itself",
    published: "",
    ids: { playoutDelay: 3 },
    playoutDelayUs: 180_000,
    sent: "bede 0001 320123e8",
  },
  {
    name: "that they need not be held back any more",
    published: "",
    ids: { playoutDelay: 3 },
    playoutDelayUs: 0,
    sent: "bede 0001 320003e8",
  },
  {
    name: "what the publisher says of it, and not that",
    published: "bede 0001 82000000",
    ids: { playoutDelay: 3 },
    playoutDelayUs: 180_000,
    sent: "bede 0001 32000000",
  },
  {
    name: "nothing of it to a receiver that does not know it",
    published: "",
    ids: {},
    playoutDelayUs: 180_000,
    sent: "",
  },
  {
    name: "the two-byte form for a structure of more than 16 bytes, and all else in it too",
    published: "1000 0006 0511 c00001000102030405060708090a0b0c0d 040185 0000",
    ids: { dependencyDescriptor: 8, audioLevel: 2 },
    frameNumber: 5,
    sent: "1000 0006 020185 0811 c00005000102030405060708090a0b0c0d 0000",
  },
  {
    name: "the one-byte form from the two-byte form when all is small",
    published: "1000 0002 040185 0503c0 000a",
    ids: { dependencyDescriptor: 8, audioLevel: 2 },
    sent: "bede 0002 2085 82c0000a 0000",
  },
  {
    name: "the two-byte form for an id above 14",
    published: "bede 0001 4085 0000",
    ids: { audioLevel: 15 },
    sent: "1000 0001 0f0185 00",
  },
  {
    name: "the two-byte form for a long MID",
    published: "",
    ids: { mid: 1 },
    mid: "a-very-long-media-id",
    sent: `1000 0006 0114 ${toHex(Buffer.from("a-very-long-media-id"))} 0000`,
  },
  {
    name: "the one-byte form when the long structure is not for this receiver",
    published: "1000 0006 0511 c00001000102030405060708090a0b0c0d 040185 0000",
    ids: { audioLevel: 2 },
    sent: "bede 0001 2085 0000",
  },
];

test.each(ROWS)("writes $name", (row) => {
  const { published, ids, mid = "9", sendsMid, frameNumber = -1, playoutDelayUs = -1, sent } = row;
  const packet = upPacket(UP_MAP, { extensions: published });
  const writer = new PacketWriter(extensionMap(ids), mid);
  const header = new OutgoingHeader();
  if (sendsMid !== undefined) header.hasMid = sendsMid;
  header.marker = true;
  header.payloadType = 98;
  header.seq = 0xfedc;
  header.timestamp = 0x89abcdef;
  header.ssrc = asSsrc(0xcafe0001);
  header.absSendTime = 0x010203;
  header.frameNumber = frameNumber;
  header.playoutDelayUs = playoutDelayUs;
  const out = new Uint8Array(200).fill(0xee);
  const bytes = writer.writeHeader(out, 10, header, packet);
  const first = sent === "" ? "80" : "90";
  const expected = hex(`${first} e2 fedc 89abcdef cafe0001 ${sent}`);
  expect(toHex(out.subarray(10, 10 + bytes))).toBe(toHex(expected));
  // Nothing before, and nothing behind.
  expect(toHex(out.subarray(0, 10)) + toHex(out.subarray(10 + bytes, 20 + bytes))).toBe("ee".repeat(20));
});

interface Receiver {
  readonly ids: Ids;
  readonly mid: string;
  readonly atUs: number;
  readonly transportSeq: number;
  readonly frameNumber: number;
  readonly playoutDelayUs: number;
  /** The packet that it and those behind it get is another one, which looks the same. */
  readonly isNext: boolean;
}

test("many receivers of one packet get what each would get alone", () => {
  const published = "bede 0004 1031 52c0000a 4085 72aaaaaa 310001 00";
  const receiver: fc.Arbitrary<Receiver> = fc.record({
    ids: fc.constantFrom<Ids>(
      { transportCc: 3, dependencyDescriptor: 8, absSendTime: 2, mid: 1, playoutDelay: 6 },
      { transportCc: 3, dependencyDescriptor: 9, absSendTime: 2, mid: 1, playoutDelay: 6 },
      { transportCc: 16, dependencyDescriptor: 8, audioLevel: 1, mid: 4 },
      {},
      // These four share one place.
      { mid: 4, audioLevel: 3 },
      { mid: 5, audioLevel: 4 },
      { mid: 4, audioLevel: 3, absSendTime: 2, videoOrientation: 2 },
      { mid: 4, audioLevel: 3, playoutDelay: 6, colorSpace: 6 },
    ),
    mid: fc.constantFrom("", "0", "17", "a-very-long-media-id"),
    transportSeq: fc.constantFrom(-1, 0, 0xfffe),
    frameNumber: fc.constantFrom(-1, 0, 0xabcd),
    playoutDelayUs: fc.constantFrom(-1, 0, 180_000),
    atUs: fc.constantFrom(1_000_000, 2_000_000),
    isNext: fc.boolean(),
  });
  const write = (packet: UpPacket, { ids, mid, atUs, ...numbers }: Receiver): string => {
    const header = new OutgoingHeader();
    header.sentUs = atUs;
    header.transportSeq = ids.transportCc === undefined ? -1 : numbers.transportSeq;
    header.frameNumber = numbers.frameNumber;
    header.playoutDelayUs = numbers.playoutDelayUs;
    const writer = new PacketWriter(extensionMap(ids), mid);
    const out = new Uint8Array(200);
    const bytes = writer.writeHeader(out, 0, header, packet);
    return toHex(out.subarray(0, bytes));
  };
  fc.assert(
    fc.property(fc.array(receiver, { maxLength: 30 }), (receivers) => {
      const alone = receivers.map((one) => write(upPacket(UP_MAP, { extensions: published }), one));
      const shared = upPacket(UP_MAP, { extensions: published });
      const together = receivers.map((one) => {
        if (one.isNext) shared.extensions.parse(shared.bytes, shared.header, UP_MAP);
        return write(shared, one);
      });
      expect(together).toEqual(alone);
    }),
    { numRuns: 500 },
  );
});

/** VP8 payloads: descriptor, and the first bytes of a sealed frame. */
const PAYLOADS = [
  {
    name: "15 bits of picture id",
    published: "90 e0 8123 07 40 | 1122334455",
    sent: "90 e0 8000 01 40 | 1122334455",
  },
  {
    name: "7 bits of picture id",
    published: "90 e0 23 07 40 | 1122334455",
    sent: "90 e0 00 01 40 | 1122334455",
  },
  { name: "only a picture id", published: "90 80 8123 | 1122334455", sent: "90 80 8000 | 1122334455" },
  { name: "only TL0PICIDX", published: "90 60 07 40 | 1122334455", sent: "90 60 01 40 | 1122334455" },
  { name: "no numbers", published: "10 | 1122334455", sent: "10 | 1122334455" },
] as const;

interface Sent {
  readonly header: string;
  readonly payload: string;
}

function sentBy(act: (stream: DownStream) => void, map: ExtensionMap = extensionMap({})): Sent[] {
  const ring = new TransmitRing(16);
  const context = createCoreContext(ring, createSharedCounters());
  const controller = new SendController(new Outlet(0, context.rests), map, context);
  const stream = new DownStream(asSsrc(0xa), asSsrc(0xb), new PacketWriter(map, "9"), controller, context);
  act(stream);
  return Array.from({ length: ring.count }, (_, row) => {
    const at = row * 2048;
    const payloadAt = at + ring.headerBytes[row]!;
    return {
      header: toHex(ring.slab.subarray(at, payloadAt)),
      payload: toHex(ring.slab.subarray(payloadAt, at + ring.bytes[row]!)),
    };
  });
}

function sendNumbered(stream: DownStream, packet: UpPacket, marker: boolean): number {
  return stream.send(packet, stream.number(packet, marker), 98);
}

function published(options: PacketOptions): ReturnType<typeof upPacket> {
  const packet = upPacket(UP_MAP, options);
  packet.codec = "VP8";
  new PayloadReader().readNumbers(packet, packet.codec, true);
  packet.frame.startsFrame = true;
  return packet;
}

describe("a whole packet", () => {
  test.each(PAYLOADS)("with $name keeps every byte behind the descriptor", (row) => {
    const packet = published({ payload: row.published.replace("|", ""), seq: 700 });
    const before = toHex(packet.bytes);
    const [sent] = sentBy((stream) => {
      stream.resync(packet, 90_000, undefined, new SenderClock());
      sendNumbered(stream, packet, false);
    });
    expect(sent).toEqual({
      header: "80620001000000000000000a",
      payload: toHex(hex(row.sent.replace("|", ""))),
    });
    // The next receiver gets its own copy of what was published.
    expect(toHex(packet.bytes)).toBe(before);
  });

  test("is the same again as RTX, behind its number, with a number of its own", () => {
    const packet = published({ payload: "90 e0 8123 07 40 1122334455", seq: 700 });
    const [first, again] = sentBy((stream) => {
      stream.resync(packet, 90_000, undefined, new SenderClock());
      sendNumbered(stream, packet, true);
      stream.resend(packet, stream.find(1), 99);
    });
    expect(first!.header).toBe("80e20001000000000000000a");
    expect(again!.header).toBe("80e30001000000000000000b");
    expect(again!.payload).toBe(`0001${first!.payload}`);
  });

  test("and each that leaves for a peer, of whatever stream, has the next transport-wide number", () => {
    const packet = published({ payload: "10 1122", seq: 700 });
    const sent = sentBy(
      (stream) => {
        stream.resync(packet, 90_000, undefined, new SenderClock());
        sendNumbered(stream, packet, true);
        stream.resend(packet, stream.find(1), 99);
        stream.pad(99, 0);
      },
      extensionMap({ transportCc: 3 }),
    );
    expect(sent.map(({ header }) => header.slice(24))).toEqual([0, 1, 2].map((n) => `bede000131000${n}00`));
  });

  test("has no MID once its stream is known, unless it is of the stream that repeats and pads", () => {
    const packet = published({ payload: "10 1122", seq: 700 });
    const sent = sentBy(
      (stream) => {
        stream.resync(packet, 90_000, undefined, new SenderClock());
        sendNumbered(stream, packet, true);
        stream.isKnown = true;
        sendNumbered(stream, published({ payload: "10 1122", seq: 701 }), true);
        stream.resend(packet, stream.find(1), 99);
        stream.pad(99, 0);
      },
      extensionMap({ mid: 3 }),
    );
    const mid = "bede000130390000";
    expect(sent.map(({ header }) => header.slice(24))).toEqual([mid, "", mid, mid]);
  });

  test("that does not fit goes out empty under its number", () => {
    const packet = published({ payload: "10".repeat(1_490) });
    const sent = sentBy((stream) => {
      stream.resync(packet, 90_000, undefined, new SenderClock());
      expect(sendNumbered(stream, packet, true)).toBe(0);
    });
    // Padding, without a marker.
    expect(sent).toEqual([
      { header: `a0620001${toHex(packet.bytes.subarray(4, 8))}0000000a`, payload: "01" },
    ]);
  });
});
