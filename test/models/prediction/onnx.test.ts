/** Our own reading of what we wrote; `npm run test:servers` asks onnxruntime. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { initialWeights } from '../../../models/math/lstm-window-net.ts';
import { newRandom } from '../../../models/math/random.ts';
import { NET_SHAPE } from '../../../models/prediction/fit-parts.ts';
import { FEATURES } from '../../../models/prediction/knowledge.ts';
import { readOnnx } from '../../../models/prediction/onnx-read.ts';
import { writeOnnx } from '../../../models/prediction/onnx-write.ts';
import { inSinglePrecision, modelFault, type PredictionModel } from '../../../models/prediction/prediction-model.ts';

const model: PredictionModel = inSinglePrecision({
  kind: 'ensemble',
  scaling: { mean: FEATURES.map((_, i) => i / 7), deviation: FEATURES.map((_, i) => 1 + i / 3) },
  net: { shape: NET_SHAPE, weights: initialWeights(NET_SHAPE, 1, -1) },
  trees: {
    base: -1.9,
    trees: [
      {
        feature: [3, -1, -1],
        threshold: [0.25, 0, 0],
        missingLeft: [true, false, false],
        left: [1, 0, 0],
        value: [0, -0.1, 0.3],
      },
      { feature: [-1], threshold: [0], missingLeft: [false], left: [0], value: [0.05] },
    ],
  },
  linear: { bias: 0.1, weights: FEATURES.map((_, i) => Math.sin(i)) },
  blend: { bias: 0.01, net: 0.5, trees: 0.6, linear: 0.2 },
});
const bytes = writeOnnx(model, '1.0');

describe('the ONNX file', () => {
  test('gives back what was written', () => {
    assert.deepEqual(readOnnx(bytes), model);
    assert.equal(modelFault(model, FEATURES.length), undefined);
  });

  test('of damaged bytes gives a model, or none, and never throws', () => {
    const random = newRandom(9);
    for (let i = 0; i < 200; i++) {
      const damaged = Buffer.from(bytes);
      for (let k = 0; k < 3; k++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      readOnnx(damaged.subarray(0, Math.floor(random() * damaged.length)));
      readOnnx(damaged);
    }
    assert.equal(readOnnx(Buffer.from('no model')), undefined);
    assert.equal(readOnnx(Buffer.alloc(0)), undefined);
  });

  test('with parts that do not fit is found out', () => {
    assert.equal(modelFault(model, FEATURES.length + 1), 'scaling');
    const circular = {
      base: 0,
      trees: [{ feature: [0, 0], threshold: [0, 0], missingLeft: [true, true], left: [0, 0], value: [0, 0] }],
    };
    assert.equal(modelFault({ ...model, trees: circular }, FEATURES.length), 'trees');
    const { net: _, trees: __, linear: ___, ...rest } = model;
    assert.match(
      modelFault({ ...rest, net: undefined, trees: undefined, linear: undefined }, FEATURES.length) ?? '',
      /none/,
    );
  });
});
