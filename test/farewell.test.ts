/**
 * Goal: a peer that the server lets go of, alone or because the server ends, is told so at once and need not find out by
 * silence.
 * Method: the server in this process, and a WHIP client with real DTLS. The client hears the close_notify.
 */
import { expect, test } from "vitest";
import { connect, publish, start } from "./whip-publisher.ts";

test("a client whose participant is removed hears close_notify", async () => {
  const server = await start();
  const { link, secured, ended } = connect(await publish(server, "ada"));
  await secured;
  server.rooms.get("hall")!.participant("ada")!.leave("participant_removed");
  expect(await ended).toBe("closed_by_server");
  link.close(true);
  await server.drain();
});

test("so does one whose server ends", async () => {
  const server = await start();
  const { link, secured, ended } = connect(await publish(server, "ada"));
  await secured;
  await server.drain();
  expect(await ended).toBe("closed_by_server");
  link.close(true);
});
