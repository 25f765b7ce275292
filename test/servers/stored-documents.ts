/** What the streaming service has written into Elasticsearch, compared with what one process writes. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from '../../ingest/kafka/port.ts';
import type { Request } from '../../outputs/elasticsearch/connection.ts';
import type { AllDocuments } from '../cli/stream/in-memory.ts';
import { allDocuments } from './elasticsearch-setup.ts';
import { until } from './until.ts';

export const KINDS = ['events', 'profiles', 'incidents'] as const;
type Kind = (typeof KINDS)[number];

export const patternOf = (kind: Kind, namespace: string): string =>
  kind === 'events' ? `logs-imapwhy.*-${namespace}` : `imapwhy-${kind}-${namespace}-*`;

/** How many documents there are to be found, and the sum of their revisions. */
export async function totalsOf(request: Request, kind: Kind, namespace: string): Promise<Totals> {
  const { body } = await request(
    'POST',
    `/${patternOf(kind, namespace)}/_search`,
    { size: 0, track_total_hits: true, aggs: { revisions: { sum: { field: 'imapwhy.revision' } } } },
    { query: { ignore_unavailable: 'true', allow_no_indices: 'true' } },
  );
  const { hits, aggregations } = body as Answer;
  return { count: hits?.total.value ?? 0, revisions: aggregations?.revisions.value ?? 0 };
}

interface Answer {
  readonly hits?: { readonly total: { readonly value: number } };
  readonly aggregations?: { readonly revisions: { readonly value: number } };
}

interface Totals {
  readonly count: number;
  readonly revisions: number;
}

/** Waits for the last revision of the last document; what the documents say is another question. */
export async function allThere(
  request: Request,
  namespace: string,
  expected: AllDocuments,
  timeoutMs: number,
): Promise<void> {
  for (const kind of KINDS) {
    let revisions = 0;
    for (const text of expected[kind].values()) revisions += kind === 'events' ? 0 : JSON.parse(text).imapwhy.revision;
    let found: Totals | undefined;
    await until(
      `all ${kind}`,
      async () => {
        await sleep(300);
        found = await totalsOf(request, kind, namespace);
        return found.count >= expected[kind].size && found.revisions >= revisions;
      },
      timeoutMs,
    ).catch((error: Error) => {
      const wanted = `${expected[kind].size} with revisions of ${revisions}`;
      throw new Error(`${error.message}: ${found?.count} with revisions of ${found?.revisions}, not ${wanted}`);
    });
  }
}

export interface Comparison {
  readonly kind: Kind;
  readonly expected: number;
  readonly lost: number;
  /** The same id more than once, over all backing indices. */
  readonly double: number;
  /** An id that nobody expects. */
  readonly strange: number;
  readonly differing: number;
  /** Of the first document that differs or is not there. */
  readonly example: readonly [expected: string, found: string] | undefined;
}

export async function compare(
  request: Request,
  namespace: string,
  expected: AllDocuments,
): Promise<readonly Comparison[]> {
  return Promise.all(KINDS.map((kind) => compareKind(request, kind, namespace, expected[kind])));
}

async function compareKind(
  request: Request,
  kind: Kind,
  namespace: string,
  expected: ReadonlyMap<string, string>,
): Promise<Comparison> {
  const found = new Map<string, string>();
  let double = 0;
  for (const { id, source } of await allDocuments(request, patternOf(kind, namespace))) {
    if (found.has(id)) double++;
    found.set(id, JSON.stringify(source));
  }
  const differing = [...expected].filter(([id, text]) => found.has(id) && found.get(id) !== text);
  const [first] = [...differing, ...[...expected].filter(([id]) => !found.has(id))];
  return {
    kind,
    expected: expected.size,
    lost: [...expected.keys()].filter((id) => !found.has(id)).length,
    double,
    strange: [...found.keys()].filter((id) => !expected.has(id)).length,
    differing: differing.length,
    example: first && [first[1], found.get(first[0]) ?? 'null'],
  };
}

export function assertSame(comparisons: readonly Comparison[]): void {
  for (const { kind, lost, double, strange, differing, example } of comparisons) {
    if (example) assert.deepEqual(JSON.parse(example[1]), JSON.parse(example[0]), `${differing} ${kind} differ`);
    assert.deepEqual(
      { kind, lost, double, strange, differing },
      { kind, lost: 0, double: 0, strange: 0, differing: 0 },
    );
  }
}

/** How many records the dead letter topics hold. */
export async function deadLetters(kafka: Kafka, prefix: string): Promise<ReadonlyMap<string, number>> {
  const topics = (await kafka.listTopics()).filter((topic) => topic.startsWith(prefix) && topic.endsWith('.dlq'));
  const counts = new Map<string, number>();
  for (const [topic, ranges] of await kafka.describeTopics(topics)) {
    const count = ranges.reduce((sum, { begin, end }) => sum + end - begin, 0);
    if (count > 0) counts.set(topic, count);
  }
  return counts;
}
