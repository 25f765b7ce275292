/** The compose file, loaded by compose's own library (Go): unknown keys, wrong types, services that are waited for and are not there. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { command, exists } from './command.ts';

const root = join(import.meta.dirname, '../..');
const loader = join(import.meta.dirname, 'compose');

async function load(file: string): Promise<{ readonly code: number | null; readonly stderr: string }> {
  if (!(await exists('go'))) throw new Error('Go is needed to check docker-compose.yml: apt-get install golang-go');
  return command('go', ['run', '.', file], { cwd: loader });
}

describe('docker-compose.yml', () => {
  test('is one that compose takes', async () => {
    const { code, stderr } = await load(join(root, 'docker-compose.yml'));
    assert.equal(code, 0, stderr);
  });

  test('and one with a slip is not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'imapwhy-compose-'));
    try {
      const text = await readFile(join(root, 'docker-compose.yml'), 'utf8');
      const file = join(folder, 'docker-compose.yml');
      await writeFile(file, text.replace('healthcheck:', 'helthcheck:'));
      assert.notEqual((await load(file)).code, 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
