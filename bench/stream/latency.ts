/** From a line in Kafka to a hit in a search, at a given rate: some of the lines are looked for until they are found. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readRawRecord } from '../../ingest/kafka/raw-record.ts';
import { eventId } from '../../processors/ecs.ts';
import type { SampleTopic } from '../../test/servers/streaming-sample.ts';
import { part, type StreamWorld } from './stream-world.ts';

const TICK_MS = 50;
const LOOK_MS = 50;
const PATIENCE_MS = 60_000;

export interface Latencies {
  /** Milliseconds, in ascending order. */
  readonly searchable: readonly number[];
  readonly perSecond: number;
}

interface Probe {
  readonly sentAt: number;
  foundAt: number | undefined;
}

export interface Load {
  /** Sent is what lies between these fractions of the topics. */
  readonly from: number;
  readonly upTo: number;
  readonly perSecond: number;
  /** Some lines (heads of tables) make no document, and nobody looks for them. */
  readonly isDocument: (id: string) => boolean;
}

/** Sends lines at a steady rate, and looks for some of them. */
export async function latencies(
  world: StreamWorld,
  namespace: string,
  topics: readonly SampleTopic[],
  { from, upTo, perSecond, isDocument }: Load,
): Promise<Latencies> {
  const probes = new Map<string, Probe>();
  let isSending = true;
  const looking = lookFor(world, namespace, probes, () => isSending);
  const total = topics.reduce((sum, { records }) => sum + records.length, 0);
  const ticks = Math.floor((((upTo - from) * total) / perSecond) * (1000 / TICK_MS));
  const beganAt = performance.now();
  for (let tick = 0; tick < ticks; tick++) {
    const records = part(topics, from + ((upTo - from) * tick) / ticks, from + ((upTo - from) * (tick + 1)) / ticks);
    const probe = records[(tick * 7919) % Math.max(1, records.length)];
    const raw =
      probe &&
      readRawRecord(
        { offset: 0, timestamp: 0, key: null, value: probe.value, headers: new Map(probe.headers) },
        { topic: probe.topic, partition: 0 },
      );
    const id = raw && eventId(raw.fingerprint, raw.offset);
    if (id !== undefined && isDocument(id)) probes.set(id, { sentAt: Date.now(), foundAt: undefined });
    if (records.length > 0) await world.producer.send(records);
    await sleep(Math.max(0, beganAt + (tick + 1) * TICK_MS - performance.now()));
  }
  const seconds = (performance.now() - beganAt) / 1000;
  isSending = false;
  await looking;
  const searchable = [...probes.values()].map(({ sentAt, foundAt = sentAt + PATIENCE_MS }) => foundAt - sentAt);
  const up = (a: number, b: number): number => a - b;
  return {
    searchable: searchable.sort(up),
    perSecond: ((upTo - from) * total) / seconds,
  };
}

export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;

async function lookFor(
  { request }: StreamWorld,
  namespace: string,
  probes: ReadonlyMap<string, Probe>,
  isSending: () => boolean,
): Promise<void> {
  for (let idleSince = performance.now(); performance.now() - idleSince < PATIENCE_MS; await sleep(LOOK_MS)) {
    const missing = [...probes].filter(([, { foundAt }]) => foundAt === undefined).map(([id]) => id);
    if (missing.length === 0) {
      if (!isSending()) return;
      continue;
    }
    const { body } = await request('POST', `/logs-imapwhy.*-${namespace}/_search`, {
      size: missing.length,
      _source: false,
      query: { ids: { values: missing } },
    });
    const { hits } = body as { hits: { hits: readonly { readonly _id: string }[] } };
    for (const { _id } of hits.hits) {
      const probe = probes.get(_id);
      if (probe) probe.foundAt = Date.now();
    }
    if (hits.hits.length > 0 || isSending()) idleSince = performance.now();
  }
}
