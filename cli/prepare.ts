import type { OpenedLog, RecordBatch } from '../ingest/open.ts';
import type { InputProblem } from '../ingest/problem.ts';
import { ParseStage } from '../processors/parse/index.ts';
import { ClockSurvey } from '../processors/resolve/clock-skew.ts';
import { type CivilZone, nearOfWritten } from '../processors/time.ts';
import type { PreparedSource } from './pipeline.ts';

/** How much of each source is looked at before the run, to settle zones, years and skews. */
const SURVEY_BYTES = 4 << 20;
const NEAR_MATTERS_MS = 60 * 86_400_000;

export interface ClockChoices {
  readonly zone: CivilZone;
  /** `--tz SOURCE=ZONE`: the first whose text is part of the source's name. */
  readonly zoneBySource: readonly { readonly part: string; readonly zone: CivilZone }[];
  /** `--year`: UTC ms in the middle of it. */
  readonly near: number | undefined;
  /** The caller's clock: only for sources that say nothing of their year at all. */
  readonly now: number;
}

export interface Prepared {
  readonly sources: readonly PreparedSource[];
  readonly problems: readonly InputProblem[];
}

/** Reads the beginning of every source and estimates its clock from what it shares with the others. */
export async function prepareSources(logs: readonly OpenedLog[], choices: ClockChoices): Promise<Prepared> {
  const begun: Begun[] = [];
  for (const log of logs) begun.push(await begin(log));
  const zoneOf = (log: OpenedLog): CivilZone =>
    choices.zoneBySource.find((z) => log.source.name.includes(z.part))?.zone ?? choices.zone;
  const firstNear = (log: OpenedLog): number => choices.near ?? nearOfWritten(log.source.modifiedAt ?? choices.now);
  let survey = look(begun, zoneOf, firstNear);
  const near = (log: OpenedLog): number =>
    choices.near === undefined ? (survey.near(log.source.index) ?? firstNear(log)) : choices.near;
  const years = new Map(begun.map((b) => [b.log.source.index, near(b.log)]));
  if (begun.some((b) => Math.abs((years.get(b.log.source.index) ?? 0) - firstNear(b.log)) > NEAR_MATTERS_MS)) {
    survey = look(begun, zoneOf, (log) => years.get(log.source.index) ?? firstNear(log));
  }
  const clocks = survey.estimate();
  return {
    sources: begun.map((b) => ({
      log: b.again,
      zone: zoneOf(b.log),
      near: years.get(b.log.source.index) ?? firstNear(b.log),
      clock: clocks.get(b.log.source.index),
    })),
    problems: [],
  };
}

interface Begun {
  readonly log: OpenedLog;
  readonly sample: readonly RecordBatch[];
  /** The log as the run reads it: from the beginning, even if it can be read only once. */
  readonly again: OpenedLog;
}

async function begin(log: OpenedLog): Promise<Begun> {
  const sample: RecordBatch[] = [];
  const iterator = log.batches()[Symbol.asyncIterator]();
  let bytes = 0;
  let ended = false;
  while (bytes < SURVEY_BYTES) {
    const next = await iterator.next();
    if (next.done) {
      ended = true;
      break;
    }
    sample.push(next.value);
    for (const r of next.value.records) bytes += r.text.length + 1;
  }
  const resume = async function* (): AsyncGenerator<RecordBatch> {
    yield* sample;
    if (ended) return;
    for (;;) {
      const next = await iterator.next();
      if (next.done) return;
      yield next.value;
    }
  };
  return { log, sample, again: resumed(log, resume) };
}

const resumed = (log: OpenedLog, batches: () => AsyncIterable<RecordBatch>): OpenedLog => ({
  source: log.source,
  framing: log.framing,
  compression: log.compression,
  encoding: log.encoding,
  size: log.size,
  head: log.head,
  problems: log.problems,
  identify: (index, fingerprint) => log.identify(index, fingerprint),
  batches,
  close: () => log.close(),
});

function look(
  begun: readonly Begun[],
  zoneOf: (log: OpenedLog) => CivilZone,
  near: (log: OpenedLog) => number,
): ClockSurvey {
  const survey = new ClockSurvey();
  const parse = new ParseStage();
  for (const { log, sample } of begun) {
    parse.open(log.source, zoneOf(log), near(log));
    for (const batch of sample) for (const event of parse.push(log.source, batch.records)) survey.observe(event);
  }
  return survey;
}
