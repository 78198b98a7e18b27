/**
 * What the bandwidth estimator does over many seeds:  npm run sim:bwe [seeds [part of a scenario's name]]
 *
 * Estimates are in capacities. Two hundred seeds take some minutes.
 */
import { percentile } from "./bandwidth-run.ts";
import { SCENARIOS } from "./bandwidth-scenarios.ts";

const SEEDS = 200;

const seeds = Number(process.argv[2] ?? SEEDS);
const part = process.argv[3] ?? "";

const rows = [];
for (const { name, run } of SCENARIOS.filter((scenario) => scenario.name.includes(part))) {
  const runs = Array.from({ length: seeds }, (_, i) => run(i + 1));
  for (const [
    row,
    { what, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY },
  ] of runs[0]!.entries()) {
    const values = runs.map((measures) => measures[row]!.value);
    const at = (share: number): string => percentile(values, share).toPrecision(3);
    rows.push({
      scenario: name,
      measured: what,
      least: at(0),
      "5 %": at(0.05),
      median: at(0.5),
      "95 %": at(0.95),
      most: at(1),
      "at least": atLeast,
      "at most": atMost,
      missed: values.filter((value) => !(value >= atLeast && value <= atMost)).length,
    });
  }
}
console.table(rows);
