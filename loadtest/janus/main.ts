/**
 * npm run bench:janus -- [--receivers 10,50] [--packets 8] [--rounds 5] [--seconds 10] [--port 27880] [--address A]
 *
 * What carrying one video to many costs Blindfold and Janus: RTP packets delivered for each second of CPU time of the whole
 * server process, at the same load, in turns. Both run at once and serve nobody else; a ratio is that of one round, the
 * median of all rounds is printed with their range. Janus is Debian's: `apt-get install janus`. Linux only.
 *
 * `--address`: of this machine and not loopback, which Janus does not use; its first such IPv4 address unless told.
 */
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { spread } from "../forward/spread.ts";
import { type ServerProcess, startBlindfold } from "../server-process.ts";
import { startJanus } from "./janus-process.ts";
import { BlindfoldSfu, JanusSfu, type Sfu } from "./sfu.ts";
import { type Cost, createTools, measureCost, type VideoLoad } from "./video-load.ts";

const ROOM = 1234;
/** For sessions of a load to end before the next begins. */
const REST_MS = 3_000;

const { values } = parseArgs({
  options: {
    receivers: { type: "string", default: "10,50" },
    packets: { type: "string", default: "8" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "10" },
    port: { type: "string", default: "27880" },
    address: { type: "string", default: ownAddress() },
  },
});

const numbers = (text: string): number[] => text.split(",").map(Number);

const loads: VideoLoad[] = numbers(values.receivers).flatMap((receivers) =>
  numbers(values.packets).map((packetsPerFrame) => ({
    receivers,
    packetsPerFrame,
    seconds: Number(values.seconds),
  })),
);

function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}

interface Round {
  readonly janus: Cost;
  readonly blindfold: Cost;
}

const perCpuSecond = ({ packets, cpuSeconds }: Cost): number => packets / cpuSeconds;

function row({ receivers, packetsPerFrame }: VideoLoad, rounds: readonly Round[]): Record<string, string> {
  const by = (pick: (round: Round) => number, digits: number): string => spread(rounds.map(pick), digits);
  return {
    load: `1→${receivers}, ${packetsPerFrame} packets a frame`,
    "times Janus": by(({ janus, blindfold }) => perCpuSecond(blindfold) / perCpuSecond(janus), 2),
    "packets/CPU s": by(({ blindfold }) => perCpuSecond(blindfold), 0),
    "Janus: packets/CPU s": by(({ janus }) => perCpuSecond(janus), 0),
    "loss %": by(({ blindfold }) => blindfold.loss * 100, 2),
    "Janus: loss %": by(({ janus }) => janus.loss * 100, 2),
  };
}

const { address } = values;
const port = Number(values.port);
const servers: ServerProcess[] = [];
try {
  const janus = await startJanus(address, port + 2, ROOM);
  servers.push(janus);
  const blindfold = await startBlindfold(address, port);
  servers.push(blindfold);
  const tools = await createTools();
  const cost = async (server: ServerProcess, sfu: Sfu, load: VideoLoad): Promise<Cost> => {
    const measured = await measureCost(server, sfu, load, tools);
    await delay(REST_MS);
    return measured;
  };

  const rows: Record<string, string>[] = [];
  for (const load of loads) {
    const rounds: Round[] = [];
    for (let i = 0; i < Number(values.rounds); i++) {
      rounds.push({
        janus: await cost(janus, new JanusSfu(janus.url, ROOM, address), load),
        blindfold: await cost(blindfold, new BlindfoldSfu(blindfold.url, address), load),
      });
    }
    rows.push(row(load, rounds));
    console.log(rows.at(-1));
  }
  console.table(rows);
} finally {
  for (const server of servers) await server.stop();
}
