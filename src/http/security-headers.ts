/** Headers of every answer. Pages set their own policy. */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // API answers must not be rendered or run as a page.
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  // Answers hold tokens, names and states, which caches must not keep.
  "cache-control": "no-store",
} as const;
