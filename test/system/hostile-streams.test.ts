/**
 * Goal: whatever is done to the media port over TCP, the server lives, and whoever has a password gets an answer.
 * Method: hundreds of hostile connections from one address against a server in a process of its own, while somebody at
 * another address connects and checks again and again.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import { framed } from "../worker/tcp/frames.ts";
import type { IceUser } from "./support/hostile-datagrams.ts";
import { HostileStreams } from "./support/hostile-streams.ts";
import { startServer, type TestServer } from "./support/server.ts";

const OFFER = readFileSync(new URL("../sdp/offers/chromium-publish-single.sdp", import.meta.url), "utf8");
const ROOM = "besieged";
const HOSTILE_CONNECTIONS = 400;
const SEED = 11;
const BINDING_SUCCESS = 0x0101;

// Only Linux has all of 127.0.0.0/8.
test.skipIf(process.platform !== "linux")(
  "hostile connections come and go, and a good one is answered at any time",
  async () => {
    const server = await startServer();
    const [mallory, ada] = [await openSession(server, "mallory"), await openSession(server, "ada")];
    const streams = new HostileStreams(server.mediaPort, mallory, SEED);
    let answers = 0;
    while (streams.opened < HOSTILE_CONNECTIONS) {
      expect(await check(server.mediaPort, ada, answers)).toBe(BINDING_SUCCESS);
      answers += 1;
    }
    streams.stop();
    expect(answers).toBeGreaterThan(3);

    const metrics = await server.metrics();
    for (const reason of ["peer", "bad_frame", "network_limit"]) {
      const series = `blindfold_tcp_ended_connections_total{reason="${reason}"}`;
      expect(metrics.get(series), reason).toBeGreaterThan(0);
    }
    await server.stop();
    const isAlarm = (line: string): boolean => /"level":"(error|fatal)"|unhandled|uncaught/i.test(line);
    expect(server.logs.split("\n").filter(isAlarm)).toEqual([]);
  },
);

/** A session that is never used: its credentials let checks in. */
async function openSession(server: TestServer, name: string): Promise<IceUser> {
  const reply = await fetch(`${server.url}/whip/${ROOM}`, {
    method: "POST",
    headers: { authorization: `Bearer ${await server.token(ROOM, name)}`, "content-type": "application/sdp" },
    body: OFFER,
  });
  const answer = await reply.text();
  expect(reply.status, answer).toBe(201);
  const field = (attribute: string): string => new RegExp(`^a=${attribute}:(\\S+)`, "m").exec(answer)![1]!;
  return { ufrag: field("ice-ufrag"), pwd: field("ice-pwd") };
}

/** The type of the STUN message that answers a check over a new connection. */
async function check(port: number, { ufrag, pwd }: IceUser, nth: number): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
  const transactionId = new Uint8Array(12).fill(nth);
  socket.write(
    framed(bindingRequest({ localUfrag: "ada", remoteUfrag: ufrag, remotePwd: pwd, transactionId })),
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return answer.readUInt16BE(2);
}
