/** analyze --model: profiles carry the risk that predict gives, but for what only finished profiles tell; and what is likely next is a document of its own. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { examineModel } from '../../cli/doctor.ts';
import { writeSmallModel } from '../models/prediction/small-model.ts';
import { at, imapwhy, ndjson, workplace } from './run.ts';

const SAMPLE = join(import.meta.dirname, '..', '..', 'samples', 'lab-a', 'logs');

describe('analyze with a model', () => {
  test('puts the same risks onto profiles that predict gives', async (t) => {
    const place = workplace(t);
    const model = join(place.path, 'model');
    writeSmallModel(model);
    const analysed = await place.analyze([join(SAMPLE, 'mail.log.gz'), '--tz', 'UTC', '--model', model, '--quiet']);
    assert.equal(analysed.code, 0, analysed.stderr);
    const profiles = place.documents('profiles');
    assert.ok(profiles.length > 1000);
    const predicted = await imapwhy(['predict', '--model', model, join(place.out, 'profiles.ndjson')]);
    const risks = new Map(ndjson(predicted.stdout).map((p) => [at(p, 'id'), at(p, 'risk')]));
    const other = profiles.filter(
      (p) => at(p, 'imapwhy.prediction.risk') !== risks.get(at(p, 'imapwhy.session.id')),
    ).length;
    // Finished profiles tell a little more than was known when the risk was told.
    assert.ok(other <= profiles.length / 1000, `${other} of ${profiles.length} have another risk than predict gives`);
    for (const profile of profiles)
      assert.match(String(at(profile, 'imapwhy.prediction.model')), /^trees-[0-9a-f]{8}$/);
    assert.match(analysed.stderr, /101 attempts began before anything was known, or were told of too late/);
    const likely: unknown = JSON.parse(readFileSync(join(place.out, 'likely-to-fail.json'), 'utf8'));
    assert.equal(at(likely, 'horizon_minutes'), 15);
  });

  test('the service does not start with a model that is missing or was changed, and doctor names it', async (t) => {
    const place = workplace(t);
    const model = join(place.path, 'model');
    const config = place.write(
      'imapwhy.yml',
      `kafka: { brokers: ['127.0.0.1:1'] }\nroles: [parse, correlate]\ninputs: [{ topic: raw }]\nprediction: { model: '${model}' }\n`,
    );
    const missing = await imapwhy(['run', '--config', config]);
    assert.equal(missing.code, 2, missing.stderr);
    assert.match(missing.stderr, /no such model directory\. imapwhy train/);
    assert.equal((await examineModel(model)).state, 'failed');
    writeSmallModel(model);
    assert.equal((await examineModel(model)).state, 'ok');
    const side = join(model, 'model.json');
    writeFileSync(side, readFileSync(side, 'utf8').replace('"base_rate": 0.13', '"base_rate": 0.31'));
    const changed = await imapwhy(['run', '--config', config]);
    assert.equal(changed.code, 1, changed.stderr);
    assert.match(changed.stderr, /model\.json .*(changed|damaged).*Train it again/s);
    assert.match((await examineModel(model)).found, /model\.json/);
  });

  test('without a model there is no risk, not a wrong one', async (t) => {
    const place = workplace(t);
    const analysed = await place.analyze([join(SAMPLE, 'mail.log.gz'), '--model', join(place.path, 'none')]);
    assert.equal(analysed.code, 2);
    assert.match(analysed.stderr, /no such model directory\. imapwhy train/);
  });
});
