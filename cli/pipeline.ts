import type { OpenedLog } from '../ingest/open.ts';
import { AnomalyWatch } from '../models/anomaly/watch.ts';
import type { CauseModel } from '../models/cause/decide.ts';
import type { Forecast } from '../models/prediction/forecast.ts';
import {
  type ClosedSession,
  Correlate,
  type CorrelateOptions,
  DEFAULT_CORRELATE_OPTIONS,
  type Login,
  type TimedEvent,
} from '../processors/correlate/correlate.ts';
import { reachedBy, timed } from '../processors/correlate/timed-event.ts';
import type { ParsedEvent } from '../processors/parse/index.ts';
import type { SourceFacts } from '../processors/profile/build-profile.ts';
import type { KnownTimer } from '../processors/profile/known-timers.ts';
import type { ClockEstimate } from '../processors/resolve/clock-skew.ts';
import type { CivilZone } from '../processors/time.ts';
import { Judging, NO_VERDICTS, type Verdicts } from './verdicts.ts';

/** A source ready to be read, with what the survey found out about its clock. */
export interface PreparedSource {
  readonly log: OpenedLog;
  readonly zone: CivilZone;
  /** UTC ms near which stamps without a year lie. */
  readonly near: number;
  readonly clock: ClockEstimate | undefined;
  /** Everything that is in it, parsed; once, and instead of the records of `log`. */
  readonly batches: AsyncIterable<ParsedBatch>;
}

/** The events of some records. */
export interface ParsedBatch {
  readonly events: readonly ParsedEvent[];
  readonly records: number;
  /** Of the underlying file up to here. */
  readonly bytesRead: number;
}

export interface FlowOptions {
  readonly model: CauseModel;
  readonly timers: readonly KnownTimer[];
  readonly facts: SourceFacts;
  readonly forecast?: Forecast | undefined;
  readonly correlate?: CorrelateOptions;
  /** Lines of one source may be out of order by this much. */
  readonly latenessMs: number;
  /** Families of logs to leave out (`netflow`, `haproxy`), to see what a site without them would be told. */
  readonly without?: ReadonlySet<string>;
  readonly onEvents?: (events: readonly ParsedEvent[]) => void;
  readonly onClosed?: (closed: readonly ClosedSession[]) => void;
  readonly onProgress?: (source: PreparedSource, bytesRead: number, lines: number) => void;
  readonly signal?: AbortSignal;
}

/** How far a source has been read. */
interface Reader {
  readonly source: PreparedSource;
  readonly batches: AsyncIterator<ParsedBatch>;
  reached: number;
  done: boolean;
}

/**
 * The whole flow on one screen: records -> parse -> time -> correlate -> judge -> profile -> anomalies, incidents and risks. Sources are read side by side, always
 * the one that is furthest behind in time, so that what belongs together is in memory together.
 */
export async function* flow(sources: readonly PreparedSource[], options: FlowOptions): AsyncGenerator<Verdicts> {
  const { correlate: joining = DEFAULT_CORRELATE_OPTIONS } = options;
  const correlate = new Correlate(joining);
  const judging = new Judging({ ...options, watch: new AnomalyWatch(), known: joining.known });
  let logins: Login[] = [];
  if (options.forecast) correlate.onLogin = (login) => logins.push(login);
  const readers = sources.map(
    (source): Reader => ({
      source,
      batches: source.batches[Symbol.asyncIterator](),
      reached: Number.NEGATIVE_INFINITY,
      done: false,
    }),
  );
  const finish = (closed: readonly ClosedSession[], now: number): Verdicts => {
    options.onClosed?.(closed);
    const told = logins;
    logins = [];
    return judging.push(closed, told, now);
  };
  for (;;) {
    const next = furthestBehind(readers);
    if (!next || options.signal?.aborted) break;
    const batch = await next.batches.next();
    if (batch.done) {
      next.done = true;
      continue;
    }
    const { events, records, bytesRead } = batch.value;
    options.onEvents?.(events);
    correlate.push(onCommonClock(events, next, options.without));
    options.onProgress?.(next.source, bytesRead, records);
    const reached = Math.min(...readers.filter((r) => !r.done).map((r) => r.reached));
    const closed: ClosedSession[] = [];
    if (Number.isFinite(reached)) correlate.advance(reached - options.latenessMs, closed);
    // The caller gets its turn after each batch of lines: it holds the events, of which there can be many without a session.
    yield closed.length + logins.length > 0 ? finish(closed, reached - options.latenessMs) : NO_VERDICTS;
  }
  const closed: ClosedSession[] = [];
  correlate.flush(closed);
  yield finish(closed, Number.POSITIVE_INFINITY);
}

function furthestBehind(readers: readonly Reader[]): Reader | undefined {
  let best: Reader | undefined;
  for (const r of readers) if (!r.done && (!best || r.reached < best.reached)) best = r;
  return best;
}

/** Puts a batch of one source on the common clock and notes how far the source has come. */
function onCommonClock(
  events: readonly ParsedEvent[],
  reader: Reader,
  without: ReadonlySet<string> | undefined,
): TimedEvent[] {
  const shift = reader.source.clock?.shiftMs ?? 0;
  const out: TimedEvent[] = [];
  for (const event of events) {
    if (event.dataset === 'unparsed') continue;
    const e = timed(event, shift);
    const reached = reachedBy(e);
    if (reached > reader.reached) reader.reached = reached;
    if (without?.has(event.dataset.slice(0, event.dataset.indexOf('.')))) continue;
    out.push(e);
  }
  return out;
}
