/** What a load client reads from the server's answer. */
import { isIPv4 } from "node:net";
import type { IceCredentials } from "../../src/contract/media.ts";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";
import { parseDescription } from "../../src/sdp/parse.ts";

export interface AnsweredSection {
  readonly kind: "audio" | "video";
  /** SSRC of the stream that the server sends in the section; 0 where it only receives. */
  readonly ssrc: number;
  readonly rtxSsrc: number;
}

export interface Answer {
  readonly ice: IceCredentials;
  readonly address: string;
  readonly port: number;
  readonly sections: readonly AnsweredSection[];
  /** Whether the server sends transport-wide sequence numbers, and so expects feedback. */
  readonly hasTransportCc: boolean;
}

/** Throws when the answer cannot be used; the message is the reason of the client's failure. */
export function readAnswer(text: string, serverHost: string): Answer {
  const parsed = parseDescription(text);
  if (!parsed.ok) throw new Error(`answer: ${parsed.error}`);
  const { sections } = parsed.description;
  const accepted = sections.filter(({ rejected }) => !rejected);
  const ice = accepted.find((section) => section.ice !== null)?.ice;
  const candidate = chooseCandidate(text, serverHost);
  if (accepted.length < sections.length) throw new Error("answer: a section was rejected");
  if (!ice || candidate === undefined) throw new Error("answer: no ICE credentials or no UDP candidate");
  return {
    ice,
    ...candidate,
    sections: accepted.map(({ kind, ssrcs: [pair] }) => ({
      kind: kind!,
      ssrc: pair?.ssrc ?? 0,
      rtxSsrc: pair?.rtxSsrc ?? 0,
    })),
    hasTransportCc: accepted.some(({ extensions }) =>
      extensions.some(({ uri }) => uri === EXTENSION_URI.transportCc),
    ),
  };
}

interface Candidate {
  readonly address: string;
  readonly port: number;
}

/**
 * The candidate with the address of the control API, if there is one: media then takes the same path as the requests,
 * loopback for a server on loopback. Otherwise the first candidate, preferably IPv4.
 */
function chooseCandidate(text: string, serverHost: string): Candidate | undefined {
  const host = serverHost === "localhost" ? "127.0.0.1" : serverHost.replace(/^\[(.*)\]$/, "$1");
  const lines = text.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/gim);
  const candidates = [...lines].map(([, address, port]) => ({ address: address!, port: Number(port) }));
  return (
    candidates.find(({ address }) => address === host) ??
    candidates.find(({ address }) => isIPv4(address)) ??
    candidates[0]
  );
}
