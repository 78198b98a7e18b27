/** Goal: more is told at once, less when it has lasted, and wishes that come and go leave the publisher alone. */
import { expect, test } from "vitest";
import { NO_LAYER } from "../../src/sfu/layer-selector.ts";
import { WantedLayer } from "../../src/sfu/wanted-layer.ts";

const SECOND_US = 1_000_000;

interface Case {
  readonly name: string;
  /** From a second on, what is wanted. */
  readonly wishes: Readonly<Record<number, number>>;
  /** "second: layer" */
  readonly told: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "the first wish is told at once", wishes: { 0: NO_LAYER, 2: 0 }, told: ["2: 0"] },
  { name: "no wish at all is told when it has lasted", wishes: { 0: NO_LAYER }, told: ["5: -1"] },
  { name: "more at once, less later", wishes: { 0: 1, 3: 2, 10: 0 }, told: ["0: 1", "3: 2", "15: 0"] },
  {
    name: "what comes back in time was never gone",
    wishes: { 0: 2, 3: 0, 7: 2, 8: 0, 12: 2 },
    told: ["0: 2"],
  },
  {
    name: "the highest that was wanted meanwhile, and then the time begins again",
    wishes: { 0: 2, 1: NO_LAYER, 3: 1, 5: NO_LAYER },
    told: ["0: 2", "6: 1", "11: -1"],
  },
  { name: "again after nothing", wishes: { 0: 2, 1: NO_LAYER, 20: 0 }, told: ["0: 2", "6: -1", "20: 0"] },
];

test.each(CASES)("$name", ({ wishes, told }) => {
  const layer = new WantedLayer();
  const heard: string[] = [];
  let wanted = 0;
  for (let second = 0; second < 40; second++) {
    wanted = wishes[second] ?? wanted;
    for (let part = 0; part < 100; part++) {
      const now = layer.update(wanted, 7 * SECOND_US + second * SECOND_US + part * 10_000);
      if (now !== null) heard.push(`${second}: ${now}`);
    }
  }
  expect(heard).toEqual(told);
});
