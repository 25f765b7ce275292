/** imapwhy evaluate prediction and drift on a thinned world; and that a better model is not overwritten. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type SideFile, sideFileText } from '../../models/prediction/side-file.ts';
import { writeSmallModel } from '../models/prediction/small-model.ts';
import { worldLines } from '../models/prediction/thin-world.ts';
import { at, imapwhy } from './run.ts';

const WORLD = join(import.meta.dirname, '..', 'models', 'prediction', 'world-thin');
const folder = mkdtempSync(join(tmpdir(), 'imapwhy-evaluate-'));
const profiles = join(folder, 'profiles.ndjson');
const truth = join(folder, 'truth.ndjson');
const model = join(folder, 'model');
const lines = worldLines(3000, 5000);

before(() => {
  writeFileSync(profiles, lines.map((line) => `${line}\n`).join(''));
  const truths = gunzipSync(readFileSync(join(WORLD, 'truth.ndjson.gz')))
    .toString('utf8')
    .split('\n');
  writeFileSync(truth, truths.slice(3000, 3000 + lines.length).join('\n'));
  writeSmallModel(model, 3000, 5000);
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('evaluate prediction', () => {
  test('shows every candidate, the ceiling, and how much of the gap is closed', async () => {
    const { code, stdout, stderr } = await imapwhy(['evaluate', 'prediction', '--from', profiles, '--truth', truth]);
    assert.equal(code, 0, stderr);
    for (const name of ['majority', 'persistence', 'rates', 'logistic', 'boosted trees', 'LSTM', 'ceiling'])
      assert.match(stdout, new RegExp(name));
    assert.match(stdout, /ensemble +skill +-?[\d.]+ % of the gap to the ceiling/);
  });

  test('says which line of the truth is wrong', async () => {
    const bad = join(folder, 'bad.ndjson');
    writeFileSync(bad, '{"id":"a","p":0.1}\n{"id":3}\n');
    const { code, stderr } = await imapwhy(['evaluate', 'prediction', '--from', profiles, '--truth', bad]);
    assert.equal(code, 2);
    assert.match(stderr, /line 2 must be/);
  });
});

describe('evaluate drift', () => {
  test('has nothing to compare within the training range', async () => {
    const { code, stdout } = await imapwhy(['evaluate', 'drift', '--model', model, '--from', profiles]);
    assert.equal(code, 0);
    assert.match(stdout, /there is nothing to compare yet/);
  });

  test('holds later weeks against the card', async () => {
    const later = join(folder, 'later.ndjson');
    writeFileSync(later, `${worldLines(3000, 6500).join('\n')}\n`);
    const { stdout } = await imapwhy(['evaluate', 'drift', '--model', model, '--from', later]);
    assert.match(stdout, /week from .*Brier skill/);
    assert.match(stdout, /2026-03-02 +\d+ /);
  });
});

describe('a better model', () => {
  test('is kept unless told otherwise', async () => {
    const file = join(model, 'model.json');
    const { sha256: _, ...side }: SideFile & { sha256: string } = JSON.parse(readFileSync(file, 'utf8'));
    const text = sideFileText({ ...side, card: { ...side.card, brier_skill: 0.99 } });
    writeFileSync(file, text);
    const refused = await imapwhy(['train', '--from', profiles, '--out', model, '--quiet']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /holds a better model \(Brier skill 0\.9900/);
    assert.equal(readFileSync(file, 'utf8'), text);
    // What was trained for nothing is kept, so that --force only has to finish it.
    assert.ok(existsSync(join(folder, '.model.measured.checkpoint')));
    const forced = await imapwhy(['train', '--from', profiles, '--out', model, '--force']);
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stderr, /LSTM: goes on after epoch/);
    assert.ok(Number(at(JSON.parse(readFileSync(file, 'utf8')), 'card.brier_skill')) < 0.99);
  });
});
