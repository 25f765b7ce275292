import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fitTreesFor, prepareRows } from '../../../models/prediction/fit-parts.ts';
import { Outlook } from '../../../models/prediction/outlook.ts';
import { inSinglePrecision } from '../../../models/prediction/prediction-model.ts';
import { Predictor } from '../../../models/prediction/predictor.ts';
import { buildTrainingSet } from '../../../models/prediction/training-set.ts';
import { worldAttempts } from './thin-world.ts';

const records = worldAttempts(0, 4000);
const set = buildTrainingSet(records);
const prepared = prepareRows(
  set,
  Uint32Array.from(set.labels, (_, row) => row),
);
const model = inSinglePrecision({
  kind: 'trees',
  scaling: prepared.scaling,
  net: undefined,
  trees: fitTreesFor(set, prepared, 40, 1, () => {}),
  linear: undefined,
  blend: { bias: 0, net: 0, trees: 1, linear: 0 },
});

describe('who is likely to fail next', () => {
  // The moment after a client has just failed for the third time in a row.
  const streaks = new Map<string, number>();
  const stop = records.findIndex(({ attempt, decision }, i) => {
    const streak = decision.kind === 'ok' ? 0 : (streaks.get(attempt.client ?? '') ?? 0) + 1;
    streaks.set(attempt.client ?? '', streak);
    return i > 2000 && streak >= 3 && decision.kind === 'auth_failed';
  });
  const failing = records[stop];
  const predictor = new Predictor(model, 0.13);
  const outlook = new Outlook();
  for (const record of records.slice(0, stop + 1)) {
    predictor.next(record);
    outlook.note(record.attempt);
  }
  const at = (failing?.decision.at ?? 0) + 1;
  const likely = outlook.at(at, predictor, model.scaling, 0.3, 10);

  test('names the client that keeps failing, and why', () => {
    const found = likely.find((l) => l.client === failing?.attempt.client);
    assert.ok(found, 'the client is on the list');
    assert.ok(found.risk >= 0.3 && found.tries > 0 && found.tries <= 1);
    assert.match(
      found.reasons.map((r) => r.what).join('; '),
      /its last \d+ attempts failed|its token has been refused/,
    );
    assert.ok(found.reasons.every((r) => r.weight > 0));
  });

  test('is short, in order, and over the threshold', () => {
    assert.ok(likely.length <= 10 && likely.every((l) => l.risk >= 0.3));
    const chances = likely.map((l) => l.risk * l.tries);
    assert.deepEqual(
      chances,
      chances.toSorted((a, b) => b - a),
    );
    assert.doesNotMatch(JSON.stringify(likely), /undefined|NaN/);
  });

  test('asking changes nothing', () => {
    assert.deepEqual(outlook.at(at, predictor, model.scaling, 0.3, 10), likely);
  });

  test('warns of nobody before there is a history', () => {
    const cold = new Predictor(model, 0.13);
    const first = new Outlook();
    for (const record of records.slice(0, 20)) {
      cold.next(record);
      first.note(record.attempt);
    }
    assert.deepEqual(first.at((records[20]?.attempt.at ?? 0) + 1, cold, model.scaling, 0.01, 10), []);
  });
});
