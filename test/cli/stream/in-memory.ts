import { distinctLogs } from '../../../cli/distinct-logs.ts';
import type { PreparedSource } from '../../../cli/pipeline.ts';
import { prepareSources } from '../../../cli/prepare.ts';
import { runAnalysis } from '../../../cli/run-analysis.ts';
import {
  type EventBatch,
  type FactBatch,
  readEventBatch,
  readFactBatch,
  writeEvents,
  writeFacts,
} from '../../../cli/stream/messages.ts';
import {
  ParsePartition,
  type ParsePartitionState,
  type RawRecord,
  type StoredSource,
} from '../../../cli/stream/parse-partition.ts';
import { SessionsPartition, type StoredPartition, sessionsUnit } from '../../../cli/stream/sessions-partition.ts';
import { SessionsStateReader, writeSessionsChanges } from '../../../cli/stream/sessions-state.ts';
import { LIST_MS, SitePartition } from '../../../cli/stream/site-partition.ts';
import { readSiteState, writeSiteState } from '../../../cli/stream/site-state.ts';
import type { Verdicts } from '../../../cli/verdicts.ts';
import { findInputs } from '../../../ingest/find.ts';
import type { RecordToSend } from '../../../ingest/kafka/port.ts';
import { type OpenedLog, openLog } from '../../../ingest/open.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { Forecast, type UsableModel } from '../../../models/prediction/forecast.ts';
import { DEFAULT_CORRELATE_OPTIONS } from '../../../processors/correlate/options.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { newRedaction } from '../../../processors/redact.ts';
import { parseZone, UTC } from '../../../processors/time.ts';

/** The streaming workers without Kafka: each topic is a list, everything that travels is bytes. */

export const TEST_KEY = 'a key of the tests';
const redaction = newRedaction(TEST_KEY);
const CLOCK = { zone: UTC, zoneBySource: [], near: undefined, now: Date.UTC(2026, 10, 25) };

export interface Documents {
  /** Text of the newest revision of each document, by id. */
  readonly profiles: ReadonlyMap<string, string>;
  readonly incidents: ReadonlyMap<string, string>;
  /** Who is likely to fail next, by id. */
  readonly likely: ReadonlyMap<string, string>;
  /** Of anomalies. */
  readonly findings: ReadonlyMap<string, string>;
}

export interface AllDocuments extends Documents {
  readonly events: ReadonlyMap<string, string>;
}

export async function embedded(folder: string, keepEvents = false, prediction?: UsableModel): Promise<AllDocuments> {
  const documents = new Newest();
  await runAnalysis({
    paths: [folder],
    clock: CLOCK,
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    redaction,
    since: Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    keepEvents,
    forecast: prediction && new Forecast(prediction, { listMs: LIST_MS, since: '0' }),
    async onBatch({ profiles, incidents, events, findings = [], likely = [] }) {
      documents.add({ profiles, incidents, findings, likely });
      for (const { id, document } of events) documents.events.set(id, JSON.stringify(document));
    },
  });
  return documents;
}

/** A raw topic with one partition a source, and its records in turn as a reader of files side by side would send them. */
export interface RawTopic {
  readonly records: RawRecord[];
}

export async function rawTopics(folder: string): Promise<readonly RawTopic[]> {
  const opened: OpenedLog[] = [];
  for (const input of (await findInputs([folder])).inputs) opened.push(await openLog(input, opened.length));
  const { sources } = await prepareSources(distinctLogs(opened.filter((log) => log.head !== '')).distinct, CLOCK);
  return Promise.all(sources.map(rawTopic));
}

async function rawTopic({ log, zone, near, clock }: PreparedSource): Promise<RawTopic> {
  const { fingerprint, name } = log.source;
  const records: RawRecord[] = [];
  for await (const batch of log.batches())
    for (const { text, offset, flaw } of batch.records)
      records.push({
        offset: records.length,
        timestamp: near,
        text,
        ...(flaw !== undefined && { flaw }),
        origin: { fingerprint, offset, name, zone, clock },
      });
  return { records };
}

export interface StreamOptions {
  readonly partitions: number;
  /** Raw records a step. */
  readonly batch: number;
  /** Every so many steps every worker is stopped, and taken up from what it had written down. */
  readonly restartEvery?: number;
  readonly prediction?: UsableModel;
}

export function streamed(topics: readonly RawTopic[], options: StreamOptions): Documents {
  const { partitions, batch } = options;
  const units = topics.map((_, i) => `raw-${i}/0`);
  const documents = new Newest();
  const eventLog: Buffer[][] = Array.from({ length: partitions }, () => []);
  const factLog: Buffer[] = [];
  const parseOptions = (i: number) => ({ topic: `raw-${i}`, partition: 0, partitions, zone: UTC, redaction });
  let parsers = topics.map((_, i) => new ParsePartition(parseOptions(i)));
  const keptOfParse = topics.map(() => new KeptParse());
  const read = topics.map(() => 0);
  const sessionsOptions = (partition: number) => ({ partition, units, correlate: DEFAULT_CORRELATE_OPTIONS });
  const kept = eventLog.map(() => new KeptSessions());
  let sessions = eventLog.map((_, p) => new SessionsPartition(sessionsOptions(p)));
  const eventsRead = eventLog.map(() => 0);
  const siteOptions = {
    units: eventLog.map((_, p) => sessionsUnit(p)),
    correlate: DEFAULT_CORRELATE_OPTIONS,
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    prediction: options.prediction,
  };
  const siteTopic = new Map<string, Buffer>();
  let site = new SitePartition(siteOptions);
  let factsRead = 0;
  const tell = (parser: ParsePartition, parsed: ReturnType<ParsePartition['push']>, caughtUp: boolean): void => {
    const progress = parser.progress(caughtUp);
    parsed.events.forEach((events, p) => {
      eventLog[p]?.push(...writeEvents(progress, events));
    });
    factLog.push(...writeFacts({ progress: null, sources: parsed.sources, facts: parsed.facts }));
  };
  for (const parser of parsers) tell(parser, parser.push([], Number.POSITIVE_INFINITY), false);
  for (let step = 1; ; step++) {
    const isOver = topics.every((topic, i) => (read[i] ?? 0) >= topic.records.length);
    parsers.forEach((parser, i) => {
      const from = read[i] ?? 0;
      const records = topics[i]?.records.slice(from, from + batch) ?? [];
      read[i] = from + records.length;
      const parsed = parser.push(records, Number.POSITIVE_INFINITY);
      if (isOver) parser.end();
      if (isOver || records.length > 0) tell(parser, parsed, from + records.length === topics[i]?.records.length);
      keptOfParse[i]?.add(parser);
    });
    sessions.forEach((s, p) => {
      const log = eventLog[p] ?? [];
      for (let at = eventsRead[p] ?? 0; at < log.length; at++) s.take(needed(readEventBatch(log[at] ?? null)), at);
      eventsRead[p] = log.length;
      factLog.push(...writeFacts(s.advance()));
      kept[p]?.add(s);
    });
    for (; factsRead < factLog.length; factsRead++) {
      const verdicts = site.take(needed(readFactBatch(factLog[factsRead] ?? null)));
      documents.add(verdicts);
    }
    if (isOver) return documents;
    if (options.restartEvery === undefined || step % options.restartEvery !== 0) continue;
    parsers = parsers.map((_, i) => new ParsePartition(parseOptions(i), keptOfParse[i]?.stored(), parseZone));
    sessions = sessions.map((_, p) => {
      const from = kept[p]?.neededFrom ?? 0;
      eventsRead[p] = from;
      return new SessionsPartition(sessionsOptions(p), kept[p]?.stored());
    });
    compact(siteTopic, writeSiteState(site.toData(), site.forecastChanges(), 'site'));
    const stored = readSiteState(siteTopic);
    site = new SitePartition(siteOptions, stored?.state, stored?.forecast);
  }
}

/** What a compacted topic has of one raw partition. */
export class KeptParse {
  private core: string | undefined;
  private readonly sources = new Map<string, string>();
  private readonly addresses = new Map<string, string>();
  /** Characters of the longest entry that was ever written. */
  longest = 0;

  add(p: ParsePartition): void {
    const { core, sources, addresses } = p.changes();
    this.core = JSON.stringify(core);
    for (const [fingerprint, entry] of sources) putLast(this.sources, fingerprint, entry);
    for (const [key, entry] of addresses) putLast(this.addresses, key, entry);
    for (const text of [this.core, ...this.sources.values(), ...this.addresses.values()])
      if (text.length > this.longest) this.longest = text.length;
  }

  get size(): number {
    return this.sources.size + this.addresses.size;
  }

  stored(): ParsePartitionState | undefined {
    if (this.core === undefined) return undefined;
    const sources = [...this.sources.values()].map((text): StoredSource => JSON.parse(text));
    const addresses = [...this.addresses].map(([key, text]): [string, string] => [key, JSON.parse(text)]);
    return { core: JSON.parse(this.core), sources, addresses };
  }
}

/** The compacted topic of one partition of sessions. */
export class KeptSessions {
  private readonly records = new Map<string, Buffer>();
  neededFrom = 0;

  add(s: SessionsPartition): void {
    for (const [key, value] of writeSessionsChanges(s.changes())) {
      this.records.delete(key);
      if (value !== null) this.records.set(key, Buffer.from(value));
    }
    this.neededFrom = s.neededFrom;
  }

  stored(): StoredPartition | undefined {
    const reader = new SessionsStateReader();
    const parts = [...this.records].map(([key, value]) => reader.read(key, value, undefined));
    const stored = reader.stored(parts.filter((part) => part !== undefined));
    if (stored !== undefined && 'kind' in stored) throw new Error(`${stored.key} was not understood`);
    return stored;
  }
}

/** What a compacted topic keeps. */
function compact(kept: Map<string, Buffer>, records: readonly RecordToSend[]): void {
  for (const { key, value } of records) {
    const name = key?.toString('utf8') ?? '';
    kept.delete(name);
    if (value) kept.set(name, value);
  }
}

class Newest implements AllDocuments {
  readonly events = new Map<string, string>();
  readonly profiles = new Map<string, string>();
  readonly incidents = new Map<string, string>();
  readonly findings = new Map<string, string>();
  readonly likely = new Map<string, string>();
  /** By kind: an incident and an anomaly may share an id. */
  private readonly revisions = new Map<ReadonlyMap<string, string>, Map<string, number>>();

  add({ profiles, incidents, findings, likely }: Verdicts): void {
    for (const f of findings) this.put(this.findings, f.imapwhy.anomaly.id, f.imapwhy.revision, f);
    for (const l of likely) this.likely.set(l.imapwhy.likely.id, JSON.stringify(l));
    for (const p of profiles) this.put(this.profiles, p.imapwhy.session.id, p.imapwhy.revision, p);
    for (const i of incidents) this.put(this.incidents, i.imapwhy.incident.id, i.imapwhy.revision, i);
  }

  private put(to: Map<string, string>, id: string, revision: number, document: object): void {
    const revisions = this.revisions.get(to) ?? new Map<string, number>();
    this.revisions.set(to, revisions);
    if (revision <= (revisions.get(id) ?? 0)) return;
    revisions.set(id, revision);
    to.set(id, JSON.stringify(document));
  }
}

function putLast<K>(map: Map<K, string>, key: K, entry: object | string | undefined): void {
  map.delete(key);
  put(map, key, entry);
}

function put<K>(map: Map<K, string>, key: K, entry: object | string | undefined): void {
  if (entry === undefined) map.delete(key);
  else map.set(key, JSON.stringify(entry));
}

function needed<T extends EventBatch | FactBatch>(batch: T | undefined): T {
  if (batch === undefined) throw new Error('what a worker wrote was not understood by the next');
  return batch;
}
