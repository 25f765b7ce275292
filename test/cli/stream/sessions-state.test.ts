import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checked } from '../../../cli/run-config.ts';
import { startService } from '../../../cli/stream/service.ts';
import { SessionsStateReader, type StatePart } from '../../../cli/stream/sessions-state.ts';
import { topicsOf } from '../../../cli/stream/topics.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { newSession } from '../../../processors/correlate/session.ts';
import { bodyOf, writeStored } from '../../../processors/correlate/stored-session.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { newRedaction } from '../../../processors/redact.ts';
import { until } from '../../servers/until.ts';
import { TEST_KEY } from './in-memory.ts';
import { MemoryCluster, MemoryKafka } from './memory-kafka.ts';

const standing = { closed: false, shared: false, found: true, foundBefore: false };
const core = {
  sessions: { now: null, reached: null, serial: 9, evicted: 0, late: 0, joined: 0, heard: [] },
  units: [],
  next: 1,
};

function session(serial: number, text: string) {
  const s = newSession('connection', serial, 1000, 1, 'dovecot.login');
  s.texts = [text];
  s.lineKinds = ['dovecot.login/logged-in'];
  s.lines = [1, 2, 1000];
  return s;
}
const written = (serial: number, text: string): string => {
  const s = session(serial, text);
  return writeStored({ head: s, body: bodyOf(s), ...standing });
};

/** The parts of a topic that has these records, in turn. */
function partsOf(reader: SessionsStateReader, records: readonly (readonly [string, string | null])[]): StatePart[] {
  const parts = new Map<string, StatePart>();
  for (const [key, value] of records) {
    const part = reader.read(key, value === null ? null : Buffer.from(value), parts.get(key));
    parts.delete(key);
    if (part !== undefined) parts.set(key, part);
  }
  return [...parts.values()];
}

describe('the state of a partition of sessions', () => {
  test('the newest record of each key counts, whichever release wrote it, and one without a value takes it away', () => {
    const reader = new SessionsStateReader();
    const parts = partsOf(reader, [
      ['s 1', JSON.stringify({ session: session(1, 'before'), ...standing })],
      ['s 2', JSON.stringify({ session: session(2, 'old'), ...standing })],
      ['s 3', written(3, 'gone')],
      ['s 1', written(1, 'now')],
      ['s 3', null],
      ['a __proto__', '{"users":["anna"],"generation":1}'],
      ['x of a later release', 'no JSON'],
      ['core', JSON.stringify(core)],
    ]);
    const stored = reader.stored(parts);
    assert.ok(stored !== undefined && !('kind' in stored));
    assert.deepEqual(
      stored.sessions.map(({ session: s }) => stored.resting.wake(s).texts),
      [['old'], ['now']],
    );
    assert.deepEqual(stored.addresses, [['__proto__', { users: ['anna'], generation: 1 }]]);
  });

  test('without its core there is none', () => {
    const reader = new SessionsStateReader();
    assert.equal(reader.stored(partsOf(reader, [['s 1', written(1, 'a')]])), undefined);
  });

  test('what a later release wrote is refused, with what to do', async () => {
    const names = topicsOf('t');
    const cluster = new MemoryCluster();
    cluster.create('raw', 1);
    cluster.create(names.sessionsState, 1);
    const records = [
      ['s 1', '[3,4,1,1000,1000]\n[]'],
      ['core', JSON.stringify(core)],
    ] as const;
    cluster.append(
      records.map(([key, value]) => ({
        topic: names.sessionsState,
        partition: 0,
        key: Buffer.from(key),
        value: Buffer.from(value),
      })),
    );
    const config = checked(
      {
        kafka: { brokers: ['nowhere:1'], topic_prefix: 't' },
        roles: ['correlate'],
        inputs: [{ topic: 'raw' }],
        partitions: 1,
      },
      'test',
    );
    const said: string[] = [];
    const world = { redaction: newRedaction(TEST_KEY), model: SHIPPED_MODEL, timers: DEFAULT_TIMERS };
    const kafka = new MemoryKafka(cluster);
    const log = (line: string): void => {
      said.push(line);
    };
    const service = await startService(config, { ...world, kafka, log });
    const told = /t\.sessions\.state\/0: "s 1" is in a form that this release does not know: .*another topic_prefix/;
    await until('it is told', async () => said.some((line) => told.test(line)), 10_000);
    assert.deepEqual(
      said.filter((line) => line.includes('    at ')),
      [],
      'no stack trace',
    );
    await service.stop();
    await kafka.close();
  });
});
