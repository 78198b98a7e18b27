/** Goal: credentials that coturn accepts, and that tell nobody on the way who somebody is. */
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { IceServers } from "../../src/control/ice-servers.ts";
import { HandClock } from "./conference.ts";

const SECRET = "shared with coturn";
const TURN = ["turn:t.example:3478", "turns:t.example:443?transport=tcp"];

function servers(stunUrls: readonly string[], turnUrls: readonly string[]): IceServers {
  const settings = { stunUrls, turnUrls, turnSecret: SECRET, turnCredentialSeconds: 60 };
  return new IceServers(settings, new HandClock());
}

test.each([
  { name: "none", stun: [], turn: [], overTls: false, told: [] },
  {
    name: "STUN before TURN",
    stun: ["stun:s.example"],
    turn: TURN,
    overTls: false,
    told: [["stun:s.example"], TURN],
  },
  { name: "over TLS alone", stun: [], turn: TURN, overTls: true, told: [[TURN[1]]] },
  { name: "others where none is over TLS", stun: [], turn: [TURN[0]!], overTls: true, told: [[TURN[0]]] },
])("tells of $name", ({ stun, turn, overTls, told }) => {
  expect(
    servers(stun, turn)
      .for("ada", overTls)
      .map(({ urls }) => urls),
  ).toEqual(told);
});

test.each(["ada", 'a"d\r\na', "ä".repeat(200), "𝔸".repeat(256)])(
  "a user name is short, plain and a pseudonym",
  (identity) => {
    const [server] = servers([], TURN).for(identity);
    const { username, credential } = server!.credentials!;
    // Seconds until which it is good, then whom it is for: coturn checks the one and counts by the other.
    expect(username).toMatch(/^1700000060:[\w-]{22}$/);
    expect(username).not.toContain(identity);
    expect(credential).toBe(createHmac("sha1", SECRET).update(username).digest("base64"));
    expect(servers([], TURN).for(identity)).toEqual([server]);
    expect(servers([], TURN).for(`${identity}2`)).not.toEqual([server]);
  },
);
