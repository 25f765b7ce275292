/** Trains the real candidates on a small world, with the outcomes as they were and with outcomes dealt out at random. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { measure, prepareSet } from '../../../cli/training.ts';
import { newRandom, shuffle } from '../../../models/math/random.ts';
import type { CandidateFigures } from '../../../models/prediction/assess.ts';
import type { AttemptRecord } from '../../../models/prediction/attempt.ts';
import { splitByTime } from '../../../models/prediction/split.ts';
import { worldAttempts } from './thin-world.ts';

const records = worldAttempts(3000, 5200);
const options = { seed: 1, jobs: 2, quiet: true, checkpoints: undefined };

async function figuresOf(list: readonly AttemptRecord[]): Promise<ReadonlyMap<string, CandidateFigures>> {
  const set = prepareSet(list, true);
  const { assessment } = await measure(set, splitByTime(set), options);
  return new Map(assessment.figures.map((f) => [f.name, f]));
}

/** Outcomes change places; who, when and where stays. Only a leak can still tell them apart. */
function dealtOut(list: readonly AttemptRecord[]): readonly AttemptRecord[] {
  const order = Uint32Array.from(list, (_, i) => i);
  shuffle(order, newRandom(5));
  return list.map((record, i) => {
    const other = list[order[i] ?? i] ?? record;
    return {
      ...record,
      decision: { ...other.decision, at: record.attempt.at + (other.decision.at - other.attempt.at) },
    };
  });
}

describe('measuring candidates', () => {
  test('the models beat rules that anybody could write down', async () => {
    const figures = await figuresOf(records);
    const auprc = (name: string): number => figures.get(name)?.all.auprc ?? Number.NaN;
    for (const name of ['trees', 'lstm', 'ensemble'])
      assert.ok(
        auprc(name) > auprc('persistence') + 0.05,
        `${name} ${auprc(name)}, persistence ${auprc('persistence')}`,
      );
  });

  test('with outcomes dealt out at random nothing can be told', async () => {
    const figures = await figuresOf(dealtOut(records));
    for (const name of ['rates', 'logistic', 'trees', 'lstm', 'ensemble']) {
      const auroc = figures.get(name)?.all.auroc ?? Number.NaN;
      // 440 rows with 12 % failures: a standard error of 0.05.
      assert.ok(Math.abs(auroc - 0.5) < 0.13, `${name}: AUROC ${auroc}`);
    }
  });
});
