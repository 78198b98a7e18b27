/** The random values of control: identifiers, ICE credentials. All from the system's secure generator. */
import { randomBytes } from "node:crypto";
import type { IceCredentials } from "../contract/media.ts";

/** 96 bits: ids appear in URLs of sessions, so they must be unguessable as well as unique. */
const ID_BYTES = 12;
/** 48 bits, where RFC 8839 §5.4 asks for 24: all transports of a thread share one port and are found by ufrag. */
const UFRAG_BYTES = 6;
/** 192 bits, where RFC 8839 §5.4 asks for 128. */
const PWD_BYTES = 24;

/** `TR_…`: the prefix, then 16 characters of the URL-safe base64 alphabet. */
export function randomId<Id extends string>(prefix: "RM" | "PA" | "DTR" | "TR" | "TP" | "SU" | "RP"): Id {
  return `${prefix}_${randomBytes(ID_BYTES).toString("base64url")}` as Id;
}

/** Both values are multiples of three bytes, so base64 needs no padding and uses ice-chars only. */
export function randomIceCredentials(): IceCredentials {
  return {
    ufrag: randomBytes(UFRAG_BYTES).toString("base64"),
    pwd: randomBytes(PWD_BYTES).toString("base64"),
  };
}
