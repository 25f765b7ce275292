/** imapwhy train and predict as a user runs them, on a thinned world; and what they say to bad input. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { loadModel, ModelError } from '../../cli/model-directory.ts';
import { worldLines } from '../models/prediction/thin-world.ts';
import { type Finished, imapwhy } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'imapwhy-train-'));
const path = (name: string): string => join(folder, name);
const write = (name: string, lines: readonly string[]): string => {
  writeFileSync(path(name), lines.map((line) => `${line}\n`).join(''));
  return path(name);
};
const lines = worldLines(3000, 5000);
const profiles = write('profiles.ndjson', lines);
const model = path('model');
let trained: Finished;

before(async () => {
  trained = await imapwhy(['train', '--from', profiles, '--out', model, '--jobs', '2']);
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Prediction {
  readonly id: string;
  readonly at: string;
  readonly risk: number;
}
const parsed = (finished: Finished): readonly Prediction[] =>
  finished.stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

function startOf(line: string): string {
  const profile: { event: { start: string } } = JSON.parse(line);
  return profile.event.start;
}

describe('train', () => {
  test('writes model, side file, card and plots, and shows every baseline', () => {
    assert.equal(trained.code, 0, trained.stderr);
    assert.deepEqual(readdirSync(model).sort(), [
      'MODEL-CARD.md',
      'by-cause.svg',
      'by-week.svg',
      'model.json',
      'model.onnx',
      'precision-recall.svg',
      'reliability.svg',
    ]);
    for (const name of ['majority', 'persistence', 'rates', 'logistic', 'boosted trees', 'LSTM', 'AUPRC'])
      assert.match(trained.stdout, new RegExp(name));
    assert.match(readFileSync(join(model, 'MODEL-CARD.md'), 'utf8'), /95 % interval over clients/);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('.')),
      [],
      'no checkpoint is left',
    );
  });

  test('gives the same bytes with one thread, after a stop, and from gzip', async () => {
    const packed = path('profiles.ndjson.gz');
    writeFileSync(packed, gzipSync(readFileSync(profiles)));
    const other = path('other');
    const args = ['train', '--from', packed, '--out', other, '--jobs', '1'];
    // Killed as soon as the first epoch was kept: nothing of the model is there yet, the next run goes on.
    const checkpoint = path('.other.measured.checkpoint');
    const killed = await imapwhy(args, {
      onStart: (child) => {
        const watch = setInterval(() => {
          if (existsSync(checkpoint)) child.kill('SIGKILL');
        }, 5);
        child.on('close', () => clearInterval(watch));
      },
    });
    assert.equal(killed.code, null);
    assert.equal(existsSync(other), false);
    const finished = await imapwhy(args);
    assert.equal(finished.code, 0, finished.stderr);
    assert.match(finished.stderr, /goes on after epoch \d+/);
    for (const name of readdirSync(model))
      assert.ok(readFileSync(join(other, name)).equals(readFileSync(join(model, name))), name);
  });

  for (const [what, content, message] of [
    ['too few rows', lines.slice(0, 300), /too few attempts: 300 /],
    [
      'one class only',
      lines.filter((line) => line.includes('"outcome":"success"')).slice(0, 1500),
      /all 1500 attempts went well/,
    ],
    ['no profiles at all', ['{}', 'no json', ''], /holds no profiles/],
  ] as const) {
    test(`says what is wrong: ${what}`, async () => {
      const finished = await imapwhy(['train', '--from', write('bad.ndjson', content), '--out', path('none')]);
      assert.equal(finished.code, 2);
      assert.match(finished.stderr, message);
      assert.doesNotMatch(finished.stderr, /\n\s+at /);
      assert.equal(existsSync(path('none')), false);
    });
  }

  test('never touches a folder that is no model', async () => {
    const foreign = path('foreign');
    cpSync(model, foreign, { recursive: true });
    for (const name of ['model.onnx', 'model.json']) rmSync(join(foreign, name));
    const finished = await imapwhy(['train', '--from', profiles, '--out', foreign, '--force']);
    assert.equal(finished.code, 2);
    assert.match(finished.stderr, /holds files that are no model/);
  });
});

describe('predict', () => {
  test('gives every attempt a risk, in the order of time, whatever the order of the file', async () => {
    const straight = await imapwhy(['predict', '--model', model, profiles]);
    assert.equal(straight.code, 0, straight.stderr);
    const predictions = parsed(straight);
    assert.equal(predictions.length, lines.length);
    assert.ok(predictions.every((p) => p.risk >= 0 && p.risk <= 1));
    assert.deepEqual(
      predictions.map((p) => p.at),
      lines.map(startOf),
    );
    const backward = await imapwhy(['predict', '--model', model, '-'], {
      stdin: `${[...lines].reverse().join('\n')}\n`,
    });
    assert.equal(backward.stdout, straight.stdout);
  });

  test('takes the highest revision of a profile that comes twice', async () => {
    const twice = lines.slice(0, 200).map((line) => line.replace('"imapwhy":{', '"imapwhy":{"revision":2,'));
    const finished = await imapwhy(['predict', '--model', model, '-'], {
      stdin: `${[...lines.slice(0, 200), ...twice].join('\n')}\n`,
    });
    assert.equal(parsed(finished).length, 200);
    assert.match(finished.stderr, /200 profiles came again with the same id/);
  });

  test('a cold start gives the base rate and says so', async () => {
    const finished = await imapwhy(['predict', '--model', model, '-'], { stdin: `${lines.slice(0, 50).join('\n')}\n` });
    assert.equal(new Set(parsed(finished).map((p) => p.risk)).size, 1);
    assert.match(finished.stderr, /50 of 50 attempts .* their risk is the base rate/);
  });

  test('leaves out what is no profile and says which line', async () => {
    const finished = await imapwhy(['predict', '--model', model, '-'], {
      stdin: `${lines[0]}\n{"event":{}}\n[1]\nx\n${lines[1]}\n`,
    });
    assert.equal(finished.code, 0);
    assert.equal(parsed(finished).length, 2);
    assert.match(finished.stderr, /3 lines are no profiles .*line 2: imapwhy\.session\.id must be a text/);
  });

  const damaged: readonly (readonly [string, (directory: string) => void, RegExp])[] = [
    ['half-written', (d) => rmSync(join(d, 'model.onnx')), /model\.onnx is missing/],
    ['without its side file', (d) => rmSync(join(d, 'model.json')), /model\.json is missing/],
    [
      'with other weights',
      (d) => {
        const bytes = readFileSync(join(d, 'model.onnx'));
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        writeFileSync(join(d, 'model.onnx'), bytes);
      },
      /model\.onnx is not the file that was written/,
    ],
    [
      'with another threshold',
      (d) => edit(d, /"threshold": [\d.]+/, '"threshold": 0.9'),
      /does not match its checksum/,
    ],
    ['of another version', (d) => edit(d, /"format": \d+/, '"format": 0'), /made by another version/],
    ['cut off', (d) => edit(d, /[\s\S]{200}$/, ''), /is no JSON/],
  ];
  for (const [what, damage, message] of damaged) {
    test(`refuses a model that is ${what}`, async () => {
      const directory = path('damaged');
      rmSync(directory, { recursive: true, force: true });
      cpSync(model, directory, { recursive: true });
      damage(directory);
      await assert.rejects(loadModel(directory), (error) => error instanceof ModelError && message.test(error.message));
    });
  }

  test('gives no risk at all with a model that it refuses', async () => {
    const directory = path('refused');
    cpSync(model, directory, { recursive: true });
    edit(directory, /"base_rate": [\d.]+/, '"base_rate": 0.5');
    const finished = await imapwhy(['predict', '--model', directory, profiles]);
    assert.equal(finished.code, 1);
    assert.equal(finished.stdout, '');
    assert.match(finished.stderr, /does not match its checksum.*Train it again/s);
  });

  test('says what to do without a model', async () => {
    const finished = await imapwhy(['predict', '--model', path('nowhere'), profiles]);
    assert.equal(finished.code, 2);
    assert.match(finished.stderr, /imapwhy train --from/);
  });
});

function edit(directory: string, pattern: RegExp, replacement: string): void {
  const file = join(directory, 'model.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(pattern, replacement));
}
