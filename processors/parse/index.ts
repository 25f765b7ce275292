import type { LogSource, SourceRecord } from '../../ingest/record.ts';
import type { Line, ParseFailure, UnparsedEvent } from '../event.ts';
import { type CivilZone, LogZone } from '../time.ts';
import { type DovecotEvent, dovecot } from './dovecot.ts';
import { peel } from './envelope/index.ts';
import { type Fail2banEvent, fail2ban } from './fail2ban.ts';
import { type HaproxyEvent, haproxy } from './haproxy.ts';
import { type ModsecurityEvent, modsecurity } from './modsecurity.ts';
import { type NetfilterEvent, netfilter } from './netfilter.ts';
import { type NetflowEvent, netflow } from './netflow.ts';
import { type NginxEvent, nginxAccess, nginxError } from './nginx.ts';
import { type OpenvpnLogEvent, openvpnLog, openvpnStatus } from './openvpn.ts';
import type { EcsFields, ParseOutcome, Parser, RecordContext } from './parser.ts';
import { type PostfixEvent, postfix } from './postfix.ts';
import { newSourceMemory, type SourceMemory } from './source-memory.ts';

/** Grows by one line per format. */
export type ParsedEvent =
  | DovecotEvent
  | PostfixEvent
  | HaproxyEvent
  | NginxEvent
  | ModsecurityEvent
  | OpenvpnLogEvent
  | NetfilterEvent
  | NetflowEvent
  | Fail2banEvent
  | UnparsedEvent;

/** A row of the table: the parser with its event type closed over, so that rows of all formats fit into one list. */
export interface Format {
  readonly name: string;
  readonly programs: readonly string[];
  accepts(line: Line): boolean;
  parse(line: Line, context: RecordContext): ParseOutcome<ParsedEvent>;
  /** The ECS fields of an event if it is one of this format's. */
  ecs(event: ParsedEvent): EcsFields | undefined;
}

type Dataset = ParsedEvent['dataset'];

function format<E extends ParsedEvent>(parser: Parser<E>, isOurs: (event: ParsedEvent) => event is E): Format {
  return {
    name: parser.format,
    programs: parser.programs,
    accepts: (line) => parser.accepts(line),
    parse: (line, context) => parser.parse(line, context),
    ecs: (event) => (isOurs(event) ? parser.ecs(event) : undefined),
  };
}

const has = <D extends Dataset>(...datasets: readonly D[]) => {
  const set: ReadonlySet<string> = new Set(datasets);
  return (event: ParsedEvent): event is Extract<ParsedEvent, { readonly dataset: D }> => set.has(event.dataset);
};

/** The table. The order decides only about lines of no known program that more than one format would take. */
export const FORMATS: readonly Format[] = [
  format(dovecot, has('dovecot.login', 'dovecot.session', 'dovecot.auth', 'dovecot.service')),
  format(postfix, has('postfix.smtp')),
  format(haproxy, has('haproxy.connection')),
  format(netfilter, has('netfilter.packet')),
  format(fail2ban, has('fail2ban.action')),
  format(modsecurity, has('modsecurity.audit', 'modsecurity.error')),
  format(nginxError, has('nginx.error', 'modsecurity.audit', 'modsecurity.error')),
  format(nginxAccess, has('nginx.access')),
  format(openvpnStatus, has('openvpn.status')),
  format(openvpnLog, has('openvpn.log')),
  format(netflow, has('netflow.flow')),
];

const BY_PROGRAM: ReadonlyMap<string, Format> = new Map(
  FORMATS.flatMap((f) => f.programs.filter((p) => !p.endsWith('/')).map((p) => [p, f])),
);
const BY_PREFIX: readonly (readonly [string, Format])[] = FORMATS.flatMap((f) =>
  f.programs.filter((p) => p.endsWith('/')).map((p) => [p, f] as const),
);

/** The last program that was looked up: a text cut from a line has no hash yet, and to make one costs more than to compare it. (It keeps one chunk of log alive.) */
const asked: { program: string; format: Format | undefined } = { program: '', format: undefined };

/** Which format a program's lines have; undefined for unknown programs. */
function formatOfProgram(program: string): Format | undefined {
  if (program !== asked.program) {
    asked.format = lookedUp(program);
    asked.program = program;
  }
  return asked.format;
}

function lookedUp(program: string): Format | undefined {
  const exact = BY_PROGRAM.get(program);
  if (exact !== undefined) return exact;
  for (const [prefix, f] of BY_PREFIX) if (program.startsWith(prefix)) return f;
  return undefined;
}

const BY_DATASET = new Map<Dataset, Format>();

/** The ECS fields of an event beyond those that every event shares; none for records that no parser took. */
export function ecsOf(event: ParsedEvent): EcsFields {
  const known = BY_DATASET.get(event.dataset);
  if (known !== undefined) return known.ecs(event) ?? NO_FIELDS;
  for (const f of FORMATS) {
    const fields = f.ecs(event);
    if (fields === undefined) continue;
    BY_DATASET.set(event.dataset, f);
    return fields;
  }
  return NO_FIELDS;
}

const NO_FIELDS: EcsFields = {};

type Failed = Extract<ParseOutcome<ParsedEvent>, { readonly kind: 'failure' }>;

/** What became of a line, and which format said so; `format` is undefined when none took it. */
export interface LineOutcome {
  readonly outcome: ParseOutcome<ParsedEvent>;
  readonly format: Format | undefined;
}

/**
 * Gives a line to the format of its program, else to the first in table order that accepts it and does not fail. If all fail, the first
 * failure counts. What other lines were read before matters only through `context`. `only`: the one format to try (`--format`).
 */
export function parseLine(line: Line, context: RecordContext, only?: Format): LineOutcome {
  const known = only ?? (line.program === undefined ? undefined : formatOfProgram(line.program));
  let failure: Failed | undefined;
  if (known !== undefined) {
    const outcome = attempt(known, line, context);
    if (outcome.kind !== 'failure') return { outcome, format: known };
    failure = outcome;
  }
  if (only === undefined) {
    for (const f of FORMATS) {
      if (f === known || !f.accepts(line)) continue;
      const outcome = attempt(f, line, context);
      if (outcome.kind !== 'failure') return { outcome, format: f };
      failure ??= outcome;
    }
  }
  return { outcome: failure ?? UNKNOWN, format: undefined };
}

const UNKNOWN: Failed = { kind: 'failure', code: 'unknown_format', field: 'message' };
const NO_TIME: Failed = { kind: 'failure', code: 'bad_time', field: 'time' };

function attempt(f: Format, line: Line, context: RecordContext): ParseOutcome<ParsedEvent> {
  const outcome = f.parse(line, context);
  return outcome.kind === 'event' && !isDate(outcome.event.stamp.at) ? NO_TIME : outcome;
}

/** Whether a date can name it; years from 0 to 9999, which is what ISO 8601 writes without a sign. */
const isDate = (at: number): boolean => at >= -62_167_219_200_000 && at < 253_402_300_800_000;

/** What reading the next record of a source depends on; plain data that survives JSON. */
export interface ParseState {
  /** UTC ms near which a stamp without a year lies: that of the last event. Null if nothing is known. */
  readonly near: number | null;
  /** UTC ms of the latest line. Null if there was none. */
  readonly reached: number | null;
  readonly memory: SourceMemory;
}

/** How one source is read. */
interface OpenSource {
  readonly source: LogSource;
  readonly zone: LogZone;
  readonly only: Format | undefined;
  readonly memory: SourceMemory;
  near: number;
  /** Whether `near` comes from a record. */
  hasParsed: boolean;
}

export interface ParseCounts {
  /** Records that are not empty: `parsed` + `skipped` + the failures. */
  lines: number;
  parsed: number;
  /** Records that only describe the next ones (a CSV header). */
  skipped: number;
  /** Empty records. */
  blank: number;
  first: number;
  last: number;
  zoned: boolean;
  readonly formats: Map<string, number>;
  readonly actions: Map<string, number>;
  readonly failures: Map<ParseFailure, number>;
}

/** Records in, events out, in the same order. A record that no parser takes becomes an event too, so that nothing is lost. */
export class ParseStage {
  private readonly sources = new Map<number, OpenSource>();
  readonly counts = new Map<number, ParseCounts>();

  /**
   * `near`: UTC ms near which stamps without a year lie. `only`: the single format to try (`--format`).
   * `state`: where an earlier stage stopped in this source (see `state`); it replaces `near`.
   */
  open(source: LogSource, zone: CivilZone, near: number, only?: Format, state?: ParseState): void {
    const memory = { ...newSourceMemory(), ...(state && structuredClone(state.memory)) };
    const clock = new LogZone(zone);
    clock.reached = state?.reached ?? Number.NEGATIVE_INFINITY;
    this.sources.set(source.index, { source, zone: clock, only, memory, near: state?.near ?? near, hasParsed: false });
    this.counts.set(source.index, newCounts());
  }

  /** The source will be read no more, unless it is opened again. */
  close(source: LogSource): void {
    this.sources.delete(source.index);
    this.counts.delete(source.index);
  }

  /** What was counted since the last call, for records that are read before their turn; `addCounts` counts them when it has come. */
  takeCounts(source: LogSource): ParseCounts {
    const taken = this.counts.get(source.index) ?? newCounts();
    this.counts.set(source.index, newCounts());
    return taken;
  }

  addCounts(source: LogSource, more: ParseCounts): void {
    const counts = this.counts.get(source.index);
    if (counts === undefined) throw new Error(`source ${source.index} was not opened`);
    counts.lines += more.lines;
    counts.parsed += more.parsed;
    counts.skipped += more.skipped;
    counts.blank += more.blank;
    counts.first = Math.min(counts.first, more.first);
    counts.last = Math.max(counts.last, more.last);
    counts.zoned &&= more.zoned;
    addAll(counts.formats, more.formats);
    addAll(counts.actions, more.actions);
    addAll(counts.failures, more.failures);
  }

  /** What the next record of this source will be read with. */
  state(source: LogSource): ParseState {
    const { near, zone, memory } = this.opened(source.index);
    return { near: finiteOrNull(near), reached: finiteOrNull(zone.reached), memory: structuredClone(memory) };
  }

  push(source: LogSource, records: readonly SourceRecord[]): ParsedEvent[] {
    const events: ParsedEvent[] = [];
    this.each(source, records, (event) => {
      if (event !== undefined) events.push(event);
    });
    return events;
  }

  /** The same record by record, with the line: `event` is undefined for one that only describes the next ones, and for an empty one. */
  each(
    source: LogSource,
    records: readonly SourceRecord[],
    take: (event: ParsedEvent | undefined, line: Line) => void,
  ): void {
    const opened = this.opened(source.index);
    const counts = this.counts.get(source.index);
    if (counts === undefined) throw new Error(`source ${source.index} was not opened`);
    for (const record of records) {
      const context = contextOf(opened, opened.near);
      const line = peel(record, opened.source, context);
      if (record.text === '') {
        counts.blank++;
        take(undefined, line);
        continue;
      }
      counts.lines++;
      const { outcome, format } = parseLine(line, context, opened.only);
      if (outcome.kind === 'event') {
        const { event } = outcome;
        count(counts, event, format);
        opened.near = event.stamp.at;
        const written = line.stamp === undefined ? event.stamp.at : line.stamp.at;
        if (written > opened.zone.reached) opened.zone.reached = written;
        opened.hasParsed = true;
        take(event, line);
      } else if (outcome.kind === 'skip') {
        counts.skipped++;
        take(undefined, line);
      } else {
        const event = unparsed(line, opened.hasParsed ? opened.near : (source.modifiedAt ?? opened.near), outcome);
        increment(counts.failures, event.code);
        take(event, line);
      }
    }
  }

  /** Parses one record again, as it was parsed at `at`; changes nothing. For showing the lines behind a decision. */
  again(source: number, record: SourceRecord, at: number): ParsedEvent | undefined {
    const opened = this.sources.get(source);
    if (opened === undefined) return undefined;
    // Parsers replace what they remember and never write into it (see SourceMemory), so a shallow copy keeps it from changing.
    const zone = new LogZone(opened.zone.zone);
    zone.reached = at;
    const context = contextOf({ ...opened, zone, memory: { ...opened.memory } }, at);
    const line = peel(record, opened.source, context);
    const { outcome } = parseLine(line, context, opened.only);
    if (outcome.kind === 'event') return outcome.event;
    return outcome.kind === 'skip' ? undefined : unparsed(line, at, outcome);
  }

  private opened(index: number): OpenSource {
    const opened = this.sources.get(index);
    if (opened === undefined) throw new Error(`source ${index} was not opened`);
    return opened;
  }
}

const finiteOrNull = (at: number): number | null => (Number.isFinite(at) ? at : null);

const contextOf = (opened: OpenSource, near: number): RecordContext => ({
  zone: opened.zone,
  near,
  memory: opened.memory,
});

function count(counts: ParseCounts, event: ParsedEvent, format: Format | undefined): void {
  const { at, zoned } = event.stamp;
  counts.parsed++;
  if (at < counts.first) counts.first = at;
  if (at > counts.last) counts.last = at;
  if (!zoned) counts.zoned = false;
  if (format !== undefined) increment(counts.formats, format.name);
  increment(counts.actions, event.action);
}

function newCounts(): ParseCounts {
  return {
    lines: 0,
    parsed: 0,
    skipped: 0,
    blank: 0,
    first: Number.POSITIVE_INFINITY,
    last: Number.NEGATIVE_INFINITY,
    zoned: true,
    formats: new Map(),
    actions: new Map(),
    failures: new Map(),
  };
}

function addAll<K>(counts: Map<K, number>, more: ReadonlyMap<K, number>): void {
  for (const [key, n] of more) counts.set(key, (counts.get(key) ?? 0) + n);
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function unparsed(line: Line, near: number, failure: Failed): UnparsedEvent {
  return {
    dataset: 'unparsed',
    action: 'parse-failure',
    line,
    stamp: line.stamp ?? { at: Number.isFinite(near) ? near : 0, precisionMs: 86_400_000, zoned: false },
    code: codeOf(line, failure),
    field: failure.field,
  };
}

/** What framing did to a record explains its failure better than what the parsers missed in it. */
function codeOf(line: Line, failure: Failed): ParseFailure {
  if (line.flaw === 'binary') return 'binary';
  return line.flaw === 'truncated' ? 'too_long' : failure.code;
}
