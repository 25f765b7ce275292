/** The ONNX file says to onnxruntime what it says to us: every kind of model, on real windows of the thinned world. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { initialWeights } from '../../models/math/lstm-window-net.ts';
import { fitLinear, fitTreesFor, NET_SHAPE, prepareRows } from '../../models/prediction/fit-parts.ts';
import { readOnnx } from '../../models/prediction/onnx-read.ts';
import { writeOnnx } from '../../models/prediction/onnx-write.ts';
import { inSinglePrecision, ModelReader, type PredictionModel } from '../../models/prediction/prediction-model.ts';
import { Predictor } from '../../models/prediction/predictor.ts';
import { buildTrainingSet } from '../../models/prediction/training-set.ts';
import { STEP_INPUTS, STEPS_MAX, writeWindow } from '../../models/prediction/window.ts';
import { worldAttempts } from '../models/prediction/thin-world.ts';
import { succeed } from './command.ts';

const PACKAGE = join(import.meta.dirname, '..', 'onnx-parity');
const TOLERANCE = 1e-6;
const folder = mkdtempSync(join(tmpdir(), 'imapwhy-onnx-'));
const records = worldAttempts(0, 3000);

const set = buildTrainingSet(records);
const prepared = prepareRows(
  set,
  Uint32Array.from(set.labels, (_, row) => row),
);
const trees = fitTreesFor(set, prepared, 60, 1, () => {});
const linear = fitLinear(set, prepared, 'all');
// Weights as they begin: a net need not be good to be computed right.
const net = { shape: NET_SHAPE, weights: initialWeights(NET_SHAPE, 1, -1) };
const parts = { scaling: prepared.scaling, net: undefined, trees: undefined, linear: undefined };
const models = (
  [
    { ...parts, kind: 'ensemble', net, trees, blend: { bias: 0.1, net: 0.6, trees: 0.5, linear: 0 } },
    { ...parts, kind: 'lstm', net, blend: { bias: -0.2, net: 1.3, trees: 0, linear: 0 } },
    { ...parts, kind: 'trees', trees, blend: { bias: 0.05, net: 0, trees: 0.9, linear: 0 } },
    { ...parts, kind: 'logistic', linear, blend: { bias: 0, net: 0, trees: 0, linear: 1.1 } },
  ] satisfies readonly PredictionModel[]
).map(inSinglePrecision);

describe('onnxruntime', () => {
  before(async () => {
    await succeed('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], {
      cwd: PACKAGE,
      env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
    });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const model of models) {
    test(`agrees with us on a model of kind ${model.kind}`, async () => {
      const bytes = writeOnnx(model, 'test');
      const file = join(folder, `${model.kind}.onnx`);
      writeFileSync(file, bytes);
      const read = readOnnx(bytes);
      assert.ok(read);
      const { queries, own } = ask(read);
      const theirs = await risksOf(file, queries);
      assert.equal(theirs.length, own.length);
      const worst = Math.max(...theirs.map((risk, i) => Math.abs(risk - (own[i] ?? Number.NaN))));
      assert.ok(worst < TOLERANCE, `worst difference ${worst}`);
    });
  }
});

/** Every seventh attempt as a query, and our own answer. The first one has an empty window. */
function ask(model: PredictionModel): { readonly queries: readonly string[]; readonly own: readonly number[] } {
  const predictor = new Predictor(model, 0.1);
  const reader = new ModelReader(model);
  const queries: string[] = [];
  const own: number[] = [];
  for (const [i, record] of records.entries()) {
    predictor.next(record);
    if (i % 7 !== 0) continue;
    const { at } = record.attempt;
    const { window, features } = predictor;
    const events = new Float64Array(STEPS_MAX * STEP_INPUTS.length);
    writeWindow(window, at, events);
    queries.push(
      JSON.stringify({
        query: [...features.values], // NaN becomes null
        events: [...events],
        length: window.length,
        steps: STEPS_MAX,
        inputs: STEP_INPUTS.length,
      }),
    );
    own.push(1 / (1 + Math.exp(-reader.margin(features.values, window, at))));
  }
  return { queries, own };
}

function risksOf(file: string, queries: readonly string[]): Promise<readonly number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  const child = spawn(process.execPath, [join(PACKAGE, 'risks.mjs'), file], { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.on('error', reject);
  child.on('close', () => resolve(out.trim().split('\n').map(Number)));
  child.stdin.end(`${queries.join('\n')}\n`);
  return promise;
}
