/** Loads the routes of the control API, one after the other, by autocannon. */
import autocannon from "autocannon";
import { createDtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import { watchOffer } from "../client/session-offer.ts";
import { type Credentials, Signalling } from "../client/signalling.ts";

export interface HttpLoad {
  readonly url: string;
  readonly credentials: Credentials;
  readonly room: string;
  readonly connections: number;
  /** For each route. */
  readonly seconds: number;
}

interface Route {
  readonly name: string;
  readonly path: string;
  readonly hasToken: boolean;
  /** The status of a correct answer. */
  readonly expected: number;
}

export interface RouteResult {
  readonly name: string;
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly latency: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly non2xx: number;
  /** Answers with an unexpected status, by status. */
  readonly unexpected: Readonly<Record<string, number>>;
  /** Requests without an answer. */
  readonly errors: number;
}

const IDENTITY = "watcher";

function routesOf(room: string): Route[] {
  const own = `/v1/rooms/${room}`;
  return [
    { name: "GET /healthz", path: "/healthz", hasToken: false, expected: 200 },
    { name: "GET /metrics", path: "/metrics", hasToken: false, expected: 200 },
    { name: "GET /v1/rooms, no token", path: "/v1/rooms", hasToken: false, expected: 401 },
    { name: "GET /v1/rooms", path: "/v1/rooms", hasToken: true, expected: 200 },
    { name: "GET /v1/rooms/:room", path: own, hasToken: true, expected: 200 },
    { name: "GET …/participants", path: `${own}/participants`, hasToken: true, expected: 200 },
  ];
}

/** Opens a session first, so that there is a room with a participant. Rejects when the server refuses. */
export async function loadRoutes(load: HttpLoad, onRoute: (name: string) => void): Promise<RouteResult[]> {
  const { url, credentials, room, connections, seconds } = load;
  const signalling = new Signalling(url, credentials);
  const token = await signalling.token(room, IDENTITY);
  const ice = { ufrag: "load", pwd: "nobodyEverChecksThisOne" };
  const { fingerprint } = await createDtlsCertificate();
  const session = await signalling.open(
    `/whep/${room}`,
    token,
    watchOffer({ ice, fingerprint }, { audios: 1, videos: 1, feedback: false }),
  );
  const results: RouteResult[] = [];
  try {
    for (const route of routesOf(room)) {
      onRoute(route.name);
      const headers: Record<string, string> = route.hasToken ? { authorization: `Bearer ${token}` } : {};
      const target = new URL(route.path, url).href;
      const answer = await autocannon({ url: target, connections, duration: seconds, headers });
      results.push(resultOf(route, answer));
    }
  } finally {
    await signalling.end(session.location, token);
  }
  return results;
}

function resultOf({ name, expected }: Route, answer: autocannon.Result): RouteResult {
  const statuses = Object.entries(answer.statusCodeStats).map(
    ([status, { count }]) => [status, count] as const,
  );
  const sum = (counted: typeof statuses): number => counted.reduce((total, [, count]) => total + count, 0);
  const { p50, p90, p99, max } = answer.latency;
  const requests = sum(statuses);
  return {
    name,
    requests,
    perSecond: requests / answer.duration,
    latency: { p50, p90, p99, max },
    non2xx: sum(statuses.filter(([status]) => !status.startsWith("2"))),
    unexpected: Object.fromEntries(statuses.filter(([status]) => Number(status) !== expected)),
    errors: answer.errors,
  };
}

export function httpTable(results: readonly RouteResult[]): string {
  const head = ["route", "requests", "per second", "p50 ms", "p90", "p99", "max", "non-2xx", "unexpected"];
  const rows = results.map(({ name, requests, perSecond, latency, non2xx, unexpected, errors }) => {
    const wrong = Object.entries(unexpected).map(([status, count]) => `${status}: ${count}`);
    if (errors > 0) wrong.push(`no answer: ${errors}`);
    const { p50, p90, p99, max } = latency;
    const numbers = [requests, Math.round(perSecond), p50, p90, p99, Math.round(max), non2xx];
    return [name, ...numbers.map((number) => number.toLocaleString("en")), wrong.join(", ") || "none"];
  });
  const limited = results.some(({ unexpected }) => "429" in unexpected);
  const lines = alignColumns([head, ...rows]);
  return limited ? `${lines}\n\n  429: the server's http.rateLimitPerMinute. See --help.` : lines;
}

/** The first and the last column are text, those between are numbers. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        const isWord = column === 0 || column === row.length - 1;
        return isWord ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
      });
      return `  ${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}
