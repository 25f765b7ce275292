import type { OpenedLog, RecordBatch } from '../ingest/open.ts';
import { type ParseCounts, ParseStage } from '../processors/parse/index.ts';
import { ClockSurvey } from '../processors/resolve/clock-skew.ts';
import { type CivilZone, nearOfWritten } from '../processors/time.ts';
import type { ParsedBatch, PreparedSource } from './pipeline.ts';

/** How much of each source is looked at before the run, to settle zones, years and skews. */
const SURVEY_BYTES = 4 << 20;
/** Records of which the events are kept from the survey to the run: some 300 MB. */
const KEPT_RECORDS_MAX = 500_000;
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
  /** In which all sources are open; it has read what the survey has read. */
  readonly parse: ParseStage;
}

/** Reads the beginning of every source and estimates its clock from what it shares with the others. */
export async function prepareSources(logs: readonly OpenedLog[], choices: ClockChoices): Promise<Prepared> {
  const begun: Begun[] = [];
  for (const log of logs) begun.push(await begin(log));
  const zoneOf = (log: OpenedLog): CivilZone =>
    choices.zoneBySource.find((z) => log.source.name.includes(z.part))?.zone ?? choices.zone;
  const firstNear = (log: OpenedLog): number => choices.near ?? nearOfWritten(log.source.modifiedAt ?? choices.now);
  let looked = look(begun, zoneOf, firstNear);
  const { survey } = looked;
  const nearOf = (log: OpenedLog): number => choices.near ?? survey.near(log.source.index) ?? firstNear(log);
  if (begun.some(({ log }) => Math.abs(nearOf(log) - firstNear(log)) > NEAR_MATTERS_MS))
    looked = look(begun, zoneOf, nearOf);
  const { parse, parsed } = looked;
  const clocks = looked.survey.estimate();
  return {
    sources: begun.map((b) => {
      const zone = zoneOf(b.log);
      return {
        log: resumed(b),
        zone,
        near: nearOf(b.log),
        clock: clocks.get(b.log.source.index),
        batches: allBatches(b, parsed.get(b.log.source.index), parse, () =>
          parse.open(b.log.source, zone, nearOf(b.log)),
        ),
      };
    }),
    parse,
  };
}

interface Begun {
  readonly log: OpenedLog;
  /** Emptied when they are read for the last time. */
  sample: RecordBatch[];
  readonly rest: AsyncIterator<RecordBatch>;
}

async function begin(log: OpenedLog): Promise<Begun> {
  const sample: RecordBatch[] = [];
  const rest = log.batches()[Symbol.asyncIterator]();
  for (let offset = 0; offset < SURVEY_BYTES; ) {
    const next = await rest.next();
    if (next.done) break;
    // The bytes of a chunk are valid only until the next one.
    sample.push({ ...next.value, chunk: undefined });
    offset = next.value.records.at(-1)?.offset ?? offset;
  }
  return { log, sample, rest };
}

/** Counted when it is read, so that an interrupted run says how far it came. */
interface CountedBatch extends ParsedBatch {
  readonly counts: ParseCounts;
}

interface Looked {
  readonly survey: ClockSurvey;
  readonly parse: ParseStage;
  /** By source, of those that fit into what is kept: a tenth of an analysis is not done twice. */
  readonly parsed: ReadonlyMap<number, CountedBatch[]>;
}

function look(
  begun: readonly Begun[],
  zoneOf: (log: OpenedLog) => CivilZone,
  near: (log: OpenedLog) => number,
): Looked {
  const survey = new ClockSurvey();
  const parse = new ParseStage();
  const parsed = new Map<number, CountedBatch[]>();
  let kept = 0;
  for (const { log, sample } of begun) {
    parse.open(log.source, zoneOf(log), near(log));
    const batches: CountedBatch[] = [];
    for (const { records, bytesRead } of sample) {
      const events = parse.push(log.source, records);
      // By position, so that the estimate does not depend on how the bytes came.
      for (const event of events) if (event.line.offset < SURVEY_BYTES) survey.observe(event);
      kept += records.length;
      const counts = parse.takeCounts(log.source);
      if (kept <= KEPT_RECORDS_MAX) batches.push({ events, records: records.length, bytesRead, counts });
    }
    if (kept <= KEPT_RECORDS_MAX) parsed.set(log.source.index, batches);
  }
  return { survey, parse, parsed };
}

/** The whole source: what the survey has parsed, or its records again, then the rest. What was given out is let go. */
async function* allBatches(
  begun: Begun,
  parsed: CountedBatch[] | undefined,
  parse: ParseStage,
  reopen: () => void,
): AsyncGenerator<ParsedBatch> {
  if (parsed === undefined) reopen();
  else {
    begun.sample = [];
    for (let batch = parsed.shift(); batch !== undefined; batch = parsed.shift()) {
      parse.addCounts(begun.log.source, batch.counts);
      yield batch;
    }
  }
  for await (const { records, bytesRead } of allRecords(begun))
    yield { events: parse.push(begun.log.source, records), records: records.length, bytesRead };
}

async function* allRecords(begun: Begun): AsyncGenerator<RecordBatch> {
  for (let batch = begun.sample.shift(); batch !== undefined; batch = begun.sample.shift()) yield batch;
  for (let next = await begun.rest.next(); !next.done; next = await begun.rest.next()) yield next.value;
}

/** The log from its beginning, even if it can be read only once. */
const resumed = (begun: Begun): OpenedLog => ({
  source: begun.log.source,
  framing: begun.log.framing,
  compression: begun.log.compression,
  encoding: begun.log.encoding,
  size: begun.log.size,
  head: begun.log.head,
  problems: begun.log.problems,
  identify: (index, fingerprint) => begun.log.identify(index, fingerprint),
  batches: () => allRecords(begun),
  close: () => begun.log.close(),
});
