/** Publishing to a server and watching there: Blindfold by WHIP and WHEP, Janus by its VideoRoom over HTTP. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { parseDescription } from "../../src/sdp/parse.ts";
import { type Answer, readAnswer } from "../client/session-answer.ts";
import { type LocalDescription, publishOffer, watchOffer } from "../client/session-offer.ts";
import { Signalling } from "../client/signalling.ts";
import { writeAnswer } from "../livekit/answer-text.ts";

/** One video of one publisher, for the duration of a load. */
export interface Sfu {
  publish(local: LocalDescription): Promise<Answer>;
  /** After `publish`. */
  watch(local: LocalDescription): Promise<Answer>;
  /** Ends all sessions. */
  end(): Promise<void>;
}

export class BlindfoldSfu implements Sfu {
  readonly #signalling: Signalling;
  readonly #address: string;
  readonly #room = `janus-${randomBytes(4).toString("hex")}`;
  readonly #sessions: { readonly location: string; readonly token: string }[] = [];

  constructor(url: string, address: string) {
    this.#signalling = new Signalling(url, { kind: "development" });
    this.#address = address;
  }

  publish(local: LocalDescription): Promise<Answer> {
    return this.#open("whip", publishOffer(local, "single", false));
  }

  watch(local: LocalDescription): Promise<Answer> {
    return this.#open("whep", watchOffer(local, { audios: 0, videos: 1, feedback: false }));
  }

  async end(): Promise<void> {
    await Promise.all(this.#sessions.map(({ location, token }) => this.#signalling.end(location, token)));
  }

  async #open(protocol: "whip" | "whep", offer: string): Promise<Answer> {
    const token = await this.#signalling.token(this.#room, randomBytes(4).toString("hex"));
    const { answer, location } = await this.#signalling.open(`/${protocol}/${this.#room}`, token, offer);
    this.#sessions.push({ location, token });
    return readAnswer(answer, this.#address);
  }
}

/** Common members of Janus' replies and events, as far as we read them. */
const Reply = z.looseObject({
  janus: z.string(),
  data: z.looseObject({ id: z.number() }).optional(),
  plugindata: z.looseObject({ data: z.looseObject({ id: z.number().optional() }) }).optional(),
  jsep: z.looseObject({ sdp: z.string() }).optional(),
});
type Reply = z.infer<typeof Reply>;

/** Most acknowledgements and notices that may precede an awaited event. */
const MAX_EVENTS = 20;

export class JanusSfu implements Sfu {
  readonly #url: string;
  readonly #room: number;
  readonly #address: string;
  readonly #handles: JanusHandle[] = [];
  #feed = 0;

  constructor(url: string, room: number, address: string) {
    this.#url = url;
    this.#room = room;
    this.#address = address;
  }

  async publish(local: LocalDescription): Promise<Answer> {
    const handle = await this.#attach();
    await handle.send({ request: "join", ptype: "publisher", room: this.#room });
    this.#feed = (await handle.event(({ plugindata }) => plugindata?.data.id)) ?? 0;
    // Janus would take the active role, which is the load client's.
    const sdp = publishOffer(local, "single", false).replace("a=setup:actpass", "a=setup:active");
    await handle.send({ request: "publish" }, { type: "offer", sdp });
    return readAnswer(await handle.event(({ jsep }) => jsep?.sdp), this.#address);
  }

  async watch(local: LocalDescription): Promise<Answer> {
    const handle = await this.#attach();
    const streams = [{ feed: this.#feed }];
    await handle.send({ request: "join", ptype: "subscriber", room: this.#room, streams });
    const offer = await handle.event(({ jsep }) => jsep?.sdp);
    const parsed = parseDescription(offer);
    if (!parsed.ok) throw new Error(`offer of Janus: ${parsed.error}`);
    await handle.send({ request: "start" }, { type: "answer", sdp: writeAnswer(parsed.description, local) });
    return readAnswer(offer, this.#address);
  }

  async end(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.destroy()));
  }

  async #attach(): Promise<JanusHandle> {
    const handle = await JanusHandle.attach(this.#url);
    this.#handles.push(handle);
    return handle;
  }
}

/** A session with one handle of the VideoRoom plugin (Janus' HTTP API). */
class JanusHandle {
  readonly #session: string;
  readonly #handle: string;

  private constructor(session: string, handle: string) {
    this.#session = session;
    this.#handle = handle;
  }

  static async attach(url: string): Promise<JanusHandle> {
    const session = `${url}/${(await post(url, { janus: "create" })).data!.id}`;
    const { data } = await post(session, { janus: "attach", plugin: "janus.plugin.videoroom" });
    return new JanusHandle(session, `${session}/${data!.id}`);
  }

  async send(body: object, jsep?: { readonly type: string; readonly sdp: string }): Promise<void> {
    await post(this.#handle, { janus: "message", body, ...(jsep === undefined ? {} : { jsep }) });
  }

  async destroy(): Promise<void> {
    await post(this.#session, { janus: "destroy" });
  }

  /** The result of `pick` for the first event for which it has one. */
  async event<T>(pick: (event: Reply) => T | undefined): Promise<T> {
    for (let i = 0; i < MAX_EVENTS; i++) {
      const event = Reply.parse(await (await fetch(`${this.#session}?maxev=1`)).json());
      const found = pick(event);
      if (found !== undefined) return found;
    }
    throw new Error("Janus did not say what was waited for");
  }
}

async function post(url: string, message: object): Promise<Reply> {
  const transaction = randomBytes(6).toString("hex");
  const reply = await fetch(url, { method: "POST", body: JSON.stringify({ ...message, transaction }) });
  const parsed = Reply.parse(await reply.json());
  if (parsed.janus === "error") throw new Error(`Janus: ${JSON.stringify(parsed)}`);
  return parsed;
}
