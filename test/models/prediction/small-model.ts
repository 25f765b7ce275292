/** A real model of the small world, fitted in a second: trees alone, uncalibrated. */
import { fitTreesFor, prepareRows } from '../../../models/prediction/fit-parts.ts';
import type { UsableModel } from '../../../models/prediction/forecast.ts';
import { inSinglePrecision } from '../../../models/prediction/prediction-model.ts';
import { buildTrainingSet } from '../../../models/prediction/training-set.ts';
import { worldAttempts } from './thin-world.ts';

export function smallModel(attempts = 2000, trees = 20): UsableModel {
  const set = buildTrainingSet(worldAttempts(0, attempts));
  const prepared = prepareRows(
    set,
    Uint32Array.from(set.labels, (_, row) => row),
  );
  const model = inSinglePrecision({
    kind: 'trees',
    scaling: prepared.scaling,
    net: undefined,
    trees: fitTreesFor(set, prepared, trees, 1, () => {}),
    linear: undefined,
    blend: { bias: 0, net: 0, trees: 1, linear: 0 },
  });
  const figures = { auprc: 0.5, auroc: 0.8, accuracy: 0.9, brier_skill: 0.3, ece: 0.01, failure_rate: 0.13 };
  return {
    model,
    name: 'trees-00000000',
    side: {
      format: 1,
      engine: 'test',
      kind: 'trees',
      model_sha256: '',
      features: [],
      step_inputs: [],
      scaling: prepared.scaling,
      blend: {},
      threshold: 0.2,
      base_rate: 0.13,
      trained_on: {
        from: '2026-03-02T00:00:00.000Z',
        to: '2026-03-06T00:00:00.000Z',
        attempts,
        clients: 48,
        failed: 200,
        sha256: '',
        seed: 1,
      },
      card: { ...figures, from: '2026-03-05', to: '2026-03-06', mean_risk: 0.13 },
    },
  };
}
