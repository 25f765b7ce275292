/** analyze --model: profiles carry the risk that predict gives, and what is likely next is a document of its own. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { worldLines } from '../models/prediction/thin-world.ts';
import { at, imapwhy, ndjson, workplace } from './run.ts';

const SAMPLE = join(import.meta.dirname, '..', '..', 'samples', 'lab-a', 'logs');

describe('analyze with a model', () => {
  test('puts the same risks onto profiles that predict gives', async (t) => {
    const place = workplace(t);
    const model = join(place.path, 'model');
    const world = place.write('world.ndjson', worldLines(3000, 5000).join('\n'));
    const trained = await imapwhy(['train', '--from', world, '--out', model, '--quiet']);
    assert.equal(trained.code, 0, trained.stderr);
    const analysed = await place.analyze([join(SAMPLE, 'mail.log.gz'), '--tz', 'UTC', '--model', model, '--quiet']);
    assert.equal(analysed.code, 0, analysed.stderr);
    const profiles = place.documents('profiles');
    assert.ok(profiles.length > 1000);
    const predicted = await imapwhy(['predict', '--model', model, join(place.out, 'profiles.ndjson')]);
    const risks = new Map(ndjson(predicted.stdout).map((p) => [at(p, 'id'), at(p, 'risk')]));
    for (const profile of profiles) {
      const id = at(profile, 'imapwhy.session.id');
      assert.equal(at(profile, 'imapwhy.prediction.risk'), risks.get(id), String(id));
      assert.match(
        String(at(profile, 'imapwhy.prediction.model')),
        /^(ensemble|lstm|trees|logistic|rates)-[0-9a-f]{8}$/,
      );
    }
    assert.match(analysed.stderr, /101 attempts began before anything was known/);
    const likely: unknown = JSON.parse(readFileSync(join(place.out, 'likely-to-fail.json'), 'utf8'));
    assert.equal(at(likely, 'horizon_minutes'), 15);
    assert.deepEqual(
      readdirSync(place.out).filter((name) => name.startsWith('.')),
      [],
      'no file of profiles that waited is left',
    );
  });

  test('without a model there is no risk, not a wrong one', async (t) => {
    const place = workplace(t);
    const analysed = await place.analyze([join(SAMPLE, 'mail.log.gz'), '--model', join(place.path, 'none')]);
    assert.equal(analysed.code, 2);
    assert.match(analysed.stderr, /no such model directory\. imapwhy train/);
  });
});
