/**
 * Samples of the Prometheus text format (exposition format 0.0.4), by series: name and labels as they are written,
 * `process_cpu_seconds_total` or `blindfold_rooms{state="open"}`. Comments, types and timestamps are ignored.
 */
const SAMPLE = /^([A-Za-z_:][\w:]*(?:\{.*\})?)[ \t]+(\S+)(?:[ \t]+-?\d+)?$/;

const INFINITIES: Readonly<Record<string, number>> = { "+Inf": Infinity, "-Inf": -Infinity };

/** Throws on a line that is neither a sample nor a comment: then the text is not in this format. */
export function parsePrometheusText(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, series, value] = SAMPLE.exec(line) ?? [];
    if (series === undefined || value === undefined) throw new Error(`not a Prometheus sample: ${line}`);
    samples.set(series, INFINITIES[value] ?? Number(value));
  }
  return samples;
}
