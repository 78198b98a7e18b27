/** `npm run sim:bwe`: results of the bandwidth estimator over many seeds. See `--help`. */
import { z } from "zod";
import { commandLine, whole } from "../../loadtest/command-line.ts";
import { percentile } from "./bandwidth-run.ts";
import { SCENARIOS } from "./bandwidth-scenarios.ts";

const USAGE = `Usage: npm run sim:bwe -- [seeds [part]]

What the bandwidth estimator does over many seeds of each scenario. Estimates are in capacities.

  seeds     of each; two hundred take some minutes               (200)
  part      of the names of scenarios; only those run            (all)
  --help    this text
`;

const wanted = commandLine({
  usage: USAGE,
  options: z.strictObject({ seeds: whole(1, 100_000).default(200), part: z.string().default("") }),
  places: ["seeds", "part"],
  contradiction: ({ part }) =>
    scenariosOf(part).length === 0 ? `part: no scenario is named ${part}` : undefined,
});

function scenariosOf(part: string): typeof SCENARIOS {
  return SCENARIOS.filter(({ name }) => name.includes(part));
}

const rows = [];
for (const { name, run } of scenariosOf(wanted.part)) {
  const runs = Array.from({ length: wanted.seeds }, (_, i) => run(i + 1));
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
