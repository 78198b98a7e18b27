import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PathId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { IceLiteAgent } from "../../src/ice/ice-lite-agent.ts";
import {
  type Attribute,
  attributesOf,
  ICE_CONTROLLED,
  ICE_CONTROLLING,
  PRIORITY,
  type RequestShape,
  stunMessage,
  USE_CANDIDATE,
  USERNAME,
} from "./stun-fixtures.ts";

const SECOND_US = 1_000_000;
const OLD = { ufrag: "oldUser1", pwd: "old-password-of-24-chars" };
const NEW = { ufrag: "newUser2", pwd: "new-password-of-24-chars" };
const SUCCESS = 0x0101;
const ERROR = 0x0111;

const CONTROLLING: Attribute = [ICE_CONTROLLING, new Uint8Array(8).fill(0xff)];
const CONTROLLED: Attribute = [ICE_CONTROLLED, new Uint8Array(8)];
const NOMINATE: Attribute = [USE_CANDIDATE, ""];

function check(local = OLD, ...more: Attribute[]): RequestShape {
  const attributes: Attribute[] = [
    [USERNAME, `${local.ufrag}:peer`],
    [PRIORITY, new Uint8Array(4).fill(1)],
  ];
  return { attributes: [...attributes, ...more], password: local.pwd };
}

/** An agent, a path table and a peer with several addresses. */
class Scene {
  nowUs = 5 * SECOND_US;
  readonly paths: PathTable;
  readonly agent: IceLiteAgent;

  constructor(pathCapacity = 64) {
    this.paths = new PathTable(pathCapacity);
    this.agent = new IceLiteAgent(OLD, this.paths, this.nowUs);
  }

  path(port: number): PathId {
    return this.paths.intern("192.0.2.7", port);
  }

  /** Sends a request from a port of the peer. Returns the response, empty when there is none. */
  send(port: number, packet: Uint8Array): Uint8Array {
    const out = new Uint8Array(300);
    const path = this.path(port);
    const bytes = this.agent.onRequest(this.nowUs, packet, packet.length, path, "192.0.2.7", port, out, 11);
    return out.slice(11, 11 + bytes);
  }

  check(port: number, shape: RequestShape = check(OLD, CONTROLLING)): number {
    const response = this.send(port, stunMessage(shape));
    return response.length === 0 ? 0 : (response[0]! << 8) | response[1]!;
  }

  nominate(port: number, local = OLD): number {
    return this.check(port, check(local, CONTROLLING, NOMINATE));
  }

  wait(seconds: number): string {
    this.nowUs += seconds * SECOND_US;
    return this.agent.poll(this.nowUs);
  }
}

test("a check is answered and validates its path, a nomination selects it", () => {
  const scene = new Scene();
  expect(scene.agent.state).toBe("new");
  expect(scene.agent.isValidated(scene.path(1000))).toBe(false);

  expect(scene.check(1000)).toBe(SUCCESS);
  expect(scene.agent).toMatchObject({ state: "checking", selectedPath: -1, lastOutcome: "accepted" });
  expect(scene.agent.isValidated(scene.path(1000))).toBe(true);
  expect(scene.agent.isValidated(scene.path(2000))).toBe(false);

  expect(scene.nominate(1000)).toBe(SUCCESS);
  expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(1000) });
});

test("a later nomination is followed at once, a check without one is not", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.check(2000);
  expect(scene.agent.selectedPath).toBe(scene.path(1000));
  scene.nominate(2000);
  expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(2000) });
  expect(scene.agent.isValidated(scene.path(1000))).toBe(true);
});

test("when the selected path ends, nothing is sent until another is nominated; what else was valid stays", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.check(2000);
  scene.agent.endPath(scene.path(2000));
  expect(scene.agent.isValidated(scene.path(2000))).toBe(false);
  expect(scene.wait(0)).toBe("connected");
  scene.agent.endPath(scene.path(1000));
  expect(scene.agent.selectedPath).toBe(-1);
  expect(scene.wait(0)).toBe("disconnected");
  scene.agent.endPath(scene.path(3000));
  scene.nominate(2000);
  expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(2000) });
  expect(scene.paths.isPinned(scene.path(1000))).toBe(false);
});

test("a path that ends and is not replaced fails as one that falls silent", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.agent.endPath(scene.path(1000));
  expect([scene.wait(29), scene.wait(1)]).toEqual(["disconnected", "failed"]);
});

test("when the selected path ends, a peer that goes on over another that it has nominated is followed at once", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.check(3000);
  scene.nominate(2000);
  scene.agent.endPath(scene.path(2000));
  expect(scene.wait(0)).toBe("disconnected");
  // As Firefox does: pairs are nominated once, and checks that keep one alive say nothing of it.
  scene.check(3000);
  expect(scene.agent.selectedPath).toBe(-1);
  scene.check(1000);
  expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(1000) });
});

test("nor does a check elsewhere keep it from being connected by the RTCP on that other", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.nominate(2000);
  scene.agent.endPath(scene.path(2000));
  scene.check(3000);
  // As pion does, which checks nothing while media flows both ways.
  scene.agent.onReport(scene.nowUs, scene.path(1000));
  expect(scene.agent.selectedPath).toBe(scene.path(1000));
  expect(scene.wait(0)).toBe("connected");
});

test("a path that was never the peer's ends for nobody", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.agent.endPath(scene.path(2000));
  expect(scene.agent.isValidated(scene.path(1000))).toBe(true);
  expect(scene.wait(0)).toBe("connected");
});

const REFUSED: { name: string; why: string; shape: RequestShape }[] = [
  { name: "a wrong password", why: "bad_integrity", shape: { ...check(OLD, NOMINATE), password: "guess" } },
  {
    name: "no MESSAGE-INTEGRITY",
    why: "bad_integrity",
    shape: { attributes: check(OLD, NOMINATE).attributes },
  },
  { name: "another user", why: "unknown_user", shape: check({ ...OLD, ufrag: "oldUser" }, NOMINATE) },
  { name: "no user", why: "unknown_user", shape: { attributes: [NOMINATE], password: OLD.pwd } },
  {
    name: "a user named after the signature",
    why: "unknown_user",
    shape: { attributes: [NOMINATE], password: OLD.pwd, unsigned: [[USERNAME, `${OLD.ufrag}:peer`]] },
  },
  { name: "no FINGERPRINT", why: "malformed", shape: { ...check(OLD, NOMINATE), fingerprint: false } },
  { name: "an indication", why: "not_request", shape: { ...check(OLD, NOMINATE), type: 0x0011 } },
  { name: "a response", why: "not_request", shape: { ...check(OLD, NOMINATE), type: SUCCESS } },
  { name: "another method", why: "not_request", shape: { ...check(OLD, NOMINATE), type: 0x0003 } },
];

test.each(REFUSED)("$name gets no answer and changes nothing", ({ shape, why }) => {
  const scene = new Scene();
  scene.agent.lastOutcome = "failed";
  expect(scene.check(1000, shape)).toBe(0);
  expect(scene.agent).toMatchObject({ state: "new", selectedPath: -1, lastOutcome: why });
  expect(scene.agent.isValidated(scene.path(1000))).toBe(false);

  expect(scene.check(1000)).toBe(SUCCESS);
  expect(scene.agent).toMatchObject({ state: "checking", lastOutcome: "accepted" });
});

test("USE-CANDIDATE after the signature nominates nothing", () => {
  const scene = new Scene();
  expect(scene.check(1000, { ...check(OLD, CONTROLLING), unsigned: [NOMINATE] })).toBe(SUCCESS);
  expect(scene.agent.selectedPath).toBe(-1);
});

test.each([
  {
    name: "a peer that takes itself for controlled",
    code: 87,
    shape: check(OLD, CONTROLLED, NOMINATE),
    why: "role_conflict",
  },
  {
    name: "an unknown attribute",
    code: 20,
    shape: check(OLD, [0x7abc, "?"], NOMINATE),
    why: "unknown_attribute",
  },
])("$name gets a signed 4$code and validates nothing", ({ shape, code, why }) => {
  const scene = new Scene();
  const response = scene.send(1000, stunMessage(shape));
  expect((response[0]! << 8) | response[1]!).toBe(ERROR);
  expect([...attributesOf(response).get(0x0009)!.subarray(2, 4)]).toEqual([4, code]);
  expect(attributesOf(response).has(0x0008)).toBe(true);
  expect(scene.agent).toMatchObject({ state: "new", selectedPath: -1, lastOutcome: why });
  expect(scene.agent.isValidated(scene.path(1000))).toBe(false);
});

describe("liveness", () => {
  test("without any check it fails after 30 s", () => {
    const scene = new Scene();
    expect(scene.wait(29)).toBe("new");
    expect(scene.wait(1)).toBe("failed");
    expect(scene.nominate(1000)).toBe(0);
    expect(scene.agent.lastOutcome).toBe("failed");
  });

  test("a peer that checks and nominates nothing yet may take its time", () => {
    const scene = new Scene();
    for (let i = 0; i < 10; i++) {
      scene.check(1000);
      expect(scene.wait(6)).toBe("checking");
    }
    expect(scene.nominate(1000)).toBe(SUCCESS);
  });

  test("a peer that checks every 6 s stays connected", () => {
    const scene = new Scene();
    scene.nominate(1000);
    for (let i = 0; i < 20; i++) {
      expect(scene.wait(6)).toBe("connected");
      scene.check(1000);
    }
  });

  test("silence disconnects, a check connects again, longer silence fails and takes the path", () => {
    const scene = new Scene();
    scene.nominate(1000);
    expect(scene.wait(8)).toBe("disconnected");
    scene.check(1000);
    expect(scene.agent.state).toBe("connected");
    expect(scene.wait(29)).toBe("disconnected");
    expect(scene.wait(1)).toBe("failed");
    expect(scene.agent.selectedPath).toBe(-1);
  });

  test("a peer that sends RTCP and no more checks, as pion does, stays connected; without it fails after 30 s", () => {
    const scene = new Scene();
    scene.nominate(1000);
    for (let i = 0; i < 20; i++) {
      expect(scene.wait(5)).toBe("connected");
      scene.agent.onReport(scene.nowUs, scene.path(1000));
    }
    expect(scene.agent.isValidated(scene.path(1000))).toBe(true);
    expect(scene.wait(29)).toBe("disconnected");
    expect(scene.wait(1)).toBe("failed");
  });

  test("RTCP ends a silence; from elsewhere it does not, nor does it make a path of its own", () => {
    const scene = new Scene();
    scene.nominate(1000);
    scene.agent.onReport(scene.nowUs, scene.path(2000));
    expect(scene.agent.isValidated(scene.path(2000))).toBe(false);
    expect(scene.wait(8)).toBe("disconnected");
    scene.agent.onReport(scene.nowUs, scene.path(1000));
    expect(scene.wait(0)).toBe("connected");
  });

  test("checks on another path do not keep the selected one alive, its nomination rescues", () => {
    const scene = new Scene();
    scene.nominate(1000);
    for (let i = 0; i < 5; i++) {
      scene.wait(2);
      scene.check(2000);
    }
    expect(scene.agent.state).toBe("disconnected");
    scene.nominate(2000);
    expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(2000) });
  });

  test.each([
    ["checks", (scene: Scene) => void scene.check(1000)],
    ["reports", ({ agent, nowUs, paths }: Scene) => agent.onReport(nowUs, paths.intern("192.0.2.7", 1000))],
  ])("of several that it has nominated a peer is followed to the one that %s come from", (_, act) => {
    const scene = new Scene();
    scene.nominate(1000);
    scene.nominate(2000);
    // As Firefox does: all pairs are nominated, and the best is used, not the last.
    for (let n = 0; n < 8; n++) {
      expect(scene.wait(1)).toBe("connected");
      act(scene);
    }
    expect(scene.agent.selectedPath).toBe(scene.path(1000));
    // The other is one that it never nominated.
    scene.check(3000);
    expect(scene.wait(7.5)).toBe("connected");
    scene.check(3000);
    expect(scene.agent.selectedPath).toBe(scene.path(1000));
  });

  test("a spare pair that it has nominated is not followed between two checks of the one in use", () => {
    const scene = new Scene();
    scene.nominate(1000);
    scene.nominate(2000);
    for (let n = 0; n < 8; n++) {
      scene.wait(3);
      scene.check(1000);
      scene.agent.onReport(scene.nowUs, scene.path(1000));
      expect(scene.agent.selectedPath).toBe(scene.path(2000));
      scene.wait(3);
      scene.check(2000);
    }
  });

  test("a path without checks is no longer believed after 30 s", () => {
    const scene = new Scene();
    scene.check(1000);
    scene.nominate(2000);
    for (let i = 0; i < 7; i++) {
      scene.wait(5);
      scene.check(2000);
    }
    expect(scene.agent.isValidated(scene.path(1000))).toBe(false);
    expect(scene.agent.isValidated(scene.path(2000))).toBe(true);
  });
});

describe("paths", () => {
  test("at most eight, the stalest goes first and the selected one never", () => {
    const scene = new Scene();
    scene.nominate(1000);
    for (let port = 1001; port < 1020; port++) {
      scene.wait(0.1);
      scene.check(port);
    }
    const validated = Array.from({ length: 20 }, (_, i) => 1000 + i).filter((port) =>
      scene.agent.isValidated(scene.path(port)),
    );
    expect(validated).toEqual([1000, 1013, 1014, 1015, 1016, 1017, 1018, 1019]);
  });

  test.each([0, 3, 7])("the selected one stays even when it is the stalest, as number %i", (at) => {
    const scene = new Scene();
    const ports = Array.from({ length: 8 }, (_, i) => 1000 + i);
    for (const port of ports) scene.check(port);
    const selected = ports.splice(at, 1)[0]!;
    scene.nominate(selected);
    for (const port of ports) {
      scene.wait(0.1);
      scene.check(port);
    }
    scene.check(2000);
    expect(scene.agent.isValidated(scene.path(selected))).toBe(true);
    expect(ports.filter((port) => !scene.agent.isValidated(scene.path(port)))).toEqual([ports[0]]);
  });

  test("one that takes the place of another takes no nomination over", () => {
    const scene = new Scene();
    // The first goes when the ninth comes, and the last moves into its place.
    for (let port = 1000; port < 1008; port++) scene.nominate(port);
    scene.wait(1);
    for (let port = 1001; port < 1008; port++) scene.nominate(port);
    for (let port = 2000; port < 2004; port++) {
      scene.wait(0.1);
      scene.check(port);
    }
    scene.agent.endPath(scene.path(1007));
    for (let port = 2000; port < 2004; port++) {
      scene.check(port);
      expect(scene.agent.selectedPath).toBe(-1);
    }
    scene.check(1004);
    expect(scene.agent.selectedPath).toBe(scene.path(1004));
  });

  test("are pinned while validated: a flood of strangers does not take their ids", () => {
    const scene = new Scene(16);
    scene.nominate(1000);
    const before = scene.path(1000);
    for (let port = 1; port < 500; port++) scene.path(port);
    expect(scene.path(1000)).toBe(before);
    expect(scene.paths.port(before)).toBe(1000);
  });

  test("are let go on close and when they expire: the table can be filled anew", () => {
    const scene = new Scene(8);
    for (const end of [() => scene.agent.close(), () => scene.wait(31)]) {
      for (let port = 1; port <= 8; port++) scene.check(port);
      expect(scene.path(100)).toBe(-1);
      end();
      for (let port = 200; port < 208; port++) expect(scene.path(port)).not.toBe(-1);
    }
  });
});

describe("restart", () => {
  test("both passwords count until the first check with the new one", () => {
    const scene = new Scene();
    scene.nominate(1000);
    scene.agent.restart(NEW, scene.nowUs);
    expect(scene.agent.ufrags).toEqual([OLD.ufrag, NEW.ufrag]);
    expect(scene.check(1000)).toBe(SUCCESS);
    expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(1000) });

    expect(scene.check(2000, check(NEW, CONTROLLING))).toBe(SUCCESS);
    expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(1000) });
    expect(scene.agent.ufrags).toEqual([NEW.ufrag]);
    expect(scene.check(1000)).toBe(0);
    expect(scene.agent.lastOutcome).toBe("unknown_user");

    scene.nominate(2000, NEW);
    expect(scene.agent.selectedPath).toBe(scene.path(2000));
  });

  test("a forged check with the new user name keeps the old password valid", () => {
    const scene = new Scene();
    scene.agent.restart(NEW, scene.nowUs);
    expect(scene.check(1000, check({ ...NEW, pwd: OLD.pwd }, CONTROLLING))).toBe(0);
    expect(scene.check(1000)).toBe(SUCCESS);
  });

  test("a peer that is about to fail gets time for the new checks, but is not sent to meanwhile", () => {
    const scene = new Scene();
    scene.nominate(1000);
    expect(scene.wait(25)).toBe("disconnected");
    scene.agent.restart(NEW, scene.nowUs);
    expect(scene.wait(10)).toBe("disconnected");
    expect(scene.agent.selectedPath).toBe(-1);
    scene.nominate(2000, NEW);
    expect(scene.agent).toMatchObject({ state: "connected", selectedPath: scene.path(2000) });
  });

  test("a failed agent comes back", () => {
    const scene = new Scene();
    scene.nominate(1000);
    expect(scene.wait(30)).toBe("failed");
    scene.agent.restart(NEW, scene.nowUs);
    expect(scene.wait(1)).toBe("new");
    expect(scene.nominate(1000, NEW)).toBe(SUCCESS);
    expect(scene.agent.state).toBe("connected");
  });
});

test("truncations and arbitrary bytes never throw and never select a path", () => {
  const scene = new Scene();
  const good = stunMessage(check(OLD, CONTROLLING, NOMINATE));
  for (let length = 0; length < good.length; length++)
    expect(scene.send(1000, good.slice(0, length))).toHaveLength(0);
  const changed = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200, size: "max" }), changed), (input) => {
      const packet = input instanceof Uint8Array ? input : good.slice();
      if (!(input instanceof Uint8Array)) for (const [at, mask] of input) packet[at]! ^= mask;
      if (Buffer.compare(packet, good) !== 0) expect(scene.send(1000, packet)).toHaveLength(0);
    }),
    { numRuns: 1000 },
  );
  expect(scene.agent.selectedPath).toBe(-1);
});

test("a time in which we stood still is no silence of the peer's, and hides none either", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.check(2000);
  scene.wait(3);
  const stand = (seconds: number): void => {
    scene.nowUs += seconds * SECOND_US;
    scene.agent.excuse(seconds * SECOND_US, scene.nowUs);
  };
  stand(60);
  expect(scene.wait(0)).toBe("connected");
  expect(scene.agent.isValidated(scene.path(2000))).toBe(true);
  expect(scene.wait(4)).toBe("connected");
  expect(scene.wait(1)).toBe("disconnected");
  // What is heard before we excuse ourselves is heard now, and not later.
  scene.nowUs += 60 * SECOND_US;
  scene.nominate(1000);
  scene.agent.excuse(60 * SECOND_US, scene.nowUs);
  expect(scene.wait(7)).toBe("connected");
  expect(scene.wait(1)).toBe("disconnected");
  expect(scene.wait(22)).toBe("failed");
});

test("nor does it give consent: of 30 s without a check those count in which we ran", () => {
  const scene = new Scene();
  scene.nominate(1000);
  scene.check(2000);
  expect(scene.wait(20)).toBe("disconnected");
  scene.nowUs += 60 * SECOND_US;
  scene.agent.excuse(60 * SECOND_US, scene.nowUs);
  expect(scene.wait(9)).toBe("disconnected");
  expect(scene.agent.isValidated(scene.path(2000))).toBe(true);
  expect(scene.wait(1)).toBe("failed");
  expect(scene.wait(1)).toBe("failed");
  expect(scene.agent.isValidated(scene.path(2000))).toBe(false);
});
