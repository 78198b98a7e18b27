/** What somebody in a room may be reported for: a short list, so that operators can sort reports and count them. */
export const REPORT_REASONS = [
  "harassment",
  "hate",
  "sexual_content",
  "child_safety",
  "violence",
  "spam",
  "impersonation",
  "other",
] as const;
export type ReportReason = (typeof REPORT_REASONS)[number];
