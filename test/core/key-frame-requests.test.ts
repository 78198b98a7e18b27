/**
 * Goal: a receiver whose decoder cannot go on gets a key frame, by whichever message it asks for one.
 * Method: a simulated call without loss; its receiver sends one message more, and the publisher counts what it is asked for.
 */
import { expect, test } from "vitest";
import { writeFir, writePli } from "../../src/rtp/rtcp/feedback.ts";
import { writeCname, writeReceiverReport } from "../../src/rtp/rtcp/reports.ts";
import { Conference } from "../sim/conference.ts";

const SECOND_US = 1_000_000;
const SENDER_SSRC = 1;
const CNAME = Buffer.from("bo");

/** The message, written about the SSRC of the stream that is received. */
test.each([
  ["PLI (RFC 4585)", (out: Uint8Array, ssrc: number) => writePli(out, 0, SENDER_SSRC, ssrc)],
  [
    "PLI behind a report and a CNAME, as RFC 4585 §3.1 has it",
    (out: Uint8Array, ssrc: number) => {
      const end = writeCname(out, writeReceiverReport(out, 0, SENDER_SSRC, []), SENDER_SSRC, CNAME);
      return writePli(out, end, SENDER_SSRC, ssrc);
    },
  ],
  [
    "FIR (RFC 5104), whose header names no stream",
    (out: Uint8Array, ssrc: number) => writeFir(out, 0, SENDER_SSRC, ssrc, 7),
  ],
])(
  "%s: the publisher is asked for one of the encoding that is received, nobody else for any",
  (_name, write) => {
    const call = new Conference({
      people: [
        { name: "ada", watches: [] },
        { name: "eve", watches: [] },
        { name: "bo", sends: "nothing", watches: ["ada", "eve"] },
      ],
      seed: 1,
    });
    call.run(5 * SECOND_US);
    const { peer, path } = call.seat("bo");
    const asked = (name: string): number[] => call.seat(name).peer.publisher.plis.map(({ ssrc }) => ssrc);
    const before = asked("ada").length;
    const others = asked("eve");
    const out = new Uint8Array(100);
    const bytes = write(out, peer.view("video", "ada").viewer.params.ssrc);
    call.receive(peer.sealRtcp(out.subarray(0, bytes)), path);
    call.run(SECOND_US);
    const [, , highest] = call.seat("ada").peer.publisher.encodings;
    expect(asked("ada").slice(before)).toEqual([highest!.ssrc]);
    expect(asked("eve")).toEqual(others);
  },
);
