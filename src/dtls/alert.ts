/** Alerts (RFC 5246 §7.2): level, then description. */
import type { DtlsFailure } from "../contract/dtls.ts";

const WARNING = 1;
const FATAL = 2;
const CLOSE_NOTIFY = 0;
const HANDSHAKE_FAILURE = 40;
const BAD_CERTIFICATE = 42;
const DECODE_ERROR = 50;
const DECRYPT_ERROR = 51;
const PROTOCOL_VERSION = 70;

/** The alert to send, so that the peer fails at once instead of at its timeout; undefined where the peer gave up first. */
const DESCRIPTIONS: Readonly<Record<DtlsFailure, number | undefined>> = {
  bad_certificate_verify: DECRYPT_ERROR,
  bad_finished: DECRYPT_ERROR,
  fingerprint_mismatch: BAD_CERTIFICATE,
  unsupported_version: PROTOCOL_VERSION,
  no_common_parameters: HANDSHAKE_FAILURE,
  no_srtp_profile: HANDSHAKE_FAILURE,
  no_extended_master_secret: HANDSHAKE_FAILURE,
  protocol_error: DECODE_ERROR,
  alert: undefined,
  timeout: undefined,
  too_busy: undefined,
};

export const CLOSE_NOTIFY_ALERT = Uint8Array.of(WARNING, CLOSE_NOTIFY);

export function alertFor(reason: DtlsFailure): Uint8Array | undefined {
  const description = DESCRIPTIONS[reason];
  return description === undefined ? undefined : Uint8Array.of(FATAL, description);
}

/** What an authenticated alert means; other warnings mean nothing. */
export function readAlert(payload: Uint8Array): "close_notify" | "fatal" | "ignored" {
  if (payload.length !== 2) return "ignored";
  if (payload[1] === CLOSE_NOTIFY) return "close_notify";
  return payload[0] === FATAL ? "fatal" : "ignored";
}
