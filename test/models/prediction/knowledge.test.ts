import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AttemptRecord } from '../../../models/prediction/attempt.ts';
import { FeatureWriter } from '../../../models/prediction/features.ts';
import { FEATURES, Knowledge } from '../../../models/prediction/knowledge.ts';
import { EventWindow } from '../../../models/prediction/window.ts';
import { worldAttempts } from './thin-world.ts';

const records = worldAttempts(0, 4000);

/** Everything that a model could see of each attempt, as text. */
function seenBy(list: readonly AttemptRecord[]): ReadonlyMap<string, string> {
  const knowledge = new Knowledge(1000);
  const features = new FeatureWriter(FEATURES.length);
  const window = new EventWindow();
  return new Map(
    list.map((record) => {
      knowledge.describe(record.attempt, features, window);
      const steps = Array.from({ length: window.length }, (_, s) => [
        window.relations[s],
        ...Object.values(window.events[s] ?? {}),
      ]);
      knowledge.begin(record);
      return [record.attempt.id, `${features.values.join()} ${steps.join(';')}`];
    }),
  );
}

/** The same attempt with everything turned round that it brought to light. */
function turnedRound(record: AttemptRecord): AttemptRecord {
  const failed = record.decision.kind !== 'ok';
  return {
    ...record,
    decision: {
      at: record.attempt.at + (failed ? 150 : 10_050),
      kind: failed ? 'ok' : 'timeout_tls',
      tcpMs: 50,
      tlsMs: failed ? 60 : 10_000,
      authMs: failed ? 40 : undefined,
      poolUsed: 0.111,
      rekeyed: !record.decision.rekeyed,
    },
  };
}

describe('knowledge', () => {
  const base = seenBy(records);

  test('holds nothing that was not yet decided', () => {
    for (const share of [0.4, 0.7, 0.9]) {
      const until = records[Math.floor(records.length * share)]?.attempt.at ?? 0;
      const other = seenBy(records.map((r) => (r.decision.at > until ? turnedRound(r) : r)));
      for (const { attempt } of records)
        if (attempt.at <= until) assert.equal(other.get(attempt.id), base.get(attempt.id), attempt.id);
    }
  });

  test('holds nothing of the attempt itself', () => {
    for (let i = 99; i < 1500; i += 100) {
      const prefix = records.slice(0, i + 1);
      const last = prefix[i];
      assert.ok(last);
      const other = seenBy([...prefix.slice(0, i), turnedRound(last)]);
      assert.equal(other.get(last.attempt.id), base.get(last.attempt.id));
    }
  });

  test('notices what was decided: the check above can fail', () => {
    const changed = records[200];
    assert.ok(changed);
    const other = seenBy(records.map((r) => (r === changed ? turnedRound(r) : r)));
    assert.ok([...base].some(([id, seen]) => other.get(id) !== seen));
  });

  test('writes as many features as it names', () => {
    const knowledge = new Knowledge(10);
    const features = new FeatureWriter(FEATURES.length);
    const window = new EventWindow();
    for (const record of records.slice(0, 500)) {
      knowledge.describe(record.attempt, features, window);
      assert.equal(features.written, FEATURES.length);
      knowledge.begin(record);
    }
    assert.equal(new Set(FEATURES).size, FEATURES.length);
  });

  test('sees that an attempt is still pending, and for how long', () => {
    const first = records.find((r) => r.decision.kind === 'timeout_tls');
    assert.ok(first);
    const knowledge = new Knowledge(10);
    const features = new FeatureWriter(FEATURES.length);
    const window = new EventWindow();
    knowledge.begin(first);
    knowledge.describe({ ...first.attempt, id: 'next', at: first.attempt.at + 5000 }, features, window);
    assert.equal(features.values[FEATURES.indexOf('client.pending_overdue')], 1);
    assert.equal(features.values[FEATURES.indexOf('client.failure_streak')], 0);
    knowledge.describe({ ...first.attempt, id: 'later', at: first.decision.at + 1 }, features, window);
    assert.equal(features.values[FEATURES.indexOf('client.pending_overdue')], 0);
    assert.equal(features.values[FEATURES.indexOf('client.failure_streak')], Math.log1p(1));
  });

  test('forgets the key that was used longest ago when there are too many', () => {
    const knowledge = new Knowledge(4);
    const one = records[0];
    assert.ok(one);
    const known = (client: string, at: number): number => {
      const features = new FeatureWriter(FEATURES.length);
      knowledge.describe({ ...one.attempt, client, at }, features, new EventWindow());
      return features.values[FEATURES.indexOf('client.known')] ?? Number.NaN;
    };
    for (let i = 0; i < 10; i++) {
      const at = one.attempt.at + i * 1000;
      knowledge.begin({
        ...one,
        attempt: { ...one.attempt, client: `client${i}`, at },
        decision: { ...one.decision, at: at + 1 },
      });
    }
    assert.ok(known('client9', one.attempt.at + 20_000) > 0);
    assert.equal(known('client0', one.attempt.at + 20_000), 0);
  });

  test('hostile names are only names', () => {
    const one = records[0];
    assert.ok(one);
    const knowledge = new Knowledge(10);
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty', ''])
      knowledge.begin({ ...one, attempt: { ...one.attempt, client: name, server: name, tunnel: name, network: name } });
    knowledge.advance(Number.POSITIVE_INFINITY);
    assert.equal(knowledge.decided, 4);
  });
});
