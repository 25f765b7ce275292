/** However the work is divided, cut, and interrupted: the documents are those of one process over the same files. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { smallModel } from '../../models/prediction/small-model.ts';
import { assertMapped } from '../../outputs/elasticsearch/setup/mapped.ts';
import { type Documents, embedded, rawTopics, streamed } from './in-memory.ts';

const folder = new URL('../../../samples/lab-a/logs', import.meta.url).pathname;
const prediction = smallModel();
const expected = await embedded(folder, false, prediction);
const topics = await rawTopics(folder);

function assertSame(found: Documents): void {
  for (const kind of ['profiles', 'incidents', 'findings', 'likely'] as const) {
    const differences: string[] = [];
    for (const [id, text] of expected[kind])
      if (found[kind].get(id) !== text) differences.push(`${text}\n${found[kind].get(id)}`);
    assert.deepEqual(differences.slice(0, 2), [], `${differences.length} of ${expected[kind].size} ${kind} differ`);
    assert.equal(found[kind].size, expected[kind].size, `no more ${kind} than expected`);
  }
}

test('what is compared is there, and every field of it has a mapping', () => {
  const parsed = (kind: keyof Documents): object[] => [...expected[kind].values()].map((text) => JSON.parse(text));
  assert.ok(expected.likely.size > 100 && expected.findings.size > 10, 'enough to be compared');
  assertMapped(parsed('likely'), 'likely');
  assertMapped(parsed('findings'), 'anomalies');
  assertMapped(parsed('profiles'), 'profiles');
  const told = [...expected.profiles.values()].filter((text) => /"basis":"model"/.test(text));
  assert.ok(told.length > 0.98 * expected.profiles.size, `${told.length} profiles have a risk of the model`);
});

describe('sessions divided among partitions', () => {
  for (const partitions of [1, 2, 8])
    test(`${partitions}: the documents of one process`, () => {
      assertSame(streamed(topics, { partitions, batch: 500, prediction }));
    });

  test('workers that are stopped again and again, and taken up from what they had written down', () => {
    assertSame(streamed(topics, { partitions: 3, batch: 400, restartEvery: 7, prediction }));
  });
});
