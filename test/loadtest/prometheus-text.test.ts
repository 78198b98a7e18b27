import { expect, test } from "vitest";
import { parsePrometheusText } from "../../loadtest/measure/prometheus-text.ts";

test("reads samples and passes over what is not one", () => {
  const text = `# HELP rooms Rooms.
# TYPE rooms gauge
rooms{state="open",note="a } b, \\"c\\""} 3
rooms 4 1700000000000
delay_bucket{le="+Inf"} +Inf
ratio NaN
bytes_total 1.5e+09

`;
  expect([...parsePrometheusText(text)]).toEqual([
    ['rooms{state="open",note="a } b, \\"c\\""}', 3],
    ["rooms", 4],
    ['delay_bucket{le="+Inf"}', Infinity],
    ["ratio", NaN],
    ["bytes_total", 1.5e9],
  ]);
});

test.each(["<html>", "rooms", "{} 1", "rooms 1 2 3"])("refuses %j", (line) => {
  expect(() => parsePrometheusText(line)).toThrow("not a Prometheus sample");
});
