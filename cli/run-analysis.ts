import { LineArchive } from '../ingest/archive.ts';
import { findInputs } from '../ingest/find.ts';
import { type OpenedLog, openLog } from '../ingest/open.ts';
import type { InputProblem } from '../ingest/problem.ts';
import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { CauseModel } from '../models/cause/decide.ts';
import type { Forecast } from '../models/prediction/forecast.ts';
import type { LikelyDocument } from '../models/prediction/likely-document.ts';
import type { EventDocument, OutputBatch, SourceHour } from '../outputs/output.ts';
import { isBlock } from '../processors/block.ts';
import type { ClosedSession, CorrelateOptions } from '../processors/correlate/correlate.ts';
import { eventId, toEcs } from '../processors/ecs.ts';
import type { ParsedEvent, ParseStage } from '../processors/parse/index.ts';
import { UnparsedTemplates } from '../processors/parse/unparsed-templates.ts';
import type { SourceFacts } from '../processors/profile/build-profile.ts';
import { needsProof, withLines } from '../processors/profile/evidence-lines.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { KnownTimer } from '../processors/profile/known-timers.ts';
import type { EventRef, Profile } from '../processors/profile/profile.ts';
import type { Redaction } from '../processors/redact.ts';
import { CoverageTally } from './coverage-tally.ts';
import { distinctLogs } from './distinct-logs.ts';
import { keepHeapTight } from './heap.ts';
import { flow, type PreparedSource } from './pipeline.ts';
import { type ClockChoices, prepareSources } from './prepare.ts';

export interface AnalysisOptions {
  readonly paths: readonly string[];
  readonly clock: ClockChoices;
  readonly model: CauseModel;
  readonly timers: readonly KnownTimer[];
  readonly redaction: Redaction;
  /** Only profiles that begin in [since, until), UTC ms. */
  readonly since: number;
  readonly until: number;
  readonly keepEvents: boolean;
  readonly forecast?: Forecast | undefined;
  readonly correlate?: CorrelateOptions;
  readonly without?: ReadonlySet<string>;
  readonly onBatch: (batch: OutputBatch) => Promise<void>;
  readonly onClosed?: (closed: readonly ClosedSession[]) => void;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface Progress {
  readonly lines: number;
  readonly bytes: number;
  /** Undefined when a pipe is among the inputs. */
  readonly bytesTotal: number | undefined;
  readonly sources: number;
}

/** What was read, for the summary. */
export interface SourceReport {
  readonly source: PreparedSource;
  readonly lines: number;
  readonly parsed: number;
  readonly unparsed: number;
  readonly formats: readonly { readonly format: string; readonly lines: number }[];
  readonly templates: readonly { readonly template: string; readonly lines: number; readonly example: string }[];
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly zoned: boolean;
  readonly problems: readonly InputProblem[];
  readonly hours: readonly SourceHour[];
}

export interface AnalysisResult {
  readonly sources: readonly SourceReport[];
  readonly problems: readonly InputProblem[];
  readonly interrupted: boolean;
}

const LATENESS_MS = 30_000;
const TEMPLATES_SHOWN = 3;
/**
 * An output syncs and rewrites pages with each batch, so small ones cost more than what is in them; what large ones hold outlives the young
 * generation of the heap (with 2000 an analysis took 4 % more CPU).
 */
const DOCUMENTS_AT_ONCE = 500;
const PROFILES_AT_ONCE = 125;

/** Reads the inputs, runs the flow and hands on finished batches. The documents of events are made only for sessions that went wrong and for blocks. */
export async function runAnalysis(options: AnalysisOptions): Promise<AnalysisResult> {
  keepHeapTight();
  const found = await findInputs(options.paths);
  const archive = new LineArchive();
  const logs: OpenedLog[] = [];
  try {
    for (const input of found.inputs) logs.push(await openLog(input, logs.length, { archive }));
    const { distinct: readable, copies: twice } = distinctLogs(logs.filter((log) => log.head !== ''));
    const { sources, parse } = await prepareSources(readable, options.clock);
    const documents = new Documents(sources, archive, options.redaction);
    const templates = new Map<number, UnparsedTemplates>();
    const coverage = new CoverageTally();
    const bytesRead = new Map<number, number>();
    let lines = 0;
    let pending: EventDocument[] = [];
    let judged: Profile[] = [];
    let profiles: Profile[] = [];
    let incidents: Incident[] = [];
    let findings: AnomalyFinding[] = [];
    let likely: LikelyDocument[] = [];
    const write = async (): Promise<void> => {
      if (pending.length + profiles.length + incidents.length + findings.length + likely.length === 0) return;
      await options.onBatch({ events: pending, profiles, incidents, findings, likely });
      pending = [];
      profiles = [];
      incidents = [];
      findings = [];
      likely = [];
    };
    /** The lines of sessions that went wrong are read again: those of many at once, because they lie near one another. */
    const addLines = (): void => {
      const documentsOf = documents.forProfiles(judged.filter(needsProof), parse);
      for (const p of judged) {
        const events = documentsOf.get(p);
        if (events !== undefined) for (const e of events) pending.push(e);
        profiles.push(events === undefined ? p : withLines(p, originalsOf(events)));
      }
      judged = [];
    };
    const onEvents = (events: readonly ParsedEvent[]): void => {
      for (const e of events) {
        coverage.add(e);
        if (e.dataset === 'unparsed') {
          countUnparsed(templates, e.line.message, e.line.source, e.line.offset);
          pending.push(documents.of(e, undefined));
        } else if (options.keepEvents || isBlock(e)) pending.push(documents.of(e, undefined));
      }
    };
    const onProgress = (source: PreparedSource, bytes: number, n: number): void => {
      keepHeapTight();
      lines += n;
      bytesRead.set(source.log.source.index, bytes);
      options.onProgress?.({
        lines,
        bytes: sum(bytesRead.values()),
        bytesTotal: totalSize(readable),
        sources: sources.length,
      });
    };
    for await (const batch of flow(sources, {
      model: options.model,
      timers: options.timers,
      facts: factsOf(sources),
      latenessMs: LATENESS_MS,
      onEvents,
      onProgress,
      forecast: options.forecast,
      ...(options.correlate && { correlate: options.correlate }),
      ...(options.without && { without: options.without }),
      ...(options.onClosed && { onClosed: options.onClosed }),
      ...(options.signal && { signal: options.signal }),
    })) {
      for (const p of batch.profiles) {
        const start = Date.parse(p.event.start);
        if (start >= options.since && start < options.until) judged.push(p);
      }
      incidents.push(...batch.incidents);
      findings.push(...batch.findings);
      likely.push(...batch.likely);
      if (judged.length >= PROFILES_AT_ONCE) addLines();
      if (pending.length + profiles.length + incidents.length >= DOCUMENTS_AT_ONCE) await write();
    }
    addLines();
    await write();
    return {
      sources: sources.map((source) =>
        report(source, parse, templates.get(source.log.source.index), documents, coverage),
      ),
      problems: [...found.problems, ...twice, ...logs.flatMap((log) => log.problems)],
      interrupted: options.signal?.aborted === true,
    };
  } finally {
    for (const log of logs) await log.close();
    archive.close();
  }
}

interface Place {
  readonly source: number;
  readonly offset: number;
  readonly at: number;
}

/** Makes ECS documents of events, reading their records again by position. */
class Documents {
  private readonly sources: ReadonlyMap<number, PreparedSource>;
  private readonly byFingerprint: ReadonlyMap<string, number>;
  private readonly archive: LineArchive;
  private readonly redaction: Redaction;

  constructor(sources: readonly PreparedSource[], archive: LineArchive, redaction: Redaction) {
    this.sources = new Map(sources.map((s) => [s.log.source.index, s]));
    this.byFingerprint = new Map(sources.map((s) => [s.log.source.fingerprint, s.log.source.index]));
    this.archive = archive;
    this.redaction = redaction;
  }

  of(event: ParsedEvent, session: string | undefined): EventDocument {
    const source = this.sources.get(event.line.source);
    const { fingerprint, name } = source?.log.source ?? { fingerprint: '', name: '' };
    return {
      id: eventId(fingerprint, event.line.offset),
      session,
      document: toEcs(event, { fingerprint, name }, this.redaction, source?.zone.name ?? 'UTC'),
    };
  }

  /** The events that the profiles name, as far as their lines can still be read. */
  forProfiles(profiles: readonly Profile[], parse: ParseStage): ReadonlyMap<Profile, readonly EventDocument[]> {
    const places = new Map<Profile, readonly Place[]>();
    const offsets = new Map<number, Set<number>>();
    for (const p of profiles) {
      const own = p.imapwhy.events.flatMap((ref) => this.placeOf(ref));
      places.set(p, own);
      for (const { source, offset } of own) {
        const known = offsets.get(source);
        if (known) known.add(offset);
        else offsets.set(source, new Set([offset]));
      }
    }
    const texts = new Map<number, ReadonlyMap<number, string | undefined>>();
    for (const [source, set] of offsets) {
      const all = [...set];
      const read = this.archive.readMany(source, all);
      texts.set(source, new Map(all.map((offset, i) => [offset, read[i]])));
    }
    const documents = new Map<Profile, readonly EventDocument[]>();
    for (const [p, own] of places) {
      const made: EventDocument[] = [];
      for (const { source, offset, at } of own) {
        const text = texts.get(source)?.get(offset);
        const event = text === undefined ? undefined : parse.again(source, { text, offset }, at);
        if (event) made.push(this.of(event, p.imapwhy.session.id));
      }
      documents.set(p, made);
    }
    return documents;
  }

  /** Where the line of an event stands, and its own stamp. */
  private placeOf(ref: EventRef): Place | [] {
    const dash = ref.id.lastIndexOf('-');
    const source = this.byFingerprint.get(ref.id.slice(0, dash));
    if (source === undefined) return [];
    const offset = Number.parseInt(ref.id.slice(dash + 1), 36);
    const shift = this.sources.get(source)?.clock?.shiftMs ?? 0;
    return { source, offset, at: Date.parse(ref.at) - shift };
  }

  example(source: number, offset: number): string {
    return this.redaction.redact(this.archive.read(source, offset)?.slice(0, 400) ?? '');
  }
}

function factsOf(sources: readonly PreparedSource[]): SourceFacts {
  const byIndex = new Map(sources.map((s) => [s.log.source.index, s]));
  return {
    eventId: (source, offset) => eventId(byIndex.get(source)?.log.source.fingerprint ?? '', offset),
    clock: (source) => {
      const s = byIndex.get(source);
      if (!s?.clock || s.clock.shiftMs === 0) return undefined;
      return {
        source: s.log.source.name,
        shift_ms: Math.round(s.clock.shiftMs),
        confidence: Math.round(s.clock.confidence * 100) / 100,
        basis: s.clock.basis,
      };
    },
  };
}

function countUnparsed(all: Map<number, UnparsedTemplates>, message: string, source: number, offset: number): void {
  let templates = all.get(source);
  if (!templates) {
    templates = new UnparsedTemplates();
    all.set(source, templates);
  }
  templates.add(message, source, offset);
}

function report(
  source: PreparedSource,
  parse: ParseStage,
  templates: UnparsedTemplates | undefined,
  documents: Documents,
  coverage: CoverageTally,
): SourceReport {
  const counts = parse.counts.get(source.log.source.index);
  const failed = sum(counts?.failures.values() ?? []);
  const formats = [...(counts?.formats ?? [])]
    .map(([format, lines]) => ({ format, lines }))
    .sort((a, b) => b.lines - a.lines);
  return {
    source,
    lines: counts?.lines ?? 0,
    parsed: counts?.parsed ?? 0,
    unparsed: failed,
    formats,
    templates: (templates?.top(TEMPLATES_SHOWN) ?? []).map((t) => ({
      template: t.template,
      lines: t.lines,
      example: documents.example(t.source, t.offset),
    })),
    first: counts && Number.isFinite(counts.first) ? counts.first : undefined,
    last: counts && Number.isFinite(counts.last) ? counts.last : undefined,
    zoned: counts?.zoned ?? true,
    problems: source.log.problems,
    hours: coverage.hoursOf(source.log.source, formats[0]?.format ?? ''),
  };
}

function totalSize(logs: readonly OpenedLog[]): number | undefined {
  let total = 0;
  for (const log of logs) {
    if (log.size === undefined) return undefined;
    total += log.size;
  }
  return total;
}

const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const n of numbers) total += n;
  return total;
};

/** What the records said, by event id. */
function originalsOf(events: readonly EventDocument[]): ReadonlyMap<string, string> {
  const originals = new Map<string, string>();
  for (const { id, document } of events) {
    const { event } = document;
    if (typeof event === 'object' && event !== null && 'original' in event && typeof event.original === 'string')
      originals.set(id, event.original);
  }
  return originals;
}
