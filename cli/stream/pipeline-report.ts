import type { PipelineDocument } from '../../outputs/pipeline-document.ts';
import { ECS_VERSION } from '../../processors/ecs.ts';
import type { Redaction } from '../../processors/redact.ts';
import type { Counters } from './counters.ts';

/** What is, at the end of an interval. */
export interface PipelineState {
  readonly sessionsOpen: number;
  readonly pendingBytes: number;
  readonly lag: number;
  readonly watermarkLagMs: number | null;
  readonly rssBytes: number;
  readonly cpuMs: number;
  readonly repeated: number;
}

/** Turns counts that only grow into what happened in each interval. */
export class PipelineReport {
  private readonly worker: string;
  private readonly roles: readonly string[];
  private readonly host: string;
  private from: number;
  private before = new Map<string, number>();
  private cpuBefore = 0;
  private repeatedBefore = 0;

  /** `worker` is unique among the workers and their restarts. */
  constructor(worker: string, roles: readonly string[], host: string, now: number) {
    this.worker = worker;
    this.roles = roles;
    this.host = host;
    this.from = now;
  }

  take(counters: Counters, state: PipelineState, now: number): PipelineDocument {
    const counts = new Map(counters.entries().map(({ name, label, value }) => [`${name} ${label}`, value]));
    const of = (name: string, label: string): number => {
      const key = `${name} ${label}`;
      return (counts.get(key) ?? 0) - (this.before.get(key) ?? 0);
    };
    const allOf = (name: string): number =>
      [...counts].reduce(
        (sum, [key, n]) => (key.startsWith(`${name} `) ? sum + n - (this.before.get(key) ?? 0) : sum),
        0,
      );
    const written = (kind: string) => ({
      written: of('indexed_total', `${kind} written`),
      present: of('indexed_total', `${kind} present`),
      refused: of('indexed_total', `${kind} refused`),
    });
    const [start, end] = [new Date(this.from).toISOString(), new Date(now).toISOString()];
    const document: PipelineDocument = {
      '@timestamp': end,
      ecs: { version: ECS_VERSION },
      event: { kind: 'metric', dataset: 'imapwhy.pipeline', start, end },
      host: { name: this.host },
      imapwhy: {
        pipeline: {
          worker: this.worker,
          roles: this.roles,
          records: of('records_total', 'read'),
          parsed: of('events_total', 'parsed'),
          parse_failures: of('events_total', 'unparsed'),
          redactions: of('events_total', 'redacted'),
          late_events: of('events_total', 'late'),
          evictions: of('sessions_total', 'evicted'),
          dead_letters: allOf('dead_letters_total'),
          events: written('event'),
          profiles: written('profile'),
          incidents: written('incident'),
          repeated: state.repeated - this.repeatedBefore,
          troubles: Object.fromEntries(
            counters
              .entries()
              .filter(({ name }) => name === 'kafka_errors_total')
              .map(({ name, label }) => [`kafka_${label}`, of(name, label)]),
          ),
          sessions_open: state.sessionsOpen,
          pending_bytes: state.pendingBytes,
          lag: state.lag,
          watermark_lag_ms: state.watermarkLagMs,
          rss_bytes: state.rssBytes,
          cpu_ms: Math.round(state.cpuMs - this.cpuBefore),
        },
      },
    };
    this.from = now;
    this.before = counts;
    this.cpuBefore = state.cpuMs;
    this.repeatedBefore = state.repeated;
    return document;
  }
}

/** The same redaction, which counts the records that held a secret. */
export const counted = (redaction: Redaction, counters: Counters): Redaction => ({
  redact: (text) => redaction.redact(text),
  inspect(text) {
    const found = redaction.inspect(text);
    if (found !== undefined) counters.add('events_total', 'redacted');
    return found;
  },
});
