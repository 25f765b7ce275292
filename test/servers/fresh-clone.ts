/** What a newcomer does first, from a clone of the last commit (changes that are not committed are not in it). */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { succeed } from './command.ts';

const repository = join(import.meta.dirname, '..', '..');
const limitMs = 60_000;

test('a fresh clone: npm ci && npm start answers within 60 s', {
  skip: existsSync(join(repository, '.git')) ? false : 'not a git checkout',
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-clone-'));
  try {
    const startedAt = performance.now();
    await succeed('git', ['clone', '--quiet', repository, join(folder, 'imapwhy')], { cwd: folder });
    const clone = join(folder, 'imapwhy');
    await succeed('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: clone });
    const { stdout } = await succeed('npm', ['start'], { cwd: clone });
    const tookMs = performance.now() - startedAt;
    assert.match(stdout, /attempts by legitimate users/);
    assert.match(stdout, /WHOSE JOB/);
    assert.ok(existsSync(join(clone, 'imapwhy-out', 'report.html')));
    assert.ok(tookMs <= limitMs, `took ${Math.round(tookMs / 1000)} s`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
