import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { BulkDocument } from '../../../outputs/elasticsearch/bulk-document.ts';
import {
  BulkWriter,
  type TroubleState,
  WRITER_LIMITS,
  type WriterLimits,
} from '../../../outputs/elasticsearch/bulk-writer.ts';
import type { Delivery } from '../../../outputs/output.ts';
import { VirtualClock } from '../../virtual-clock.ts';
import { BulkServer, type Fault, type ServerBehaviour } from './bulk-server.ts';

const HOUR_MS = 3_600_000;
const small: WriterLimits = { ...WRITER_LIMITS, bodyBytes: 16 * 1024, pendingBytesMax: 64 * 1024, requestsMax: 4 };

function world(behaviour: Partial<ServerBehaviour> = {}, limits: WriterLimits = small) {
  const clock = new VirtualClock();
  const server = new BulkServer(clock, { faultOf: () => 'none', bytesMax: 1e9, answerMs: 10, ...behaviour });
  const troubles: (TroubleState | undefined)[] = [];
  let seed = 7;
  const writer = new BulkWriter(
    {
      post: (body, documents) => server.post(body, documents),
      clock,
      random: () => {
        seed = (seed * 16_807) % 2_147_483_647; // Park and Miller's generator, so that a failure can be repeated
        return seed / 2_147_483_647;
      },
      epochMs: () => 0,
      troubled: (state) => troubles.push(state),
    },
    limits,
  );
  return { clock, server, writer, troubles };
}

const documentOf = (id: string, more: object = {}): BulkDocument => ({
  kind: 'event',
  target: 'stream',
  id,
  at: '2026-11-24T03:24:00.000Z',
  version: undefined,
  document: { id, ...more },
  origin: `topic/0/${id}`,
});
const many = (n: number, prefix = 'd'): readonly BulkDocument[] =>
  Array.from({ length: n }, (_, i) => documentOf(`${prefix}${i}`, { text: 'x'.repeat(i % 300) }));

async function finished<T>(clock: VirtualClock, promise: Promise<T>, ms = HOUR_MS): Promise<T> {
  let result: { readonly value: T } | undefined;
  let failed: unknown;
  promise.then(
    (value) => {
      result = { value };
    },
    (error: unknown) => {
      failed = error;
    },
  );
  await clock.advance(ms);
  if (failed !== undefined) throw failed;
  assert.ok(result !== undefined, `not finished after ${ms} ms`);
  return result.value;
}

const faults = (...list: readonly Fault[]) => ({ faultOf: (request: number): Fault => list[request] ?? 'none' });

describe('the bulk writer', () => {
  it('answers at once for nothing, and sends nothing', async () => {
    const { clock, server, writer } = world();
    assert.deepEqual(await finished(clock, writer.deliver([])), { written: 0, present: 0, refused: [] });
    assert.equal(server.requests, 0);
  });

  it('sends a single document without waiting for company', async () => {
    const { clock, writer } = world();
    assert.equal((await finished(clock, writer.deliver([documentOf('a')]), 11)).written, 1);
  });

  it('joins what comes while a request is under way', async () => {
    const { clock, server, writer } = world();
    const all = Array.from({ length: 50 }, (_, i) => writer.deliver([documentOf(`${i}`)]));
    await finished(clock, Promise.all(all));
    assert.equal(server.requests, 2);
    assert.equal(server.stored.size, 50);
  });

  it('does not wait longer than the linger time for company', async () => {
    const { clock, server, writer } = world({ answerMs: 5000 });
    const first = writer.deliver([documentOf('a')]);
    await clock.advance(100);
    const second = writer.deliver([documentOf('b')]);
    await clock.advance(small.lingerMs + 1);
    assert.equal(server.requests, 2);
    await finished(clock, Promise.all([first, second]));
  });

  it('counts what is there already, and changes nothing', async () => {
    const { clock, writer } = world();
    await finished(clock, writer.deliver(many(100)));
    assert.deepEqual(await finished(clock, writer.deliver(many(100))), { written: 0, present: 100, refused: [] });
  });

  for (const fault of [
    'unreachable',
    'lost',
    'partly',
    'hang',
    'cut',
    'busy',
    'down',
    'some-busy',
    'disk-full',
  ] as const) {
    it(`gets every document in after: ${fault}`, async () => {
      const { clock, server, writer } = world(faults('none', fault, fault, fault));
      const { written, present, refused } = await finished(clock, writer.deliver(many(500)));
      assert.deepEqual(refused, []);
      assert.equal(written + present, 500);
      assert.equal(server.stored.size, 500);
      assert.ok(writer.counters.repeated > 0);
    });
  }

  it('gives back what will never be taken, with reason and origin, and writes the rest', async () => {
    const { clock, server, writer } = world();
    const bad = [documentOf('bad', { poison: 1 }), documentOf(''), documentOf('ü'.repeat(257)), documentOf('\ud800')];
    const { written, refused } = await finished(clock, writer.deliver([...many(50), ...bad, ...many(50, 'e')]));
    assert.equal(written, 100);
    assert.equal(server.stored.size, 100);
    assert.deepEqual(
      refused.map((r) => r.code),
      ['bad_id', 'bad_id', 'bad_id', 'bad_document'],
    );
    const last = refused.at(-1);
    assert.deepEqual(
      [last?.id, last?.origin, String(last?.document)],
      ['bad', 'topic/0/bad', '{"id":"bad","poison":1}'],
    );
    assert.match(last?.reason ?? '', /^400 document_parsing_exception/);
  });

  it('tells for how long nothing that waits has had an answer', async () => {
    let isDown = true;
    const { clock, writer } = world({ faultOf: () => (isDown ? 'busy' : 'none') });
    await clock.advance(60_000);
    assert.equal(writer.stuckMs, 0, 'nothing waits');
    const delivery = writer.deliver(many(10));
    await clock.advance(20_000);
    assert.equal(writer.stuckMs, 20_000);
    assert.ok(writer.isFailing);
    isDown = false;
    await finished(clock, delivery);
    assert.deepEqual([writer.stuckMs, writer.isFailing], [0, false]);
  });

  it('does not send what was abandoned, and has room again', async () => {
    let isDown = true;
    const { clock, server, writer } = world({ faultOf: () => (isDown ? 'down' : 'none') });
    const abandoned = new AbortController();
    const given = writer.deliver(many(500, 'gone'), abandoned.signal);
    const kept = writer.deliver(many(5, 'kept'));
    await clock.advance(10_000);
    assert.ok(writer.pendingBytes > 0);
    abandoned.abort();
    isDown = false;
    assert.equal((await finished(clock, kept)).written, 5);
    assert.equal(writer.pendingBytes, 0);
    assert.equal([...server.stored.keys()].filter((id) => id.includes('kept')).length, 5);
    assert.ok(server.stored.size < 505, 'the rest was taken back');
    assert.equal(await Promise.race([given, 'no answer']), 'no answer');
  });

  it('takes the longest id that Elasticsearch takes', async () => {
    const { clock, writer } = world();
    assert.equal((await finished(clock, writer.deliver([documentOf('ü'.repeat(256))]))).written, 1);
  });

  it('finds the one document that spoils a whole request', async () => {
    const { clock, server, writer } = world();
    const { written, refused } = await finished(clock, writer.deliver([...many(60), documentOf('s', { spoils: 1 })]));
    assert.deepEqual([written, refused.map((r) => r.id), server.stored.size], [60, ['s'], 60]);
  });

  it('makes requests smaller for a server that takes less, and goes on with that size', async () => {
    const { clock, server, writer } = world({ bytesMax: 20_000 }, { ...small, bodyBytes: 250_000 });
    const { written, refused } = await finished(
      clock,
      writer.deliver([...many(1000), documentOf('big', { text: 'x'.repeat(25_000) })]),
    );
    assert.deepEqual([written, refused.map((r) => [r.id, r.code])], [1000, [['big', 'too_large']]]);
    const before = server.requests;
    await finished(clock, writer.deliver(many(1000, 'again')));
    assert.ok(server.requests - before < before, 'the size is remembered');
  });

  it('gives up a document on which the server fails again and again, and only that', async () => {
    const { clock, server, writer } = world();
    const { written, refused } = await finished(clock, writer.deliver([...many(20), documentOf('b', { breaks: 1 })]));
    assert.deepEqual([written, refused.map((r) => [r.id, r.code])], [20, [['b', 'failing']]]);
    assert.equal(server.requests, small.doubtsMax);
  });

  it('sends a document that is larger than a body by itself', async () => {
    const { clock, server, writer } = world();
    await finished(
      clock,
      writer.deliver([documentOf('a'), documentOf('big', { text: 'x'.repeat(50_000) }), documentOf('c')]),
    );
    assert.equal(server.stored.size, 3);
  });

  it('waits while too much is pending, and says so', async () => {
    const { clock, server, writer } = world({ faultOf: () => (clock.now() < 600_000 ? 'unreachable' : 'none') });
    let most = 0;
    const deliveries = many(3000).map((d) => writer.deliver([d]));
    for (let s = 0; s < 600; s += 10) {
      await clock.advance(10_000);
      most = Math.max(most, writer.pendingBytes);
      assert.ok(writer.saturated);
    }
    assert.ok(most < small.pendingBytesMax + 1000, `${most} bytes pending`);
    assert.ok(server.requests < 200, `${server.requests} attempts in ten minutes`);
    await finished(clock, Promise.all(deliveries));
    assert.equal(server.stored.size, 3000);
    assert.equal(writer.pendingBytes, 0);
    assert.equal(writer.saturated, false);
  });

  it('comes back from an outage with one request, not with all of them', async () => {
    const { clock, server, writer } = world({
      faultOf: (request) => (request < 12 ? 'unreachable' : 'none'),
      answerMs: 100,
    });
    const done = writer.deliver(many(200));
    while (server.requests < 8) await clock.advance(100);
    server.underWayMost = 0;
    while (server.requests < 12) await clock.advance(10);
    assert.equal(server.underWayMost, 1);
    await finished(clock, done);
  });

  it('tells when trouble begins and when it is over', async () => {
    const { clock, writer, troubles } = world(faults('down', 'down', 'busy', 'unreachable'));
    await finished(clock, writer.deliver([documentOf('a')]));
    assert.deepEqual(
      troubles.map((t) => t?.trouble),
      ['overloaded', 'unreachable', undefined],
    );
  });

  it('waits as long as Retry-After says', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const writer = new BulkWriter(
      {
        async post(_, documents) {
          times.push(clock.now());
          if (times.length === 1) return { kind: 'again', trouble: 'overloaded', reason: '429', retryAfter: '9' };
          return { kind: 'items', verdicts: documents.map(() => ({ kind: 'written', index: 'i' })) };
        },
        clock,
        random: () => 0,
        epochMs: () => 0,
      },
      small,
    );
    await finished(clock, writer.deliver([documentOf('a')]));
    assert.deepEqual(times, [0, 9000]);
  });

  it('one index that is blocked does not keep the others out', async () => {
    const clock = new VirtualClock();
    const written = new Set<string>();
    const writer = new BulkWriter(
      {
        async post(_, documents) {
          await clock.wait(5);
          return {
            kind: 'items',
            verdicts: documents.map(({ target, id }) => {
              if (target === 'blocked') return { kind: 'again', trouble: 'overloaded', reason: '503' };
              written.add(id);
              return { kind: 'written', index: target };
            }),
          };
        },
        clock,
        random: () => 1,
        epochMs: () => 0,
      },
      { ...small, bodyBytes: 1024 },
    );
    const blocked = many(40, 'b').map((d) => ({ ...d, target: 'blocked' }));
    writer.deliver(blocked).catch(() => undefined);
    await clock.advance(60_000);
    await finished(clock, writer.deliver(many(100)), 600_000);
    assert.equal(written.size, 100);
    await finished(
      clock,
      writer.close(1000).catch(() => undefined),
    );
  });

  it('close sends what is left, and takes nothing more', async () => {
    const { clock, server, writer } = world({ answerMs: 1000 });
    const deliveries = many(300).map((d) => writer.deliver([d]));
    await finished(clock, writer.close(30_000), 30_000);
    assert.equal(server.stored.size, 300);
    await finished(clock, Promise.all(deliveries));
    await assert.rejects(writer.deliver([documentOf('late')]), { code: 'INDEX_UNAVAILABLE' });
  });

  it('close gives up at its deadline, and whoever waits gets to know', async () => {
    const { clock, writer } = world({ faultOf: () => 'down' });
    const deliveries = many(1000).map((d) => writer.deliver([d]));
    const outcomes = Promise.allSettled(deliveries);
    await assert.rejects(finished(clock, writer.close(5000), 5001), { code: 'INDEX_UNAVAILABLE' });
    assert.ok((await outcomes).every((o) => o.status === 'rejected'));
  });

  it('in any storm of faults: nothing lost, nothing refused without need, memory bounded', async () => {
    const fault = fc.constantFrom<Fault>(
      'none',
      'none',
      'unreachable',
      'lost',
      'partly',
      'hang',
      'cut',
      'busy',
      'down',
      'some-busy',
      'disk-full',
    );
    const storm = fc.record({
      list: fc.array(fault, { maxLength: 60 }),
      bytesMax: fc.constantFrom(2000, 10_000, 1e9),
      sizes: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 8 }),
      answerMs: fc.integer({ min: 1, max: 3000 }),
    });
    await fc.assert(
      fc.asyncProperty(storm, async ({ list, bytesMax, sizes, answerMs }) => {
        const { clock, server, writer } = world({ ...faults(...list), bytesMax, answerMs });
        const deliveries = sizes.map((n, i) => [
          ...many(n, `s${i}-`),
          documentOf(`bad${i}`, { poison: 1 }),
          documentOf(`ugly${i}`, { spoils: 1 }),
        ]);
        const results: readonly Delivery[] = await finished(
          clock,
          Promise.all(deliveries.map((d) => writer.deliver(d))),
          24 * HOUR_MS,
        );
        const total = sizes.reduce((sum, n) => sum + n, 0);
        assert.equal(server.stored.size, total);
        assert.equal(
          results.reduce((sum, r) => sum + r.written + r.present, 0),
          total,
        );
        assert.deepEqual(
          results.flatMap((r) => r.refused.map((one) => one.id)).sort(),
          sizes.flatMap((_, i) => [`bad${i}`, `ugly${i}`]).sort(),
        );
        assert.equal(writer.pendingBytes, 0);
        assert.ok(server.underWayMost <= small.requestsMax);
      }),
      { numRuns: 150 },
    );
  });
});
