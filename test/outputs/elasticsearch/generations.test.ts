import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Meaning, Verdict } from '../../../outputs/elasticsearch/bulk-answer.ts';
import { BodyBuilder } from '../../../outputs/elasticsearch/bulk-body.ts';
import type { BulkDocument, BulkPlace } from '../../../outputs/elasticsearch/bulk-document.ts';
import type { Answer } from '../../../outputs/elasticsearch/connection.ts';
import { Generations } from '../../../outputs/elasticsearch/generations.ts';

const STREAM = 'logs-imapwhy.dovecot-default';
const backing = (generation: number): string => `.ds-${STREAM}-2026.11.24-${String(generation).padStart(6, '0')}`;

/** A data stream as Elasticsearch keeps it: a list of indices, of which only the last takes new documents. */
class DataStream {
  readonly indices: Map<string, string>[] = [];
  readonly asked: string[] = [];
  mayRefresh = true;
  failing = false;

  rollOver(): void {
    this.indices.push(new Map());
  }

  get total(): number {
    return this.indices.reduce((sum, index) => sum + index.size, 0);
  }

  readonly request = async (method: string, path: string, body?: object | Buffer | string): Promise<Answer> => {
    this.asked.push(`${method} ${path}`);
    if (this.failing) throw new Error('connection refused');
    const generation = Number(/-(\d{6})\//.exec(path)?.[1] ?? 0) - 1;
    if (path.endsWith('/_settings/index.creation_date')) {
      if (this.indices.length === 0) return answer(404, {});
      return answer(200, Object.fromEntries(this.indices.map((_, i) => [backing(i + 1), {}])));
    }
    if (path.endsWith('/_refresh')) return answer(this.mayRefresh ? 200 : 403, {});
    if (path.endsWith('/_search')) {
      const times = [...(this.indices[generation]?.values() ?? [])].map((at) => Date.parse(at));
      const value = (number: number) => ({ value: times.length === 0 ? null : number });
      return answer(200, { aggregations: { from: value(Math.min(...times)), to: value(Math.max(...times)) } });
    }
    if (path === '/_mget') {
      const { docs } = body as { docs: { _index: string; _id: string }[] };
      const found = (d: { _index: string; _id: string }) =>
        this.indices[Number(d._index.slice(-6)) - 1]?.has(d._id) ?? false;
      return answer(200, { docs: docs.map((d) => ({ found: found(d) })) });
    }
    if (method === 'DELETE') {
      this.indices[generation]?.delete(decodeURIComponent(path.split('/').at(-1) ?? ''));
      return answer(200, {});
    }
    throw new Error(`${method} ${path} was not expected`);
  };

  readonly create = async (body: Buffer, documents: readonly BulkPlace[]): Promise<Meaning> => {
    assert.equal(body.toString().split('\n').length - 1, 2 * documents.length, 'two lines for each document');
    if (this.indices.length === 0) this.rollOver();
    const write = this.indices.at(-1);
    const verdicts = documents.map(({ id, at }): Verdict => {
      if (write?.has(id)) return { kind: 'present' };
      write?.set(id, at);
      return { kind: 'written', index: backing(this.indices.length) };
    });
    return { kind: 'items', verdicts };
  };
}

const answer = (status: number, body: unknown): Answer => ({ status, body, headers: {} });

function events(from: number, count: number): readonly BulkDocument[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'event' as const,
    target: STREAM,
    id: `e${from + i}`,
    at: new Date(Date.UTC(2026, 10, 24, 0, from + i)).toISOString(), // one a minute
    version: undefined,
    document: { n: from + i },
    origin: undefined,
  }));
}

async function write(
  generations: Generations,
  stream: DataStream,
  documents: readonly BulkDocument[],
): Promise<string> {
  const builder = new BodyBuilder<null>(Buffer.alloc(65_536));
  for (const document of documents) builder.add(document, null);
  const meaning = await generations.post(builder.finish().bytes, documents, stream.create);
  if (meaning.kind !== 'items') return meaning.kind;
  const written = meaning.verdicts.filter((v) => v.kind === 'written').length;
  return `${written} written, ${meaning.verdicts.length - written} there`;
}

describe('over a rollover', () => {
  it('a replay meets its copies in the older index', async () => {
    const stream = new DataStream();
    await write(new Generations(stream.request), stream, events(0, 100));
    stream.rollOver();
    assert.equal(await write(new Generations(stream.request), stream, events(50, 100)), '50 written, 50 there');
    assert.equal(stream.total, 150);
    stream.rollOver();
    assert.equal(await write(new Generations(stream.request), stream, events(0, 200)), '50 written, 150 there');
    assert.equal(stream.total, 200);
  });

  it('asks nothing while events are younger than what older indices hold', async () => {
    const stream = new DataStream();
    const generations = new Generations(stream.request);
    await write(generations, stream, events(0, 10));
    stream.rollOver();
    await write(generations, stream, events(20, 10));
    const before = stream.asked.length;
    await write(generations, stream, events(30, 10));
    await write(generations, stream, events(40, 10));
    assert.deepEqual(stream.asked.slice(before), []);
  });

  it('a rollover between a lost answer and its repetition leaves one copy, the first', async () => {
    const stream = new DataStream();
    const generations = new Generations(stream.request);
    await write(generations, stream, events(0, 10));
    await stream.create(bodyFor(events(10, 10)), events(10, 10)); // arrived, the answer was lost
    stream.rollOver();
    assert.equal(await write(generations, stream, events(10, 15)), '5 written, 10 there');
    assert.equal(stream.total, 25);
    assert.equal(stream.indices[1]?.size, 5);
  });

  it('so does one before anything was ever answered', async () => {
    const stream = new DataStream();
    const generations = new Generations(stream.request);
    assert.equal(await write(generations, stream, []), '0 written, 0 there');
    const lost = events(0, 10);
    const rolled = async (body: Buffer, documents: readonly BulkPlace[]): Promise<Meaning> => {
      await stream.create(body, documents);
      stream.rollOver();
      return { kind: 'again', trouble: 'timeout', reason: '', retryAfter: undefined };
    };
    await generations.post(bodyFor(lost), lost, rolled);
    assert.equal(await write(generations, stream, lost), '0 written, 10 there');
    assert.equal(stream.total, 10);
  });

  it('a second copy that a killed process left is removed when its event comes again', async () => {
    const stream = new DataStream();
    await write(new Generations(stream.request), stream, events(0, 10));
    stream.rollOver();
    await stream.create(bodyFor(events(5, 5)), events(5, 5)); // then kill -9
    assert.equal(stream.total, 15);
    assert.equal(await write(new Generations(stream.request), stream, events(0, 10)), '0 written, 10 there');
    assert.equal(stream.total, 10);
    assert.equal(stream.indices[0]?.size, 10);
  });

  it('what cannot be checked is sent again, and then checked', async () => {
    const stream = new DataStream();
    const generations = new Generations(stream.request);
    await write(generations, stream, events(0, 10));
    stream.rollOver();
    const failsAfterwards = async (body: Buffer, documents: readonly BulkPlace[]): Promise<Meaning> => {
      const meaning = await stream.create(body, documents);
      stream.failing = true;
      return meaning;
    };
    const meaning = await generations.post(bodyFor(events(0, 10)), events(0, 10), failsAfterwards);
    assert.equal(meaning.kind === 'again' ? meaning.trouble : '', 'unreachable');
    assert.equal(stream.total, 20);
    stream.failing = false;
    assert.equal(await write(generations, stream, events(0, 10)), '0 written, 10 there');
    assert.equal(stream.total, 10);
  });

  it('without the right to refresh, every event is looked up', async () => {
    const stream = new DataStream();
    stream.mayRefresh = false;
    await write(new Generations(stream.request), stream, events(0, 10));
    stream.rollOver();
    assert.equal(await write(new Generations(stream.request), stream, events(0, 20)), '10 written, 10 there');
  });

  it('documents with a version are none of its business', async () => {
    const stream = new DataStream();
    const profiles = events(0, 3).map((e) => ({ ...e, version: 1, target: 'imapwhy-profiles-default-2026.11' }));
    assert.equal(await write(new Generations(stream.request), stream, profiles), '3 written, 0 there');
    assert.deepEqual(stream.asked, []);
  });
});

function bodyFor(documents: readonly BulkDocument[]): Buffer {
  const builder = new BodyBuilder<null>(Buffer.alloc(65_536));
  for (const document of documents) builder.add(document, null);
  return builder.finish().bytes;
}
