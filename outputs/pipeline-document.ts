/**
 * What one worker did in one interval, for the dashboard *Pipeline health*: a document of the data stream `metrics-imapwhy.pipeline-NAMESPACE`. All counts are those of the interval
 * alone, so that a sum over any time and any workers is right; what is a state and not a count says so.
 */
export interface PipelineDocument {
  readonly '@timestamp': string; // end of the interval
  readonly ecs: { readonly version: string };
  readonly event: {
    readonly kind: 'metric';
    readonly dataset: 'imapwhy.pipeline';
    readonly start: string;
    readonly end: string;
  };
  readonly host: { readonly name: string | null };
  readonly imapwhy: { readonly pipeline: PipelineCounters };
}

export interface PipelineCounters {
  readonly worker: string; // unique among the workers and their restarts
  readonly roles: readonly string[]; // parse, correlate, index
  readonly records: number; // read
  readonly parsed: number;
  readonly parse_failures: number; // kept as events with `_parse_failure`
  readonly redactions: number; // records in which a secret was replaced
  readonly late_events: number; // came after their session was judged
  readonly evictions: number; // sessions that were closed for want of memory
  readonly dead_letters: number;
  readonly events: Written;
  readonly profiles: Written;
  readonly incidents: Written;
  readonly repeated: number; // documents that had to be sent again
  readonly troubles: Readonly<Record<string, number>>; // by kind, in documents
  readonly sessions_open: number; // state
  readonly pending_bytes: number; // state: accepted and not yet answered
  readonly lag: number; // state: records that wait in Kafka
  readonly watermark_lag_ms: number | null; // state: how far event time is behind
  readonly rss_bytes: number; // state
  readonly cpu_ms: number;
}

export interface Written {
  readonly written: number;
  readonly present: number; // were there already
  readonly refused: number;
}

/** The same interval of the same worker is one document, however often it is sent. */
export function pipelineId({ event, imapwhy }: PipelineDocument): string {
  return `${imapwhy.pipeline.worker}-${Date.parse(event.start).toString(36)}`;
}
