/** "0.81 (0.78–0.83)": the median of some samples, and their minimum and maximum. */
export function spread(samples: readonly number[], digits: number): string {
  const sorted = samples.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  return `${median.toFixed(digits)} (${sorted[0]!.toFixed(digits)}–${sorted.at(-1)!.toFixed(digits)})`;
}
