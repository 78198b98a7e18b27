/** Plots as inline SVG: lines, stacked areas or points over one pair of axes. Text in, text out; no script in it. */

export interface Series {
  readonly name: string;
  /** In order of x; a null y is a gap. `note` is the tooltip. */
  readonly points: readonly { readonly x: number; readonly y: number | null; readonly note?: string }[];
  /** Which of the page's colours, 1 to 6. */
  readonly color: number;
}

export interface PlotSpec {
  readonly title: string;
  /** A sentence: what is measured, from where to where. */
  readonly caption: string;
  readonly xLabel: string;
  readonly unit: string;
  readonly kind: "lines" | "stacked" | "points";
  readonly series: readonly Series[];
}

const WIDTH = 560;
const HEIGHT = 250;
const LEFT = 52;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;
const TICKS = 5;
const POINT_RADIUS = 3.2;

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

export function plot(spec: PlotSpec): string {
  const series = spec.kind === "stacked" ? stack(spec.series) : spec.series;
  const drawn = series.filter(({ points }) => points.some(({ y }) => y !== null));
  const figure = drawn.length === 0 ? "<p class=empty>nothing was measured</p>" : draw(spec, drawn);
  const legend = spec.series
    .filter(({ name }) => drawn.some((one) => one.name === name))
    .map(({ name, color }) => `<li><i class="c${color}"></i>${escapeText(name)}</li>`);
  return (
    `<figure><figcaption><h3>${escapeText(spec.title)}</h3><p>${escapeText(spec.caption)}</p></figcaption>` +
    `<ul class=legend>${legend.join("")}</ul>${figure}</figure>`
  );
}

function draw({ kind, unit, xLabel, title }: PlotSpec, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points.filter(({ y }) => y !== null));
  const x = scale(Math.max(...all.map((point) => point.x)), LEFT, WIDTH - RIGHT, false);
  const y = scale(Math.max(...all.map((point) => point.y!)), HEIGHT - BOTTOM, TOP, true);
  const shapes = {
    lines: () => series.map((one) => line(one, x, y)),
    // The largest sum is drawn first, smaller ones over it.
    stacked: () => series.toReversed().map((one) => area(one, x, y)),
    points: () => series.map((one) => dots(one, x, y, POINT_RADIUS, "dot")),
  }[kind]();
  // Targets for the pointer, larger than the visible points.
  const targets = kind === "points" ? [] : series.map((one) => dots(one, x, y, 7, "target", unit));
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(title)}">` +
    y.ticks.map((tick) => horizontal(y.at(tick), `${label(tick)}`)).join("") +
    x.ticks.map((tick) => vertical(x.at(tick), label(tick))).join("") +
    `<text class=axis x="${WIDTH - RIGHT}" y="${HEIGHT - 2}" text-anchor="end">${escapeText(xLabel)}</text>` +
    `<text class=axis x="2" y="${HEIGHT - 2}">${escapeText(unit)}</text>` +
    `${shapes.join("")}${targets.join("")}</svg>`
  );
}

function line({ points, color }: Series, x: Scale, y: Scale): string {
  let path = "";
  let pen = "M";
  for (const point of points) {
    if (point.y !== null) path += `${pen}${coordinates(x.at(point.x), y.at(point.y))}`;
    pen = point.y === null ? "M" : "L";
  }
  return `<path class="line c${color}" d="${path}"/>`;
}

function area({ points, color }: Series, x: Scale, y: Scale): string {
  const top = points.map((point) => coordinates(x.at(point.x), y.at(point.y ?? 0)));
  const [first, last] = [points[0]!, points.at(-1)!];
  const floor = `L${coordinates(x.at(last.x), y.at(0))}L${coordinates(x.at(first.x), y.at(0))}Z`;
  return `<path class="area c${color}" d="M${top.join("L")}${floor}"/>`;
}

function dots(one: Series, x: Scale, y: Scale, radius: number, style: string, unit = ""): string {
  return one.points
    .map((point) => {
      if (point.y === null) return "";
      const note = escapeText(point.note ?? `${one.name}: ${label(point.y)} ${unit} at ${label(point.x)}`);
      const [cx, cy] = [x.at(point.x).toFixed(1), y.at(point.y).toFixed(1)];
      return `<circle class="${style} c${one.color}" cx="${cx}" cy="${cy}" r="${radius}"><title>${note}</title></circle>`;
    })
    .join("");
}

/** Each series on top of those before it. */
function stack(series: readonly Series[]): Series[] {
  const sums = new Map<number, number>();
  return series.map((one) => ({
    ...one,
    points: one.points.map(({ x, y }) => {
      const sum = (sums.get(x) ?? 0) + (y ?? 0);
      sums.set(x, sum);
      return { x, y: sum, note: `${one.name}: ${label(y ?? 0)}, together with those below ${label(sum)}` };
    }),
  }));
}

/** From 0, because an axis that starts elsewhere exaggerates, to `max` or to the next round number. */
function scale(max: number, from: number, to: number, isRound: boolean): Scale {
  const top = max > 0 ? max : 1;
  const step = niceStep(top / TICKS);
  const count = isRound ? Math.ceil(top / step - 1e-9) : Math.floor(top / step + 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, i) => i * step);
  const end = isRound ? count * step : top;
  return { ticks, at: (value) => from + ((to - from) * value) / end };
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10);
}

const coordinates = (x: number, y: number): string => `${x.toFixed(1)},${y.toFixed(1)}`;

function horizontal(y: number, text: string): string {
  return (
    `<line class=grid x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/>` +
    `<text class=tick x="${LEFT - 6}" y="${(y + 3.5).toFixed(1)}" text-anchor="end">${text}</text>`
  );
}

function vertical(x: number, text: string): string {
  return `<text class=tick x="${x.toFixed(1)}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${text}</text>`;
}

/** Three significant digits; no trailing zeros. */
export function label(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
