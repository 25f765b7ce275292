import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { EPOCH_MAX, parseWeights, weightsText } from '../../../models/cause/weights-file.ts';

const text = weightsText(SHIPPED_MODEL);
interface WeightsFile {
  epoch: number;
  more: number;
  weights: Record<string, unknown>;
}
/** The shipped file after a change. */
const changed = (change: (file: WeightsFile) => void): string => {
  const file = JSON.parse(text);
  change(file);
  return JSON.stringify(file);
};

describe('a file of weights', () => {
  test('is read as it was written', () => {
    assert.deepEqual(parseWeights(text), { kind: 'model', model: SHIPPED_MODEL });
  });

  test('is refused with what is wrong', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /is no JSON/],
      [text.slice(0, -20), /is no JSON/],
      ['null', /has no epoch/],
      ['[]', /has no epoch/],
      ['{"epoch":1}', /has no weights for base/],
      [changed((f) => Reflect.deleteProperty(f, 'weights')), /lacks the evidence completed, .* and \d+ more/],
      [changed((f) => delete f.weights.completed), /lacks the evidence completed$/],
      [changed((f) => (f.weights.gremlins = {})), /names gremlins, which is no evidence/],
      [changed((f) => (f.weights.completed = { gremlins: 1 })), /names the cause gremlins under completed/],
      [changed((f) => (f.weights.completed = { none: 'much' })), /weight for none under completed that is no number/],
      [changed((f) => (f.weights.completed = { none: 31 })), /no number from -30 to 30/],
      [changed((f) => (f.weights.completed = { none: null })), /is no number/],
      [changed((f) => (f.weights.completed = [])), /has no weights for completed/],
      [changed((f) => (f.more = 1)), /has more, which is no part of it/],
      [changed((f) => (f.epoch = 0)), new RegExp(`whole number from 1 to ${EPOCH_MAX}`)],
      [changed((f) => (f.epoch = 1.5)), /whole number/],
      [changed((f) => (f.epoch = EPOCH_MAX + 1)), /whole number/],
      [text.replace('"weights": {', '"weights": { "__proto__": {"none": 9},'), /names __proto__, which is no evidence/],
      [text.replace('"base": {', '"base": { "__proto__": 9,'), /names the cause __proto__ under base/],
    ];
    for (const [file, problem] of cases) {
      const read = parseWeights(file);
      assert.ok(read.kind === 'problem', file.slice(0, 80));
      assert.match(read.problem, problem);
    }
  });
});
