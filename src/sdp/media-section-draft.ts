/** Collects the lines of one media section: attributes come in any order and are combined at the end. */
import { CODEC_READERS, CodecAttributes } from "./codec-attributes.ts";
import type { Direction, MediaSection } from "./session-description.ts";
import { STREAM_READERS, StreamAttributes } from "./stream-attributes.ts";
import { TRANSPORT_READERS, TransportAttributes } from "./transport-attributes.ts";

/** Payload types have 7 bits. */
const MAX_FORMATS = 128;

/**
 * A MID travels in each packet's header, where the one-byte form holds 16 bytes. Larger: fewer bytes for media.
 * Smaller: names that clients use today do not fit.
 */
const MID = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}$/;

const DIRECTIONS: readonly string[] = ["sendrecv", "sendonly", "recvonly", "inactive"] satisfies Direction[];
const FLAGS: readonly string[] = ["bundle-only", "rtcp-mux", "rtcp-rsize"];

/** Where there is no `a=max-message-size` (RFC 8841 §6.1). */
const DEFAULT_MAX_MESSAGE_BYTES = 65_536;

interface MediaLine {
  readonly media: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
}

export class MediaSectionDraft {
  readonly #transport = new TransportAttributes();
  readonly #line: MediaLine;
  readonly #codecs = new CodecAttributes();
  readonly #streams = new StreamAttributes();
  readonly #flags = new Set<string>();
  #mid = "";
  #sctpPort: number | null = null;
  #maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  #direction: Direction = "sendrecv";

  private constructor(line: MediaLine) {
    this.#line = line;
  }

  /** `<media> <port>["/"<n>] <proto> <fmt> …` (RFC 8866 §5.14); undefined when malformed. */
  static fromMediaLine(value: string): MediaSectionDraft | undefined {
    const [media, port, protocol, ...formats] = value.split(" ", MAX_FORMATS + 4);
    if (media === undefined || !/^[\w-]{1,32}$/.test(media)) return undefined;
    if (port === undefined || !/^\d{1,5}(?:\/\d{1,5})?$/.test(port)) return undefined;
    if (protocol === undefined || !/^[\w/-]{1,64}$/.test(protocol)) return undefined;
    if (formats.length === 0 || formats.length > MAX_FORMATS) return undefined;
    if (!formats.every((format) => /^[!-~]{1,64}$/.test(format))) return undefined;
    return new MediaSectionDraft({ media, port: Number.parseInt(port, 10), protocol, formats });
  }

  /** Adds one attribute. Returns false when its value is malformed or exceeds a limit; unknown ones are ignored. */
  read(name: string, value: string): boolean {
    return (
      TRANSPORT_READERS.get(name)?.(this.#transport, value) ??
      CODEC_READERS.get(name)?.(this.#codecs, value) ??
      STREAM_READERS.get(name)?.(this.#streams, value) ??
      this.#readOwn(name, value)
    );
  }

  finish(session: TransportAttributes): MediaSection {
    const transport = this.#transport;
    const { media, port, protocol, formats } = this.#line;
    return {
      media,
      kind: media === "audio" || media === "video" ? media : null,
      protocol,
      formats,
      rejected: port === 0 && !this.#flags.has("bundle-only"),
      mid: this.#mid,
      direction: this.#direction,
      ice: transport.ice(session),
      fingerprints: transport.fingerprints.length > 0 ? transport.fingerprints : session.fingerprints,
      setup: transport.setup ?? session.setup,
      rtcpMux: this.#flags.has("rtcp-mux"),
      rtcpRsize: this.#flags.has("rtcp-rsize"),
      extmapAllowMixed: transport.extmapAllowMixed || session.extmapAllowMixed,
      codecs: this.#codecs.codecs(formats),
      extensions: transport.extensions.length > 0 ? transport.extensions : session.extensions,
      rids: this.#streams.rids,
      simulcast: this.#streams.simulcast,
      ssrcs: this.#streams.ssrcPairs(),
      msid: this.#streams.msid,
      sctpPort: this.#sctpPort,
      maxMessageBytes: this.#maxMessageBytes,
    };
  }

  #readOwn(name: string, value: string): boolean {
    if (name === "mid") {
      this.#mid = value;
      return MID.test(value);
    }
    if (name === "sctp-port") {
      this.#sctpPort = Number(value);
      return /^\d{1,5}$/.test(value) && this.#sctpPort < 2 ** 16;
    }
    if (name === "max-message-size") {
      this.#maxMessageBytes = Number(value);
      return /^\d{1,15}$/.test(value);
    }
    if (DIRECTIONS.includes(name)) this.#direction = name as Direction;
    else if (FLAGS.includes(name)) this.#flags.add(name);
    else return true;
    return value === "";
  }
}
