/** What a client of LiveKit's holds a room for, from what it was told: as livekit-client 2.23 keeps it (Room.ts). */
import { type ParticipantInfo, ParticipantInfo_State, type SignalResponse } from "@livekit/protocol";

type Message = NonNullable<SignalResponse["message"]>;

export class RoomView {
  /** The name of its room, which its latest token is for. */
  room = "";
  /** The client's own state. */
  own: ParticipantInfo | null = null;
  /** By identity. */
  readonly others = new Map<string, ParticipantInfo>();
  /** Tracks of others that it was told it may not receive, by sid. */
  readonly denied = new Set<string>();
  /** Who speaks, by sid. */
  readonly speakers = new Set<string>();

  hear({ case: kind, value }: Message): void {
    switch (kind) {
      case "join":
        this.#enter(value.room!.name, value.participant!, value.otherParticipants);
        return;
      case "roomMoved":
        this.#enter(value.room!.name, value.participant!, value.otherParticipants);
        return;
      case "update":
        for (const info of value.participants) this.#update(info);
        return;
      case "subscriptionPermissionUpdate":
        this.#permit(value.participantSid, value.trackSid, value.allowed);
        return;
      case "speakersChanged":
        for (const { sid, active } of value.speakers) {
          if (active && this.#knows(sid)) this.speakers.add(sid);
          else this.speakers.delete(sid);
        }
        return;
      default:
        return;
    }
  }

  /** The client asks for a track, or does not want it any more: it takes it to be allowed until it hears otherwise. */
  ask(trackSid: string, subscribe: boolean): void {
    if (subscribe) this.denied.delete(trackSid);
  }

  #enter(room: string, own: ParticipantInfo, others: readonly ParticipantInfo[]): void {
    this.room = room;
    for (const identity of [...this.others.keys()]) this.#forget(identity);
    for (const info of [own, ...others]) this.#update(info, own);
  }

  #update(info: ParticipantInfo, own = this.own): void {
    if (info.identity === own?.identity) {
      if (!isStale(this.own, info)) this.own = info;
      return;
    }
    if (info.state === ParticipantInfo_State.DISCONNECTED) return this.#forget(info.identity);
    const former = this.others.get(info.identity);
    if (isStale(former, info)) return;
    this.#keepTracks(former, info);
    if (former !== undefined && former.sid !== info.sid) this.speakers.delete(former.sid);
    this.others.set(info.identity, info);
  }

  #forget(identity: string): void {
    const former = this.others.get(identity);
    this.others.delete(identity);
    this.#keepTracks(former, undefined);
    if (former !== undefined) this.speakers.delete(former.sid);
  }

  /** What is remembered of a track ends with it. */
  #keepTracks(former: ParticipantInfo | undefined, info: ParticipantInfo | undefined): void {
    const kept = new Set(info?.tracks.map(({ sid }) => sid));
    for (const { sid } of former?.tracks ?? []) if (!kept.has(sid)) this.denied.delete(sid);
  }

  /** Ignored for tracks that it does not know. */
  #permit(participantSid: string, trackSid: string, allowed: boolean): void {
    const publisher = [...this.others.values()].find(({ sid }) => sid === participantSid);
    if (publisher?.tracks.some(({ sid }) => sid === trackSid) !== true) return;
    if (allowed) this.denied.delete(trackSid);
    else this.denied.add(trackSid);
  }

  #knows(sid: string): boolean {
    return this.own?.sid === sid || [...this.others.values()].some((info) => info.sid === sid);
  }
}

/** Updates may overtake each other while a client reconnects. */
function isStale(present: ParticipantInfo | null | undefined, info: ParticipantInfo): boolean {
  return present?.sid === info.sid && present.version > info.version;
}
