/** What `waf prove` found, by a real engine: stored, and written as JSON and Markdown. */
export interface WafProof {
  readonly made_at: string; // ISO 8601 UTC
  readonly passed: boolean;
}
