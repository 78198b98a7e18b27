/** `npm run bench:janus`: what forwarding one video to many costs this server and Janus. See `--help`. */
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { commandLine, whole, wholes } from "../command-line.ts";
import { spread } from "../forward/spread.ts";
import { type ServerProcess, startBlindfold } from "../server-process.ts";
import { startJanus } from "./janus-process.ts";
import { BlindfoldSfu, JanusSfu, type Sfu } from "./sfu.ts";
import { type Cost, createTools, measureCost, type VideoLoad } from "./video-load.ts";

const ROOM = 1234;
/** Time for the sessions of a load to end before the next begins. */
const REST_MS = 3_000;

const USAGE = `Usage: npm run bench:janus -- [options]

What carrying one video to many costs Blindfold and Janus: RTP packets delivered for each second of CPU time of the whole
server process, at the same load, in turns. Both run at once and serve nobody else; a ratio is that of one round, the
median of all rounds is printed with their range. Janus is Debian's: apt-get install janus. Linux only.

  --receivers N,…                                                (10,50)
  --packets N,…       of each of 50 frames a second              (8)
  --rounds N                                                     (5)
  --seconds N         measured of each                           (10)
  --port N            of HTTP, and the next two                  (27880)
  --address A         of this machine and not loopback, which Janus does not use   (its first such IPv4 address)
  --help              this text
`;

const values = commandLine({
  usage: USAGE,
  options: z.strictObject({
    receivers: wholes(1, 1_000).default([10, 50]),
    packets: wholes(1, 64).default([8]),
    rounds: whole(1, 1_000).default(5),
    seconds: whole(1, 600).default(10),
    port: whole(1_024, 65_533).default(27_880),
    address: z.ipv4().default(ownAddress()),
  }),
});

const loads: VideoLoad[] = values.receivers.flatMap((receivers) =>
  values.packets.map((packetsPerFrame) => ({
    receivers,
    packetsPerFrame,
    seconds: values.seconds,
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

const { address, port } = values;
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
    for (let i = 0; i < values.rounds; i++) {
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
