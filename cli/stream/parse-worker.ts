import { toDeadLetter, UNDECODABLE } from '../../ingest/kafka/dead-letter.ts';
import type { Batch, ConsumedRecord, Lease, Reading, RecordToSend } from '../../ingest/kafka/port.ts';
import { isEndOfInput, readRawRecord } from '../../ingest/kafka/raw-record.ts';
import type { Redaction } from '../../processors/redact.ts';
import { type CivilZone, parseZone } from '../../processors/time.ts';
import { version } from '../version.ts';
import { beginningOf, isOfAnother } from './beginning.ts';
import { writeDocuments } from './document-lines.ts';
import { type FactBatch, type Progress, writeEvents, writeFacts } from './messages.ts';
import { Pace } from './pace.ts';
import { ParsePartition, type ParsePartitionState, type RawRecord, type StoredSource } from './parse-partition.ts';
import { asBytes, readState } from './restore.ts';
import { countDelivery, refusedStraight, type Straight, StraightBatch } from './straight-index.ts';
import { addTo, nothingTold, type Told } from './told.ts';
import type { Topics } from './topics.ts';
import { topicOf } from './watermark.ts';
import { keyOf, type PartitionWork, StatefulWorker, type Step, type WorkerContext } from './worker.ts';

export interface ParseWorkerOptions {
  readonly topics: Topics;
  /** Partitions of `topics.events` (0: nobody correlates), and of `topics.documents`. */
  readonly partitions: number;
  readonly documentPartitions: number;
  /** Zone of stamps that carry none, by raw topic. */
  readonly zoneOf: (topic: string) => CivilZone;
  readonly redaction: Redaction;
  /** A partition without a record for so long is told to be silent. */
  readonly idleMs: number;
  /** All partitions that are read, by whomever. */
  readonly units: readonly string[];
  /** Events that may wait for the partition that is furthest behind. */
  readonly waitingMax: number;
  /** Takes documents at once, where this process indexes too. */
  readonly straight?: Straight | undefined;
}

/**
 * Raw topics in; documents, events of connections and facts of the site out. Documents are in the index before the offset moves, or in their topic with it: who reads the
 * same lines again makes the same documents of them.
 */
export class ParseWorker extends StatefulWorker<ParsePartition> {
  private readonly options: ParseWorkerOptions;
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly pace: Pace;
  private readonly held = new Set<string>();
  /** By unit, as it was written down last: how many of its events were waiting. */
  private readonly waitingBefore = new Map<string, number>();
  private following: Reading | undefined;
  /** Of topics that are not there any more: what everybody was told of. */
  private readonly gone = new Set<string>();
  /** Nobody has ever written down anything. */
  private isStateEmpty = true;

  constructor(options: ParseWorkerOptions, context: WorkerContext) {
    super('parse', context);
    this.options = options;
    this.pace = new Pace(options.units, options.waitingMax);
    if (options.partitions > 0)
      this.timer = setInterval(() => void this.tellSilence(), Math.max(100, options.idleMs / 2));
    this.timer?.unref();
  }

  /** Hears from here on how far every partition has come, whoever reads it. */
  async follow(): Promise<void> {
    this.following = await this.context.kafka.read(
      { topic: this.options.topics.parseState, follow: true },
      {
        records: (_, records) => {
          for (const { key, value } of records)
            if (key?.toString('utf8').endsWith(PROGRESS) && value !== null)
              this.pace.note(JSON.parse(value.toString('utf8')));
          this.steer();
        },
        failed: (error) => this.failed(error),
      },
    );
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.following?.stop();
  }

  override async revoked(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) {
      this.pace.gone(keyOf(lease));
      this.held.delete(keyOf(lease));
    }
    await super.revoked(leases);
  }

  /** Holds what is too far ahead, and lets go on what is no more. */
  private steer(): void {
    for (const [unit, work] of this.work) {
      const { lease } = work;
      if (this.pace.mayGoOn(unit)) {
        if (!this.held.delete(unit)) continue;
        work.caughtUpAt = Date.now(); // it had no chance to be behind
        lease.resume();
      } else if (!this.held.has(unit)) {
        this.held.add(unit);
        lease.pause();
      }
    }
  }

  protected async restore(leases: readonly Lease[]): Promise<readonly ParsePartition[]> {
    const { kafka } = this.context;
    const states = await readState(kafka, this.options.topics.parseState, [0], asBytes, (e) => this.failed(e));
    const state = states.get(0) ?? new Map();
    this.isStateEmpty = state.size === 0;
    return leases.map((lease) => this.restored(lease, state));
  }

  private restored(lease: Lease, states: ReadonlyMap<string, Buffer>): ParsePartition {
    const { topics, partitions, redaction, zoneOf } = this.options;
    const unit = keyOf(lease);
    const state = storedPartition(states, unit);
    const told = states.get(`${unit}${PROGRESS}`);
    const before: StoredProgress | undefined = told && JSON.parse(told.toString('utf8'));
    this.waitingBefore.set(unit, before?.waiting ?? 0);
    if (state && partitions > 0 && state.core.partitions > 0 && state.core.partitions !== partitions)
      throw new Error(
        `${topics.events} had ${state.core.partitions} partitions and has ${partitions} now: sessions would be torn apart. Drain it, and start with another topic prefix.`,
      );
    const where = { topic: lease.topic, partition: lease.partition };
    return new ParsePartition({ ...where, partitions, zone: zoneOf(lease.topic), redaction }, state, parseZone);
  }

  protected doneUpTo(state: ParsePartition, { lease, records, end }: Batch): number {
    const [first] = records;
    const { beginning } = state;
    if (state.next > end || (first !== undefined && beginning !== undefined && isOfAnother(beginning, first))) {
      this.context.log(`parse: ${keyOf(lease)} was made anew: all of it is read`);
      state.begunAnew();
    }
    if (state.next === 0 && first !== undefined) state.beginning = beginningOf(first);
    return state.next;
  }

  /** A topic that is read for the first time may be begun anywhere. */
  protected isBlank({ next }: ParsePartition): boolean {
    return next === 0 && this.isStateEmpty;
  }

  protected override async hasWorked(): Promise<boolean> {
    const { events } = this.options.topics;
    const ranges = (await this.context.kafka.describeTopics([events])).get(events) ?? [];
    return ranges.some(({ end }) => end > 0);
  }

  protected get stateTopic(): string {
    return this.options.topics.parseState;
  }

  /** Everybody waits for a unit that was never heard of. An empty one is waited for too, until it has been silent for a while: what it will say may be old. */
  protected override async opened(work: PartitionWork<ParsePartition>): Promise<void> {
    const { state } = work;
    if (!state) return;
    const progress = state.progress(false);
    this.pace.took(progress, this.waitingBefore.get(progress.unit) ?? 0);
    await this.commit(work, this.told(progress, this.silently(state)), undefined);
  }

  /** A partition that has only just been read to its end may be behind again in a moment; one that is so for a while follows what is written. */
  protected async process(state: ParsePartition, { lease, records, next }: Batch, caughtUpMs: number): Promise<Step> {
    const { counters } = this.context;
    const out: RecordToSend[] = [];
    const raw: RawRecord[] = [];
    let isOver = false;
    for (const record of records) {
      isOver = isEndOfInput(record);
      if (isOver) continue;
      const read = this.read(record, lease, state);
      if (read) raw.push(read);
      else if (record.value !== null && record.value.length > 0)
        out.push(
          this.dead(record, lease, record.undecodable === undefined ? UNREADABLE : new Error(record.undecodable)),
        );
      else counters.add('records_skipped_total', 'empty');
    }
    const { straight, topics, partitions, documentPartitions } = this.options;
    const batch = straight && StraightBatch.begin(straight, keyOf(lease));
    const documents = { topic: topics.documents, partition: hash(keyOf(lease)) % documentPartitions };
    const parsed = nothingTold(partitions);
    const now = Date.now();
    // In pieces, whose documents are bytes before the next one is begun: thousands of them at a time would outlive many collections.
    for (let from = 0; from === 0 || from < raw.length; from += PIECE) {
      const piece = state.push(raw.slice(from, from + PIECE), now);
      if (batch) batch.add(piece.documents);
      else for (const value of writeDocuments(piece.documents)) out.push({ ...documents, key: null, value });
      for (const { offset, error } of piece.rejected) {
        const record = records.find((r) => r.offset === offset);
        if (record) out.push(this.dead(record, lease, error));
      }
      counters.add('events_total', 'parsed', piece.documents.length - piece.unparsed);
      counters.add('events_total', 'unparsed', piece.unparsed);
      counters.add('events_total', 'ahead', piece.ahead);
      addTo(parsed, piece);
    }
    if (isOver) state.end();
    state.next = next;
    counters.add('records_total', 'read', records.length);
    const progress = state.progress(caughtUpMs >= this.options.idleMs);
    this.pace.gave(progress, parsed.facts.length + parsed.events.reduce((sum, events) => sum + events.length, 0));
    this.steer();
    out.push(...this.told(progress, parsed));
    const entry = (key: string, value: unknown): void => {
      const text = value === undefined ? null : Buffer.from(JSON.stringify(value));
      out.push({
        topic: this.options.topics.parseState,
        partition: 0,
        key: Buffer.from(`${state.unit}${key}`),
        value: text,
      });
    };
    const { core, sources, addresses } = state.changes();
    for (const [fingerprint, stored] of sources) entry(`${SOURCE}${fingerprint}`, stored);
    for (const [key, address] of addresses) entry(`${ADDRESS}${key}`, address);
    entry(CORE, core);
    const delivery = await batch?.done();
    if (delivery) countDelivery(counters, 'event', delivery);
    for (const refusal of delivery?.refused ?? []) {
      counters.add('dead_letters_total', 'index');
      out.push(refusedStraight(refusal, documents));
    }
    return { records: out, next };
  }

  private read(record: ConsumedRecord, lease: Lease, state: ParsePartition): RawRecord | undefined {
    if (record.undecodable !== undefined) return undefined;
    const raw = readRawRecord(record, lease);
    if (!raw) return undefined;
    for (const header of raw.ignored) this.context.counters.add('headers_ignored_total', header);
    const { text, offset, source: name } = raw;
    const fingerprint = raw.identity === 'kafka' ? state.fingerprint : raw.fingerprint;
    return {
      offset: record.offset,
      timestamp: raw.near ?? record.timestamp,
      text,
      ...(raw.flaw !== undefined && { flaw: raw.flaw }),
      origin: {
        fingerprint,
        offset,
        name,
        zone: raw.zone === undefined ? undefined : parseZone(raw.zone),
        clock: raw.clock,
      },
    };
  }

  private dead(record: ConsumedRecord, lease: Lease, error: unknown): RecordToSend {
    this.context.counters.add('dead_letters_total', 'parse');
    const errorClass = error instanceof Error ? error.name : typeof error;
    const message = error instanceof Error ? error.message : String(error);
    const code = record.undecodable === undefined ? 'unreadable' : UNDECODABLE;
    const reason = { code, stage: 'parse', errorClass, message };
    return toDeadLetter(record, lease, reason, version);
  }

  /** Nothing was read; but of some sources nobody may have told yet. */
  private silently(state: ParsePartition): Told {
    const told = nothingTold(this.options.partitions);
    addTo(told, state.push([], Date.now()));
    return told;
  }

  /** Every partition hears how far this one has come, so that time goes on where nothing happens too. */
  private told(progress: Progress, parsed: Told): RecordToSend[] {
    const { topics } = this.options;
    this.pace.note(progress);
    const { unit } = progress;
    const stored: StoredProgress = { ...progress, waiting: this.pace.waiting(unit) };
    const key = Buffer.from(`${unit}${PROGRESS}`);
    const out: RecordToSend[] = [
      { topic: topics.parseState, partition: 0, key, value: Buffer.from(JSON.stringify(stored)) },
    ];
    parsed.events.forEach((events, partition) => {
      for (const value of writeEvents(progress, events))
        out.push({ topic: topics.events, partition, key: null, value });
    });
    const facts: FactBatch = { progress: null, sources: parsed.sources, facts: parsed.facts };
    if (facts.sources.length + facts.facts.length > 0)
      for (const value of writeFacts(facts)) out.push({ topic: topics.facts, partition: 0, key: null, value });
    return out;
  }

  /** What has been read to its end, and then says nothing, is told to go on with the time that passes. */
  private async tellSilence(): Promise<void> {
    const isSilent = (w: PartitionWork<ParsePartition>): boolean => Date.now() - w.lastBatchAt >= this.options.idleMs;
    const silent = [...this.work.values()].filter(isSilent);
    try {
      await this.tellGone();
      if (silent.length === 0) return;
      const ranges = await this.context.kafka.describeTopics(silent.map(({ lease }) => lease.topic));
      for (const work of silent) {
        await this.inTurn(work, async () => {
          const { state, lease, next } = work;
          const range = ranges.get(lease.topic)?.find((r) => r.partition === lease.partition);
          // A batch may be on its way, or have come meanwhile.
          if (!state || !range || !isSilent(work) || (next ?? lease.committed ?? range.begin) < range.end) return;
          const progress = state.silence(Date.now() - work.lastBatchAt);
          await this.commit(work, this.told(progress, this.silently(state)), undefined);
        });
      }
    } catch (error) {
      this.context.log(`parse: could not tell that nothing comes: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Of a topic that is not there any more nobody waits for more: time goes on without it, until it is there again and read. */
  private async tellGone(): Promise<void> {
    const { units, partitions } = this.options;
    const [work] = this.work.values();
    const names = [...new Set(units.map(topicOf))].filter((name) => !this.hasOf(name));
    if (work === undefined || names.length === 0) return;
    const there = await this.context.kafka.describeTopics(names);
    for (const unit of units) if (there.has(topicOf(unit)) || !names.includes(topicOf(unit))) this.gone.delete(unit);
    const news = units.filter(
      (unit) => names.includes(topicOf(unit)) && !there.has(topicOf(unit)) && !this.gone.has(unit),
    );
    if (news.length === 0) return;
    await this.inTurn(work, async () => {
      const records = news.flatMap((unit) => {
        const { reached = null, ended = false } = this.pace.lastOf(unit) ?? {};
        return this.told({ unit, reached, caughtUp: true, ended }, nothingTold(partitions));
      });
      await this.commit(work, records, undefined);
    });
    for (const unit of news) this.gone.add(unit);
  }

  private hasOf(topic: string): boolean {
    for (const { lease } of this.work.values()) if (lease.topic === topic) return true;
    return false;
  }
}

/** After the name of the unit, which holds no space. */
const CORE = ' core';
const PROGRESS = ' progress';
const SOURCE = ' s ';
const ADDRESS = ' a ';

/** What other readers hear of a partition, and whoever reads it next. */
interface StoredProgress extends Progress {
  readonly waiting: number;
}

/** Records that are parsed before their documents are written down. */
const PIECE = 500;

const UNREADABLE = new Error('The record cannot be read.');

function storedPartition(states: ReadonlyMap<string, Buffer>, unit: string): ParsePartitionState | undefined {
  const core = states.get(`${unit}${CORE}`);
  if (!core) return undefined;
  const sources: StoredSource[] = [];
  const addresses: [string, string][] = [];
  const [source, address] = [`${unit}${SOURCE}`, `${unit}${ADDRESS}`];
  for (const [key, value] of states) {
    if (key.startsWith(source)) sources.push(JSON.parse(value.toString('utf8')));
    else if (key.startsWith(address)) addresses.push([key.slice(address.length), JSON.parse(value.toString('utf8'))]);
  }
  return { core: JSON.parse(core.toString('utf8')), sources, addresses };
}

function hash(text: string): number {
  let h = 7;
  for (const c of text) h = (Math.imul(h, 31) + (c.codePointAt(0) ?? 0)) >>> 0;
  return h;
}
