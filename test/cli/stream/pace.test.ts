/** One input that is far behind in event time must not make the others' events pile up in memory. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checked } from '../../../cli/run-config.ts';
import type { Progress } from '../../../cli/stream/messages.ts';
import { Pace } from '../../../cli/stream/pace.ts';
import { startService } from '../../../cli/stream/service.ts';
import { endOfInput } from '../../../ingest/kafka/raw-record.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { newRedaction } from '../../../processors/redact.ts';
import { until } from '../../servers/until.ts';
import { dovecotId, NEAR } from '../../timed-events.ts';
import { TEST_KEY } from './in-memory.ts';
import { MemoryCluster, MemoryKafka } from './memory-kafka.ts';

const MINUTE = 60_000;
const at = (unit: string, minutes: number | null, more: Partial<Progress> = {}): Progress => ({
  unit,
  reached: minutes === null ? null : NEAR + minutes * MINUTE,
  caughtUp: false,
  ended: false,
  ...more,
});

/** Two partitions, of which the first is ours and may have 10 events waiting. */
function pace(): Pace {
  const p = new Pace(['a/0', 'b/0'], 20);
  p.took(at('a/0', null), 0);
  return p;
}

describe('a partition', () => {
  test('is held when what it gave beyond the slowest one is as much as may wait, and let go when that one has come nearer', () => {
    const p = pace();
    p.note(at('b/0', 0));
    p.gave(at('a/0', 1), 100);
    assert.equal(p.mayGoOn('a/0'), true, 'a minute waits in any case');
    p.gave(at('a/0', 5), 9);
    assert.equal(p.mayGoOn('a/0'), true);
    p.gave(at('a/0', 6), 1);
    assert.equal(p.mayGoOn('a/0'), false);
    p.note(at('b/0', 4));
    assert.equal(p.mayGoOn('a/0'), true);
  });

  test('is held while another one has not been heard of, or has read nothing yet', () => {
    const p = pace();
    p.gave(at('a/0', 5), 50);
    assert.equal(p.mayGoOn('a/0'), false);
    p.note(at('b/0', null));
    assert.equal(p.mayGoOn('a/0'), false);
    p.note(at('b/0', null, { caughtUp: true }));
    assert.equal(p.mayGoOn('a/0'), true, 'there is nothing to be read there');
  });

  test('is never held when it is the one that is behind, or alone', () => {
    const p = pace();
    p.note(at('b/0', 60));
    p.gave(at('a/0', 5), 1_000_000);
    assert.equal(p.mayGoOn('a/0'), true);
    p.note(at('b/0', 0, { ended: true }));
    p.gave(at('a/0', 50), 1_000_000);
    assert.equal(p.mayGoOn('a/0'), true);
  });

  test('that was taken over has waiting what was waiting before', () => {
    const p = new Pace(['a/0', 'b/0'], 20);
    p.note(at('b/0', 0));
    p.took(at('a/0', 30), 9);
    assert.equal(p.mayGoOn('a/0'), true);
    p.gave(at('a/0', 31), 1);
    assert.equal(p.mayGoOn('a/0'), false);
    p.note(at('b/0', 29));
    assert.deepEqual([p.waiting('a/0'), p.mayGoOn('a/0')], [1, true]);
  });

  test('of a topic that is read no more holds up nobody', () => {
    const p = pace();
    p.note(at('b/0', 60));
    p.note(at('gone/0', 0));
    p.gave(at('a/0', 30), 50);
    assert.equal(p.mayGoOn('a/0'), true);
  });
});

const LINES = 20_000;
const HOURS = 5;

function login(i: number, host: string): string {
  const time = NEAR + Math.floor((i * HOURS * 3_600_000) / LINES);
  const ip = `198.51.100.${i % 250}`;
  const clock = new Date(time).toISOString().slice(11, 19);
  return `Nov 24 ${clock} ${host} dovecot: imap-login: Login: user=<u${i}@example.org>, method=PLAIN, rip=${ip}, lip=192.0.2.10, mpid=4000, TLS, session=<${dovecotId(time - 100, 1024 + i, ip)}>`;
}

test('a source that is hours behind holds the others, and in the end everything has been read', async (t) => {
  const cluster = new MemoryCluster();
  for (const topic of ['ahead', 'behind']) cluster.create(topic, 1);
  const send = (topic: string, from: number, to: number): void =>
    cluster.append(
      Array.from({ length: to - from }, (_, i) => {
        const value = Buffer.from(login(from + i, topic));
        return { topic, partition: 0, key: null, value, timestamp: NEAR };
      }),
    );
  send('ahead', 0, LINES);
  const config = checked(
    {
      kafka: { brokers: ['nowhere:1'], topic_prefix: 't' },
      roles: ['parse', 'correlate'],
      inputs: [{ topic: 'ahead' }, { topic: 'behind' }],
      partitions: 2,
      waiting_events: 2000,
      idle_seconds: 3600,
    },
    'test',
  );
  const kafka = new MemoryKafka(cluster, { fetchMax: 100 });
  const world = { redaction: newRedaction(TEST_KEY), model: SHIPPED_MODEL, timers: DEFAULT_TIMERS, log: () => {} };
  const service = await startService(config, { kafka, ...world });
  t.after(async () => {
    await service.stop();
    await kafka.close();
  });
  const readOf = (topic: string): number => cluster.committed.get(`t.parse ${topic}/0`) ?? 0;
  /** What one batch may hold is read beyond the share, since it is only known afterwards. */
  const most = 1000 + (2 << 20) / 250;
  let sent = 0;
  for (const behind of [10, 4000]) {
    send('behind', sent, behind);
    sent = behind;
    await until('the one behind is read', () => readOf('behind') === behind);
    await until('the other one has come nearer', () => readOf('ahead') > behind);
    // It has had every chance to go on: it is held.
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.ok(readOf('ahead') < behind + most, `${readOf('ahead')} lines were read, ${behind} of the one behind`);
    assert.ok(readOf('ahead') < LINES);
  }
  cluster.append([endOfInput({ topic: 'behind', partition: 0 }), endOfInput({ topic: 'ahead', partition: 0 })]);
  await until('everything is read', () => readOf('ahead') === LINES + 1);
});
