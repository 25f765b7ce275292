/** Epoch ms as ISO 8601 UTC with milliseconds. Out-of-range times give the ends of the range rather than an exception. */
export function isoTime(ms: number): string {
  const t = Number.isFinite(ms) ? Math.min(253_402_300_799_999, Math.max(-62_135_596_800_000, Math.round(ms))) : 0;
  return new Date(t).toISOString();
}
