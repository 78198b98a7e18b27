/**
 * Branded identifiers: two kinds of string or number that must never be mixed up.
 *
 * Quantities (times, sizes, rates) are plain numbers and carry their unit in their name.
 */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A room's name, chosen by the operator or the first who joins: 1 to 128 characters. */
export type RoomId = Brand<string, "RoomId">;
/** `RM_…`, made by the server when a room starts. */
export type RoomSid = Brand<string, "RoomSid">;
/** `PA_…`, made by the server when a participant joins. */
export type ParticipantId = Brand<string, "ParticipantId">;
/** `TR_…`, made by the server when a track is published. */
export type TrackId = Brand<string, "TrackId">;
/** `TP_…`, one ICE and DTLS association of a participant. */
export type TransportId = Brand<string, "TransportId">;
/** `SU_…`, one subscription: control's record and the media thread's down track share it. */
export type SubscriptionId = Brand<string, "SubscriptionId">;
/** `RP_…`, one report of abuse. */
export type ReportId = Brand<string, "ReportId">;

/** Synchronization source identifier, 32 bits (RFC 3550 §3). */
export type Ssrc = Brand<number, "Ssrc">;
/** Index of a remote address in the thread's `PathTable`. */
export type PathId = Brand<number, "PathId">;

export const asSsrc = (value: number): Ssrc => value as Ssrc;
