/** The result as one self-contained page: no script, and no font or picture from elsewhere. */
import { missingOf, type RunResult } from "../result.ts";
import { STYLE } from "./page-style.ts";
import { escapeText, label } from "./plot.ts";
import { plotsOf } from "./result-plots.ts";
import { percent, resultRows } from "./text-table.ts";

export function htmlPage(result: RunResult): string {
  const { startedAt, options } = result;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Load test of ${escapeText(startedAt)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>Load test</h1><p>${escapeText(setting(result))}<br><time>${escapeText(startedAt)}</time>, ${escapeText(
    String(options.url),
  )}</p></header>
<section class="tiles">${tilesOf(result).map(tile).join("")}</section>
<section class="plots">${plotsOf(result).join("")}</section>
<section><h2>In numbers</h2><table>${resultRows(result)
    .map(([name, value]) => `<tr><th>${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`)
    .join("")}</table></section>
<section class="notes"><h2>How to read it</h2>${NOTES.map((note) => `<p>${escapeText(note)}</p>`).join("")}
<p>Options: <code>${escapeText(JSON.stringify(options))}</code></p></section>
</body>
</html>
`;
}

const NOTES = [
  "All clients were on one machine; a server that was on it too shared its cores with them. A delay is from just " +
    "before a packet is sealed to just after it is opened, so it contains the generator's own waiting: how late its clock ticked is told above, and a burst " +
    "to many subscribers of one process is opened packet by packet, at several microseconds each. Packets that " +
    "came by retransmission count with the time they took.",
  "Lost are sequence numbers that never came, after NACK and RTX. Missing are packets that the publisher has sent of " +
    "the layer a subscriber got and that never reached it: they also show what a server hides by renumbering. Both " +
    "count from a stream's first packet to the end of the run, the joins included; plots and delays are of the " +
    "measured seconds. What is missing of video is not known with --feedback, for the server leaves out what it chooses.",
  "Publishers send at their full rate at once and do not adapt, as if each had a network that is never the limit.",
  "CPU and memory of the server are those of its whole process, as its own metrics tell them.",
];

function setting({ clients, options, seconds }: RunResult): string {
  const { rooms, video, audio } = options;
  return (
    `${rooms} room${rooms === 1 ? "" : "s"}, ${clients.publishers} publishers, ${clients.subscribers} subscribers; ` +
    `video ${video}, audio ${audio}; ${seconds.length} s measured`
  );
}

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly isBad: boolean;
}

function tilesOf(result: RunResult): Tile[] {
  const { clients, received, delay, seconds, server, join } = result;
  const { audio, video } = received;
  const all = clients.publishers + clients.subscribers;
  const lost = audio.lost + video.lost;
  const missing = missingOf(audio) + missingOf(video);
  const packets = audio.received + video.received;
  const rate = seconds.reduce((sum, one) => sum + one.receivedPackets, 0) / Math.max(1, seconds.length);
  const cost = server.cpuUsPerSentPacket;
  const first = join.subscriberFirstMedia;
  return [
    { name: "clients failed", value: `${clients.failed} of ${all}`, isBad: clients.failed > 0 },
    { name: "lost for good", value: percent(lost, packets + lost), isBad: lost > 0 },
    {
      name: "missing of what was sent",
      value: video.missing === null ? "unknown" : percent(missing, packets + missing),
      isBad: missing > 0,
    },
    { name: "packets received a second", value: label(Math.round(rate)), isBad: rate === 0 },
    { name: "delay, p50 / p99", value: range(delay.count, delay.p50, delay.p99), isBad: delay.count === 0 },
    { name: "first media, p50 / p99", value: range(first.count, first.p50, first.p99), isBad: false },
    {
      name: "server CPU for a packet sent",
      value: cost === null ? "unknown" : `${label(cost)} µs`,
      isBad: false,
    },
  ];
}

function range(count: number, p50: number, p99: number): string {
  return count === 0 ? "none" : `${label(p50)} / ${label(p99)} ms`;
}

function tile({ name, value, isBad }: Tile): string {
  return `<div${isBad ? " class=bad" : ""}><b>${escapeText(value)}</b><span>${escapeText(name)}</span></div>`;
}
