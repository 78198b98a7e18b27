import { expect, test } from "vitest";
import { PathTable } from "../../src/base/path-table.ts";

test("a connection is a path of its own beside datagrams of the same address and port", () => {
  const paths = new PathTable(8);
  const datagrams = paths.intern("192.0.2.1", 5000);
  const [one, other] = [paths.addConnection("192.0.2.1", 5000), paths.addConnection("192.0.2.1", 5000)];
  expect(new Set([datagrams, one, other]).size).toBe(3);
  expect(paths.intern("192.0.2.1", 5000)).toBe(datagrams);
  expect([datagrams, one, other].map((path) => paths.isConnection(path))).toEqual([false, true, true]);
  expect([paths.address(one), paths.port(one)]).toEqual(["192.0.2.1", 5000]);
});

test("a row of a connection is given away only when it has ended and nobody uses it", () => {
  const paths = new PathTable(1);
  const path = paths.addConnection("192.0.2.1", 5000);
  expect(paths.intern("192.0.2.2", 5000)).toBe(-1);
  paths.pin(path);
  paths.endConnection(path);
  expect(paths.isConnection(path)).toBe(true);
  expect(paths.addConnection("192.0.2.2", 5000)).toBe(-1);
  paths.unpin(path);
  const generation = paths.generation(path);
  expect(paths.intern("192.0.2.2", 5000)).toBe(path);
  expect(paths.isConnection(path)).toBe(false);
  expect(paths.generation(path)).toBe(generation + 1);
});

test("when a connection's row is given away, datagrams of its address keep theirs", () => {
  const paths = new PathTable(2);
  const connection = paths.addConnection("192.0.2.1", 5000);
  const datagrams = paths.intern("192.0.2.1", 5000);
  paths.endConnection(connection);
  expect(paths.intern("192.0.2.2", 5000)).toBe(connection);
  expect(paths.intern("192.0.2.1", 5000)).toBe(datagrams);
});
