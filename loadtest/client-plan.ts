/** Plans which client joins which room, when, and in which process. */
import type { ClientSpec } from "./client/load-client.ts";
import type { Options } from "./options.ts";

/** Offers with more sections are refused; the two kinds share the limit. */
const MAX_SECTIONS_OF_KIND = 64;

type Plan = Pick<
  Options,
  "rooms" | "publishers" | "subscribers" | "meeting" | "video" | "audio" | "feedback" | "join-rate"
>;

/** `run`: part of every room's name, so that two runs do not share rooms. Publishers start before subscribers. */
export function planClients(options: Plan, run: string): ClientSpec[] {
  const { rooms, meeting } = options;
  const publishers = meeting ?? options.publishers;
  const subscribers = meeting ?? options.subscribers;
  const roomNames = Array.from({ length: rooms }, (_, i) => `load-${run}-${i}`);
  const clients: Omit<ClientSpec, "index" | "startMs">[] = [];
  for (let i = 0; i < publishers; i++) {
    for (const room of roomNames) clients.push({ room, identity: `p${i}`, role: { kind: "publisher" } });
  }
  // In a meeting nobody receives its own media.
  const role = watching(options, meeting === undefined ? publishers : meeting - 1);
  for (let i = 0; i < subscribers; i++) {
    for (const room of roomNames) {
      clients.push({ room, identity: meeting === undefined ? `s${i}` : `p${i}`, role });
    }
  }
  return clients.map((client, index) => ({
    ...client,
    index,
    startMs: Math.round((index * 1000) / options["join-rate"]),
  }));
}

function watching({ video, audio, feedback }: Plan, tracks: number): ClientSpec["role"] {
  const sections = Math.min(tracks, MAX_SECTIONS_OF_KIND);
  // A viewer of an empty room has sections as well.
  const audios = audio === "on" ? Math.max(1, sections) : 0;
  const videos = video === "none" ? 0 : Math.max(1, sections);
  const kind = video === "none" ? "audio" : "video";
  const expects = tracks === 0 ? "nothing" : kind;
  return { kind: "subscriber", audios, videos, feedback: feedback === "on", expects };
}

/** Distributed in turn, so that each process has publishers and subscribers. */
export function dealClients(clients: readonly ClientSpec[], processes: number): ClientSpec[][] {
  const used = Math.min(processes, clients.length);
  return Array.from({ length: used }, (_, process) => clients.filter((_, i) => i % used === process));
}
