import type { LogSource, SourceRecord } from '../../ingest/record.ts';
import type { Line, ParseFailure, UnparsedEvent } from '../event.ts';
import type { CivilZone } from '../time.ts';
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

/** The table. The order matters only for lines of no known program that more than one format might take. */
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

const BY_PROGRAM: ReadonlyMap<string, number> = new Map(
  FORMATS.flatMap((f, i) => f.programs.filter((p) => !p.endsWith('/')).map((p) => [p, i])),
);
const BY_PREFIX: readonly (readonly [string, number])[] = FORMATS.flatMap((f, i) =>
  f.programs.filter((p) => p.endsWith('/')).map((p) => [p, i] as const),
);

/** Which format a program's lines have; undefined for unknown programs. */
function formatOfProgram(program: string): Format | undefined {
  const exact = BY_PROGRAM.get(program);
  if (exact !== undefined) return FORMATS[exact];
  for (const [prefix, i] of BY_PREFIX) if (program.startsWith(prefix)) return FORMATS[i];
  return undefined;
}

/** How one source is read: plain data, kept with its position. */
interface SourceState {
  readonly source: LogSource;
  readonly zone: CivilZone;
  readonly only: Format | undefined;
  readonly memory: SourceMemory;
  near: number;
  /** The format that took the last line of no known program: tried first, for speed. */
  last: Format | undefined;
}

export interface ParseCounts {
  lines: number;
  parsed: number;
  skipped: number;
  first: number;
  last: number;
  zoned: boolean;
  readonly formats: Map<string, number>;
  readonly failures: Map<ParseFailure, number>;
}

/** Records in, events out, in the same order. A record that no parser takes becomes an event too, so that nothing is lost. */
export class ParseStage {
  private readonly sources = new Map<number, SourceState>();
  readonly counts = new Map<number, ParseCounts>();

  /** `near`: UTC ms near which stamps without a year lie. `only`: the single format to try (`--format`). */
  open(source: LogSource, zone: CivilZone, near: number, only?: Format): void {
    this.sources.set(source.index, { source, zone, only, memory: newSourceMemory(), near, last: undefined });
    this.counts.set(source.index, {
      lines: 0,
      parsed: 0,
      skipped: 0,
      first: Number.POSITIVE_INFINITY,
      last: Number.NEGATIVE_INFINITY,
      zoned: true,
      formats: new Map(),
      failures: new Map(),
    });
  }

  push(source: LogSource, records: readonly SourceRecord[]): ParsedEvent[] {
    const state = this.sources.get(source.index);
    const counts = this.counts.get(source.index);
    if (!state || !counts) throw new Error(`source ${source.index} was not opened`);
    const events: ParsedEvent[] = [];
    for (const record of records) {
      if (record.text === '') continue;
      counts.lines++;
      const event = one(record, state, state.near, counts);
      if (!event) continue;
      events.push(event);
      if (event.dataset === 'unparsed') continue;
      const at = event.stamp.at;
      state.near = at;
      if (at < counts.first) counts.first = at;
      if (at > counts.last) counts.last = at;
      if (!event.stamp.zoned) counts.zoned = false;
    }
    return events;
  }

  /** Parses one record again, as it was parsed at `at`; changes nothing. For showing the lines behind a decision. */
  again(source: number, record: SourceRecord, at: number): ParsedEvent | undefined {
    const state = this.sources.get(source);
    return state && one(record, { ...state, memory: structuredClone(state.memory) }, at, undefined);
  }
}

function one(
  record: SourceRecord,
  state: SourceState,
  near: number,
  counts: ParseCounts | undefined,
): ParsedEvent | undefined {
  const context: RecordContext = { zone: state.zone, near, memory: state.memory };
  const line = peel(record, state.source, context);
  let failure: { readonly code: ParseFailure; readonly field: string } | undefined;
  const attempt = (f: Format): ParsedEvent | 'skip' | undefined => {
    const outcome = f.parse(line, context);
    if (outcome.kind === 'event') {
      if (!Number.isFinite(outcome.event.stamp.at)) {
        failure ??= { code: 'bad_time', field: 'time' };
        return undefined;
      }
      if (counts) {
        counts.parsed++;
        counts.formats.set(f.name, (counts.formats.get(f.name) ?? 0) + 1);
      }
      return outcome.event;
    }
    if (outcome.kind === 'skip') {
      if (counts) counts.skipped++;
      return 'skip';
    }
    failure ??= outcome;
    return undefined;
  };
  const known = state.only ?? (line.program === undefined ? undefined : formatOfProgram(line.program));
  if (known) {
    const event = attempt(known);
    if (event !== undefined) return event === 'skip' ? undefined : event;
  }
  if (!state.only) {
    const first = state.last;
    if (first && first !== known && first.accepts(line)) {
      const event = attempt(first);
      if (event !== undefined) return event === 'skip' ? undefined : event;
    }
    for (const f of FORMATS) {
      if (f === known || f === first || !f.accepts(line)) continue;
      const event = attempt(f);
      if (event === undefined) continue;
      if (counts) state.last = f;
      return event === 'skip' ? undefined : event;
    }
  }
  return unparsed(line, near, failure ?? { code: 'unknown_format', field: 'message' }, counts);
}

function unparsed(
  line: Line,
  near: number,
  failure: { readonly code: ParseFailure; readonly field: string },
  counts: ParseCounts | undefined,
): UnparsedEvent {
  const code: ParseFailure = line.flaw === 'binary' ? 'binary' : failure.code;
  if (counts) counts.failures.set(code, (counts.failures.get(code) ?? 0) + 1);
  return {
    dataset: 'unparsed',
    action: 'parse-failure',
    line,
    stamp: line.stamp ?? { at: near, precisionMs: 86_400_000, zoned: false },
    code,
    field: failure.field,
  };
}
