/** The control API as an application calls it. */
import type { z } from "zod";
import type {
  ChangeRoomBody,
  ChangeSubscriptionBody,
  LobbyReply,
  ParticipantReply,
  SubscriptionReply,
  TrackReply,
} from "../../../src/http/schemas.ts";

export type Track = z.output<typeof TrackReply>;
export type Participant = z.output<typeof ParticipantReply>;
export type Subscription = z.output<typeof SubscriptionReply>;

export class ControlApi {
  readonly #base: string;
  readonly #token: string;

  constructor(url: string, room: string, token: string) {
    this.#base = `${url}/v1/rooms/${encodeURIComponent(room)}`;
    this.#token = token;
  }

  async participants(): Promise<Participant[]> {
    return (await this.#ask<{ participants: Participant[] }>("GET", "/participants")).participants;
  }

  async mute(trackId: string): Promise<void> {
    await this.#ask("PATCH", `/tracks/${trackId}`, { muted: true });
  }

  async tracks(): Promise<Track[]> {
    return (await this.#ask<{ tracks: Track[] }>("GET", "/tracks")).tracks;
  }

  async subscriptions(): Promise<Subscription[]> {
    return (await this.#ask<{ subscriptions: Subscription[] }>("GET", "/subscriptions")).subscriptions;
  }

  /** The one that carries video now. */
  async videoSubscription(): Promise<Subscription> {
    const found = (await this.subscriptions()).find(({ kind, track }) => kind === "video" && track !== null);
    if (found === undefined) throw new Error("no subscription carries video");
    return found;
  }

  async prefer(id: string, change: z.input<typeof ChangeSubscriptionBody>): Promise<void> {
    await this.#ask("PATCH", `/subscriptions/${id}`, change);
  }

  async change(settings: z.input<typeof ChangeRoomBody>): Promise<void> {
    await this.#ask("PATCH", "", settings);
  }

  /** Identities in the lobby. */
  async waiting(): Promise<string[]> {
    const { waiting } = await this.#ask<z.output<typeof LobbyReply>>("GET", "/lobby");
    return waiting.map(({ identity }) => identity);
  }

  async decide(identity: string, admitted: boolean): Promise<void> {
    await this.#ask("PUT", `/lobby/${encodeURIComponent(identity)}`, { admitted });
  }

  /** For ever. */
  async ban(identity: string): Promise<void> {
    await this.#ask("PUT", `/bans/${encodeURIComponent(identity)}`, { until: null });
  }

  async unban(identity: string): Promise<void> {
    await this.#ask("DELETE", `/bans/${encodeURIComponent(identity)}`);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const reply = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path} answered ${reply.status}: ${text}`);
    return text === "" ? (undefined as T) : JSON.parse(text);
  }
}
