/** Writes an answer (RFC 9429 §5.3): an ICE-lite agent and DTLS server with one transport for all sections. */
import type { AcceptedMedia, NegotiationOutcome, RejectedSection, SectionOutcome } from "./negotiate.ts";
import type { Direction } from "./session-description.ts";
import {
  type DescriptionId,
  DUMMY_CONNECTION,
  type LocalTransport,
  type Sender,
  toText,
  writeBundledTransport,
  writeData,
  writeMedia,
  writeSessionLevel,
  writeTaggedTransport,
} from "./write-section.ts";

export interface AnswerParams extends DescriptionId {
  readonly local: LocalTransport;
  readonly outcome: NegotiationOutcome;
  /** By MID. A section whose media flows down is inactive without one. */
  readonly senders: ReadonlyMap<string, Sender>;
}

export function writeAnswer({ sessionId, version, local, outcome, senders }: AnswerParams): string {
  const { sections, bundle, group } = outcome;
  const lines = writeSessionLevel({ sessionId, version }, group, local.fingerprint);
  for (const section of sections) {
    const write = section === bundle[0] ? writeTaggedTransport : writeBundledTransport;
    lines.push(...writeSection(section, write(local, "passive"), senders));
  }
  return toText(lines);
}

function writeSection(
  section: SectionOutcome,
  transport: readonly string[],
  senders: ReadonlyMap<string, Sender>,
): string[] {
  if (!section.accepted) return writeRejected(section);
  const { mid, offered } = section;
  if (section.kind === "application") return writeData(mid, offered.protocol, transport);
  const { media, protocol, extmapAllowMixed, rtcpRsize } = offered;
  const { codecs, published } = section;
  const sender = senders.get(mid);
  return writeMedia(
    {
      media,
      protocol,
      mid,
      direction: directionOf(section, sender),
      codecs,
      extensions: section.extensions.map(({ id, uri, direction }) => ({
        id,
        uri,
        suffix: OPPOSITE[direction],
      })),
      extmapAllowMixed,
      rtcpRsize,
      published,
      sender,
    },
    transport,
  );
}

function directionOf({ use }: AcceptedMedia, sender: Sender | undefined): Direction {
  if (use === "up") return "recvonly";
  return use === "down" && sender !== undefined ? "sendonly" : "inactive";
}

/** A direction in `a=extmap` is the writer's, so it is answered with its opposite (RFC 8285 §8). */
const OPPOSITE: Readonly<Record<Direction, string>> = {
  sendrecv: "",
  sendonly: "/recvonly",
  recvonly: "/sendonly",
  inactive: "/inactive",
};

function writeRejected({ offered }: RejectedSection): string[] {
  const { media, protocol, formats, mid } = offered;
  const line = `m=${media} 0 ${protocol} ${formats.join(" ")}`;
  return [line, DUMMY_CONNECTION, ...(mid === "" ? [] : [`a=mid:${mid}`]), "a=inactive"];
}
