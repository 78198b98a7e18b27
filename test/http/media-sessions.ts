/** What tests of WHIP and WHEP share: media sessions opened and patched as a browser's script does it. */
import type { LightMyRequestResponse } from "fastify";
import { expect } from "vitest";
import type { SessionDescription } from "../../src/sdp/session-description.ts";
import { description, type OfferName, offerText } from "../sdp/offers.ts";
import { ask, type Server } from "./server.ts";

export const SDP = "application/sdp";
export const FRAGMENT = "application/trickle-ice-sdpfrag";

export interface OpenSession {
  /** `/sessions/<id>`. */
  readonly location: string;
  readonly etag: string;
  readonly answer: SessionDescription;
}

/** `target`: the address, with a query if need be. */
export function post(
  server: Server,
  target: string,
  token: string,
  payload: string,
): Promise<LightMyRequestResponse> {
  return ask(server, `POST ${target}`, { token, payload, headers: { "content-type": SDP } });
}

/** A session that must open, with an answer that must be good. */
export async function open(
  server: Server,
  target: string,
  token: string,
  offer: OfferName,
): Promise<OpenSession> {
  const response = await post(server, target, token, offerText(offer));
  expect([response.statusCode, response.headers["content-type"]]).toEqual([201, SDP]);
  const { location, etag } = response.headers;
  return { location: location!, etag: etag!, answer: description(response.body) };
}

/** The media thread has seen packets of every track of `identity`: each in its first payload type. */
export function mediaArrives({ rooms, thread }: Server, identity: string): void {
  for (const { id, section } of rooms.get("hall")!.participant(identity)!.tracks) {
    thread.codec(id, section.payloads[0]!);
  }
}

/** A member of the room `hall`, who may publish and watch. */
export function member(server: Server, identity: string): Promise<string> {
  return server.token(identity, { roomJoin: true });
}
