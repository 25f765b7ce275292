import { partitionFingerprint } from '../../ingest/kafka/raw-record.ts';
import { type LogSource, type SourceRecord, sourceNumber } from '../../ingest/record.ts';
import {
  familyOf,
  isSessionLine,
  isSiteLine,
  isToServer,
  type SessionEvent,
} from '../../processors/correlate/route.ts';
import type { TimedSessionEvent } from '../../processors/correlate/sessions.ts';
import { type SiteFact, siteLine } from '../../processors/correlate/site-fact.ts';
import { reachedBy, timed } from '../../processors/correlate/timed-event.ts';
import { eventId } from '../../processors/ecs.ts';
import { type EcsLineWriter, ecsLineWriter } from '../../processors/ecs-line.ts';
import { forgetOldest } from '../../processors/forget-oldest.ts';
import { oddIn, UNKNOWN_GLANCE } from '../../processors/glance.ts';
import { Journal } from '../../processors/journal.ts';
import { bounded } from '../../processors/parse/http-request.ts';
import { type ParsedEvent, ParseStage, type ParseState } from '../../processors/parse/index.ts';
import { QUOTE_MAX } from '../../processors/profile/evidence-lines.ts';
import { isoTime } from '../../processors/profile/iso-time.ts';
import type { Redaction } from '../../processors/redact.ts';
import type { ClockEstimate } from '../../processors/resolve/clock-skew.ts';
import { DovecotAddresses, type DovecotAddressesState } from '../../processors/resolve/dovecot-addresses.ts';
import type { CivilZone } from '../../processors/time.ts';
import type { Beginning } from './beginning.ts';
import type { Progress, SourceNote } from './messages.ts';

/** One record of a raw topic: a line (or whatever the format has for one), and what its headers say of where it was first written. */
export interface RawRecord {
  /** In the Kafka partition. */
  readonly offset: number;
  /** Epoch ms, as Kafka has it: the year of stamps without one lies near it. */
  readonly timestamp: number;
  readonly text: string;
  readonly flaw?: SourceRecord['flaw'];
  readonly origin: Origin | undefined;
}

/** Where a record was first written. */
export interface Origin {
  readonly fingerprint: string;
  /** Bytes from the beginning of the uncompressed file. */
  readonly offset: number;
  readonly name: string;
  readonly zone: CivilZone | undefined;
  readonly clock: ClockEstimate | undefined;
}

export interface ParseOptions {
  readonly topic: string;
  readonly partition: number;
  /** Partitions of sessions; 0: nobody correlates, and events are documents and nothing else. */
  readonly partitions: number;
  /** Zone of stamps that carry none, where no header says otherwise. */
  readonly zone: CivilZone;
  readonly redaction: Redaction;
}

/** An event as it will be indexed. */
export interface ParsedDocument {
  /** Of its record in the Kafka partition. */
  readonly offset: number;
  readonly id: string;
  /** Event time as it stands in the document. */
  readonly at: string;
  readonly family: string;
  /** JSON. */
  readonly document: string;
}

/** What became of a batch of raw records. */
export interface Parsed {
  readonly documents: readonly ParsedDocument[];
  /** By partition of sessions. */
  readonly events: readonly (readonly TimedSessionEvent[])[];
  readonly facts: readonly SiteFact[];
  /** Sources that were not heard of before. */
  readonly sources: readonly SourceNote[];
  /** How many of the documents nobody understood. */
  readonly unparsed: number;
  /** How many events lie so far in the future that no session can be made of them. */
  readonly ahead: number;
  /** Records that could not be read at all, by their offset in the partition. */
  readonly rejected: readonly RejectedRecord[];
}

export interface RejectedRecord {
  readonly offset: number;
  readonly error: unknown;
}

export interface ParsePartitionCore {
  readonly partitions: number;
  /** The first record that has not been read. */
  readonly next: number;
  readonly reached: number | null;
  readonly ended: boolean;
  /** Not known of partitions whose beginning was read by an earlier release. */
  readonly beginning?: Beginning;
  /** How often the topic was found to have been made anew. */
  readonly generation?: number;
}

export interface StoredSource {
  readonly source: LogSource;
  readonly zone: string;
  readonly clock: ClockEstimate | null;
  readonly reached: number | null;
  readonly parse: ParseState;
}

/** Lists in the order in which their entries were written last. */
export interface ParsePartitionState {
  readonly core: ParsePartitionCore;
  readonly sources: readonly StoredSource[];
  readonly addresses: DovecotAddressesState;
}

/** What is written down with each step: the small things whole, the many things where they changed. An undefined value: it is no more. */
export interface ParsePartitionChanges {
  readonly core: ParsePartitionCore;
  readonly sources: readonly (readonly [fingerprint: string, StoredSource | undefined])[];
  readonly addresses: readonly (readonly [key: string, address: string | undefined])[];
}

interface KnownSource {
  readonly source: LogSource;
  readonly zone: CivilZone;
  readonly clock: ClockEstimate | undefined;
  readonly write: EcsLineWriter;
  reached: number;
}

/** Of a source that has said nothing for so long, while others of its partition went on, nobody waits for more. */
const SILENT_MS = 600_000;
const SOURCES_MAX = 10_000;
/** Clocks and zones may be wrong by hours; nobody's is right a day from now. */
const AHEAD_MAX_MS = 86_400_000;
/** What a line may take from where it is written to here. */
const DELIVERY_MS = 5000;

/** Reads one partition of a raw topic: parses, finds out whose address a line is about, and deals the events out. Pure. */
export class ParsePartition {
  readonly unit: string;
  private readonly options: ParseOptions;
  private readonly parse = new ParseStage();
  /** The one that spoke last at the end. */
  private readonly sources = new Map<string, KnownSource>();
  private readonly journal = new Journal<string>();
  private readonly addresses: DovecotAddresses;
  private generation = 0;
  beginning: Beginning | undefined;
  private reached = Number.NEGATIVE_INFINITY;
  private ended = false;
  private untold: SourceNote[] = [];
  next = 0;

  /** `zoneNamed` reads the zones of the state. */
  constructor(options: ParseOptions, state?: ParsePartitionState, zoneNamed?: (name: string) => CivilZone | undefined) {
    this.options = options;
    this.unit = `${options.topic}/${options.partition}`;
    this.addresses = new DovecotAddresses(state?.addresses);
    this.journal.keep();
    if (!state) return;
    this.reached = state.core.reached ?? Number.NEGATIVE_INFINITY;
    this.ended = state.core.ended;
    this.next = state.core.next;
    this.beginning = state.core.beginning;
    this.generation = state.core.generation ?? 0;
    for (const s of state.sources) {
      const zone = zoneNamed?.(s.zone) ?? options.zone;
      const known: KnownSource = {
        source: s.source,
        zone,
        clock: s.clock ?? undefined,
        write: ecsLineWriter(s.source, options.redaction, zone.name),
        reached: s.reached ?? Number.NEGATIVE_INFINITY,
      };
      this.sources.set(s.source.fingerprint, known);
      this.parse.open(s.source, known.zone, 0, undefined, s.parse);
      if (state.core.partitions === 0) this.untold.push(noteOf(known)); // nobody correlated so far
    }
  }

  /** In the place of a file's fingerprint where a record names none. In a topic that was made anew the same offsets are other lines. */
  get fingerprint(): string {
    return partitionFingerprint(this.options, this.generation);
  }

  /** The topic was deleted and made anew: it is read from its beginning, and what is known of logs stays. */
  begunAnew(): void {
    this.next = 0;
    this.beginning = undefined;
    this.generation++;
  }

  /** What changed since it was last asked. */
  changes(): ParsePartitionChanges {
    return {
      core: {
        partitions: this.options.partitions,
        next: this.next,
        reached: finiteOrNull(this.reached),
        ended: this.ended,
        ...(this.beginning !== undefined && { beginning: this.beginning }),
        ...(this.generation > 0 && { generation: this.generation }),
      },
      sources: this.journal.take().map((fingerprint) => [fingerprint, this.stored(fingerprint)]),
      addresses: this.addresses.changes(),
    };
  }

  private stored(fingerprint: string): StoredSource | undefined {
    const known = this.sources.get(fingerprint);
    if (!known) return undefined;
    const { source, zone, clock, reached } = known;
    const parse = this.parse.state(source);
    return { source, zone: zone.name, clock: clock ?? null, reached: finiteOrNull(reached), parse };
  }

  progress(caughtUp: boolean): Progress {
    return { unit: this.unit, reached: finiteOrNull(this.reached), caughtUp, ended: this.ended };
  }

  /** Everything was read `silentMs` ago, and nothing has come since: event time goes on with the clock on the wall, less what a line may take. */
  silence(silentMs: number): Progress {
    const reached = Number.isFinite(this.reached) ? this.reached + Math.max(0, silentMs - DELIVERY_MS) : null;
    return { unit: this.unit, reached, caughtUp: true, ended: this.ended };
  }

  /** Whoever writes here says that no more will come. */
  end(): void {
    this.ended = true;
  }

  /** `now`: UTC ms by the clock on the wall. A source whose clock is fast has come no further than that. */
  push(records: readonly RawRecord[], now: number): Parsed {
    const out: Dealt = {
      documents: [],
      events: Array.from({ length: this.options.partitions }, () => []),
      facts: [],
      sources: [],
      unparsed: 0,
      ahead: 0,
      rejected: [],
    };
    if (records.length > 0) this.ended = false;
    for (let from = 0; from < records.length; ) {
      const first = records[from];
      if (!first) break;
      let to = from + 1;
      while (to < records.length && records[to]?.origin?.fingerprint === first.origin?.fingerprint) to++;
      this.pushOfOne(this.sourceOf(first), records.slice(from, to), now, out);
      from = to;
    }
    this.reached = Math.max(this.reached, Math.min(this.furthestBehind(), now));
    if (this.options.partitions > 0) out.sources.push(...this.untold);
    this.untold = [];
    return out;
  }

  private pushOfOne(known: KnownSource, records: readonly RawRecord[], now: number, out: Dealt): void {
    for (const record of records) {
      try {
        this.pushRecord(known, record, now, out);
      } catch (error) {
        out.rejected.push({ offset: record.offset, error });
      }
    }
  }

  private pushRecord(known: KnownSource, { text, offset, flaw, origin }: RawRecord, now: number, out: Dealt): void {
    const { source, write } = known;
    const line: SourceRecord = { text, offset: origin?.offset ?? offset, ...(flaw !== undefined && { flaw }) };
    this.parse.each(source, [line], (event) => {
      if (event === undefined) return;
      const found = this.options.redaction.inspect(text);
      if (event.dataset === 'unparsed') out.unparsed++;
      else if (this.options.partitions > 0)
        this.deal(withoutText(event), known, bounded(found?.text ?? text, QUOTE_MAX), now, out);
      const id = eventId(source.fingerprint, line.offset);
      const at = isoTime(event.stamp.at);
      const family = familyOf(event.dataset);
      write(event, found === undefined ? oddIn(text) : UNKNOWN_GLANCE, (document) =>
        out.documents.push({ offset, id, at, family, document }),
      );
    });
  }

  /** An event whose time is far from come (a wrong year, a stamp that somebody made up) would wait in memory until then: it is indexed, not joined. */
  private deal(event: ParsedEvent, known: KnownSource, text: string, now: number, out: Dealt): void {
    const t = timed(event, known.clock?.shiftMs ?? 0, text);
    if (t.seenAt > now + AHEAD_MAX_MS) {
      out.ahead++;
      return;
    }
    known.reached = Math.max(known.reached, reachedBy(t));
    if (isSessionLine(t)) out.events[this.partitionOf(t.event)]?.push(t);
    else if (isSiteLine(t)) out.facts.push(siteLine(t));
  }

  /** Sessions that can meet have one address in common, as the server saw it. */
  private partitionOf(e: SessionEvent): number {
    const key = this.addressOf(e);
    return key === undefined ? 0 : partitionOfText(key, this.options.partitions);
  }

  private addressOf(e: SessionEvent): string | undefined {
    switch (e.dataset) {
      case 'dovecot.login':
      case 'dovecot.session':
      case 'dovecot.auth':
        return this.addresses.of(e) ?? e.user;
      case 'haproxy.connection':
        return e.clientIp;
      case 'netfilter.packet':
        return e.sourceIp;
      case 'netflow.flow':
        return isToServer(e) ? e.sourceIp : e.destinationIp;
    }
  }

  private sourceOf(r: RawRecord): KnownSource {
    const fingerprint = r.origin?.fingerprint ?? this.fingerprint;
    const known = this.sources.get(fingerprint);
    this.journal.note(fingerprint);
    if (known) {
      this.sources.delete(fingerprint);
      this.sources.set(fingerprint, known);
      return known;
    }
    const source: LogSource = {
      index: sourceNumber(fingerprint),
      name: r.origin?.name ?? this.unit,
      fingerprint,
      modifiedAt: r.timestamp,
    };
    const zone = r.origin?.zone ?? this.options.zone;
    const made: KnownSource = {
      source,
      zone,
      clock: r.origin?.clock,
      write: ecsLineWriter(source, this.options.redaction, zone.name),
      reached: Number.NEGATIVE_INFINITY,
    };
    this.sources.set(fingerprint, made);
    this.forgetSilent();
    this.parse.open(source, made.zone, r.timestamp);
    this.untold.push(noteOf(made));
    return made;
  }

  private forgetSilent(): void {
    const forgotten: LogSource[] = [];
    forgetOldest(this.sources, SOURCES_MAX, (fingerprint, { source }) => {
      this.sources.delete(fingerprint);
      this.journal.note(fingerprint);
      forgotten.push(source);
    });
    if (forgotten.length === 0) return;
    // Fingerprints that somebody made up may share a number.
    const numbers = new Set([...this.sources.values()].map(({ source }) => source.index));
    for (const source of forgotten) if (!numbers.has(source.index)) this.parse.close(source);
  }

  /** How far the source has come that is furthest behind, of those that are still saying something. */
  private furthestBehind(): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const { reached } of this.sources.values()) last = Math.max(last, reached);
    let first = last;
    for (const { reached } of this.sources.values()) if (reached >= last - SILENT_MS) first = Math.min(first, reached);
    return first;
  }
}

/** FNV-1a of the UTF-16 units. Source: http://www.isthe.com/chongo/tech/comp/fnv/. The same for every worker; who makes up addresses can only burden one partition. */
export function partitionOfText(text: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % partitions;
}

const noteOf = ({ source: { index: number, fingerprint, name }, clock }: KnownSource): SourceNote => ({
  number,
  fingerprint,
  name,
  clock: clock ?? null,
});

interface Dealt {
  readonly documents: ParsedDocument[];
  readonly events: TimedSessionEvent[][];
  readonly facts: SiteFact[];
  readonly sources: SourceNote[];
  unparsed: number;
  ahead: number;
  readonly rejected: RejectedRecord[];
}

/** What an event is told by without its record: that is in its document. */
function withoutText<E extends ParsedEvent>(event: E): E {
  return { ...event, line: { ...event.line, raw: '', message: '' } };
}

const finiteOrNull = (at: number): number | null => (Number.isFinite(at) ? at : null);
