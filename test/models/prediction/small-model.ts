/** A real model of the small world, fitted in a second: trees alone, uncalibrated. Saves a training where a test is about something else. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fitTreesFor, prepareRows } from '../../../models/prediction/fit-parts.ts';
import type { UsableModel } from '../../../models/prediction/forecast.ts';
import { FEATURES } from '../../../models/prediction/knowledge.ts';
import { writeOnnx } from '../../../models/prediction/onnx-write.ts';
import { inSinglePrecision } from '../../../models/prediction/prediction-model.ts';
import { MODEL_FORMAT, sideFileText } from '../../../models/prediction/side-file.ts';
import { buildTrainingSet } from '../../../models/prediction/training-set.ts';
import { STEP_INPUTS } from '../../../models/prediction/window.ts';
import { worldAttempts } from './thin-world.ts';

/** Writes it as `train` would, without its card. */
export function writeSmallModel(directory: string, from = 0, to = 2000): void {
  const { model, side } = smallModel(from, to);
  const onnx = writeOnnx(model, 'test');
  const written = { ...side, model_sha256: createHash('sha256').update(onnx).digest('hex') };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'model.onnx'), onnx);
  writeFileSync(join(directory, 'model.json'), sideFileText(written));
}

/** Of attempts of the small world, from one number to another. */
export function smallModel(from = 0, to = 2000): UsableModel {
  const set = buildTrainingSet(worldAttempts(from, to));
  const prepared = prepareRows(
    set,
    Uint32Array.from(set.labels, (_, row) => row),
  );
  const model = inSinglePrecision({
    kind: 'trees',
    scaling: prepared.scaling,
    net: undefined,
    trees: fitTreesFor(set, prepared, 20, 1, () => {}),
    linear: undefined,
    blend: { bias: 0, net: 0, trees: 1, linear: 0 },
  });
  const figures = { auprc: 0.5, auroc: 0.8, accuracy: 0.9, brier_skill: 0.3, ece: 0.01, failure_rate: 0.13 };
  return {
    model,
    name: 'trees-00000000',
    side: {
      format: MODEL_FORMAT,
      engine: 'test',
      kind: 'trees',
      model_sha256: '',
      features: FEATURES,
      step_inputs: STEP_INPUTS,
      scaling: prepared.scaling,
      blend: {},
      threshold: 0.2,
      base_rate: 0.13,
      trained_on: {
        from: new Date(set.at[0] ?? 0).toISOString(),
        to: new Date(set.at.at(-1) ?? 0).toISOString(),
        attempts: set.rows,
        clients: 48,
        failed: 200,
        sha256: '',
        seed: 1,
      },
      card: { ...figures, from: '2026-03-05', to: '2026-03-06', mean_risk: 0.13 },
    },
  };
}
