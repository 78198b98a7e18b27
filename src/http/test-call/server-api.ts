/** The page's client of the server's API: tokens, the state of the room, WHIP and WHEP sessions. */

export interface Layers {
  readonly spatial: number;
  readonly temporal: number;
}

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export interface LayerPreference {
  readonly paused: boolean;
  readonly preferred: Layers;
  readonly maximum: Layers;
  /** Size in which it is shown; null for any size. */
  readonly visible: PixelSize | null;
}

/** The members that this page reads; the API is described at /docs. */
export interface Participant {
  readonly identity: string;
  /** Ids of the tracks that it publishes. */
  readonly tracks: readonly string[];
  readonly speaking: boolean;
}

/** What a host may change of a room. */
export interface Door {
  readonly locked: boolean;
  readonly lobby: boolean;
}

export interface RoomState extends Door {
  readonly participants: readonly Participant[];
  /** Identity of the dominant speaker. */
  readonly dominantSpeaker: string | null;
}

export interface Track {
  readonly id: string;
  readonly participant: string;
  readonly kind: "audio" | "video";
  readonly codec: string | null;
  /** Here only by somebody else: the page sends black and silence instead. */
  readonly muted: boolean;
  readonly encryption: "none" | "gcm" | "custom";
  /** `rid`: with simulcast; otherwise empty. */
  readonly layers: readonly { readonly rid: string }[] | null;
  /** The highest spatial layer that anybody wants; -1 for none, null while not known. */
  readonly wantedSpatial: number | null;
}

export interface Subscription {
  readonly id: string;
  /** Identity of the receiver: hosts see those of others, too. */
  readonly subscriber: string;
  readonly publisher: string | null;
  readonly kind: "audio" | "video";
  readonly preference: LayerPreference;
  readonly current: Layers | null;
  readonly bitrateBps: number | null;
}

export interface OpenSession {
  /** The URL to DELETE it. */
  readonly url: string;
  readonly answer: string;
}

/** `code`: of the server's problem document, or `unreachable`. The message is for the user. */
export class ApiError extends Error {
  readonly code: string;
  /** Whether the same request may succeed later. */
  readonly isPassing: boolean;
  /** Whether the room is closed to this participant, of whom nobody by that name is in it then. */
  readonly isRefusal: boolean;

  constructor(code: string, isPassing: boolean, message: string) {
    super(message);
    this.code = code;
    this.isPassing = isPassing;
    this.isRefusal = REFUSALS.has(code);
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  room_full: "The room is full. Somebody has to leave before you can join.",
  room_locked: "The room is locked: nobody new can come in.",
  awaiting_admission: "Waiting for the host to let you in…",
  admission_denied: "The host does not let you in.",
  banned: "You are banned from this room.",
  draining: "The server is restarting. Trying again…",
  no_capacity: "The server is starting. Trying again…",
  rate_limited: "Too many requests from this address. Slowing down…",
  e2ee_required: "This room takes end-to-end encrypted media only.",
  too_many_transports: "There are too many connections under this name. Close other tabs, or wait a moment.",
  invalid_room_name: "This room's name is not valid.",
  invalid_token: "Your stay has expired. Load the page again.",
  unacceptable_session: "The server and this browser have no codec in common.",
};

const PASSING = new Set(["draining", "no_capacity", "rate_limited", "too_many_transports", "unreachable"]);

const REFUSALS = new Set(["room_locked", "awaiting_admission", "admission_denied", "banned"]);

export class ServerApi {
  /** Whether it may use what is said to be for hosts. */
  readonly isHost: boolean;
  readonly #room: string;
  readonly #roomPath: string;
  readonly #whipPath: string;
  readonly #whepPath: string;
  readonly #token: string;

  private constructor(room: string, token: string, isHost: boolean) {
    this.isHost = isHost;
    const name = encodeURIComponent(room);
    this.#room = room;
    this.#roomPath = `/v1/rooms/${name}`;
    this.#whipPath = `/whip/${name}`;
    this.#whepPath = `/whep/${name}`;
    this.#token = token;
  }

  static async join(room: string, identity: string, isHost: boolean): Promise<ServerApi> {
    const query = new URLSearchParams({ room, identity, roomAdmin: String(isHost) });
    const response = await request(`/dev/token?${query}`, {});
    const { token } = (await response.json()) as { token: string };
    return new ServerApi(room, token, isHost);
  }

  /**
   * Undefined while there is no such room: the first publisher creates it. The list of rooms is requested first,
   * because browsers log each 404 in their console as an error.
   */
  async room(): Promise<RoomState | undefined> {
    const { rooms } = (await this.#get("/v1/rooms")) as {
      rooms: ({ name: string } & Omit<RoomState, "participants">)[];
    };
    const room = rooms.find(({ name }) => name === this.#room);
    if (room === undefined) return undefined;
    const { participants } = (await this.#get(`${this.#roomPath}/participants`)) as {
      participants: Participant[];
    };
    return { ...room, participants };
  }

  async tracks(): Promise<Track[]> {
    return ((await this.#get(`${this.#roomPath}/tracks`)) as { tracks: Track[] }).tracks;
  }

  async subscriptions(): Promise<Subscription[]> {
    return ((await this.#get(`${this.#roomPath}/subscriptions`)) as { subscriptions: Subscription[] })
      .subscriptions;
  }

  async prefer(subscriptionId: string, preference: Partial<LayerPreference>): Promise<void> {
    const path = `${this.#roomPath}/subscriptions/${encodeURIComponent(subscriptionId)}`;
    await this.#order("PATCH", path, preference);
  }

  /** For hosts. */
  async change(door: Partial<Door>): Promise<void> {
    await this.#order("PATCH", this.#roomPath, door);
  }

  /** For hosts: the identities of those who wait in the lobby. */
  async waiting(): Promise<string[]> {
    const { waiting } = (await this.#get(`${this.#roomPath}/lobby`)) as { waiting: { identity: string }[] };
    return waiting.map(({ identity }) => identity);
  }

  /** For hosts: lets somebody in, or refuses that. */
  async decide(identity: string, admitted: boolean): Promise<void> {
    await this.#order("PUT", `${this.#roomPath}/lobby/${encodeURIComponent(identity)}`, { admitted });
  }

  /** For hosts. */
  async setMuted(trackId: string, muted: boolean): Promise<void> {
    await this.#order("PATCH", `${this.#roomPath}/tracks/${encodeURIComponent(trackId)}`, { muted });
  }

  /** For hosts. */
  async remove(identity: string): Promise<void> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const path = `${this.#roomPath}/participants/${encodeURIComponent(identity)}`;
    await request(path, { method: "DELETE", headers });
  }

  /** For hosts: removes somebody for ever. */
  async ban(identity: string): Promise<void> {
    await this.#order("PUT", `${this.#roomPath}/bans/${encodeURIComponent(identity)}`, { until: null });
  }

  /** `encryption`: what others are told of the frames. The server cannot check it, and no claim makes frames open. */
  publish(offer: string, encryption: "custom" | "none"): Promise<OpenSession> {
    return this.#openSession(`${this.#whipPath}?encryption=${encryption}`, offer);
  }

  watch(identity: string, offer: string): Promise<OpenSession> {
    return this.#openSession(`${this.#whepPath}/${encodeURIComponent(identity)}`, offer);
  }

  /** Never fails: a session that is not closed ends with its connection. Works while the page is being unloaded. */
  async close({ url }: OpenSession): Promise<void> {
    const headers = { authorization: `Bearer ${this.#token}` };
    await fetch(url, { method: "DELETE", headers, keepalive: true }).catch(() => {});
  }

  async #openSession(path: string, offer: string): Promise<OpenSession> {
    const response = await this.#send("POST", path, "application/sdp", offer);
    const location = response.headers.get("location") ?? "";
    return { url: new URL(location, response.url).href, answer: await response.text() };
  }

  async #get(path: string): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.#token}` };
    return (await request(path, { headers })).json();
  }

  #order(method: string, path: string, body: object): Promise<Response> {
    return this.#send(method, path, "application/json", JSON.stringify(body));
  }

  #send(method: string, path: string, type: string, body: string): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": type };
    return request(path, { method, headers, body });
  }
}

async function request(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, init).catch(() => undefined);
  if (response === undefined) {
    throw new ApiError("unreachable", true, "The server does not answer. Trying again…");
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    title?: string;
    detail?: string;
  };
  const code = problem.code ?? `http_${response.status}`;
  const said = [problem.title, problem.detail].filter(Boolean).join(": ");
  const sentence = SENTENCES[code] ?? (said === "" ? `The server answered ${response.status}.` : `${said}.`);
  throw new ApiError(code, PASSING.has(code) || response.status >= 500, sentence);
}
