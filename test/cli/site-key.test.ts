import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { siteKey } from '../../cli/site-key.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'imapwhy-key-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('the key is made once, for its owner only', async (t) => {
  const file = join(folder(t), 'made', 'when needed', 'key');
  const key = await siteKey({ IMAPWHY_KEY_FILE: file });
  assert.equal(Buffer.from(key, 'base64url').length, 32);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(await siteKey({ IMAPWHY_KEY_FILE: file }), key);
  assert.equal(readFileSync(file, 'utf8').trim(), key);
});

test('processes that start together share one key', async (t) => {
  const file = join(folder(t), 'key');
  const keys = await Promise.all(Array.from({ length: 20 }, () => siteKey({ IMAPWHY_KEY_FILE: file })));
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual(readdirSync(dirname(file)), ['key']);
});

test('IMAPWHY_KEY overrides and touches no file', async (t) => {
  const file = join(folder(t), 'key');
  assert.equal(await siteKey({ IMAPWHY_KEY: 'given by the site', IMAPWHY_KEY_FILE: file }), 'given by the site');
  assert.equal(statSync(file, { throwIfNoEntry: false }), undefined);
});

test('by default it lies in the folder for configuration', async (t) => {
  const path = folder(t);
  const key = await siteKey({ XDG_CONFIG_HOME: path });
  assert.equal(readFileSync(join(path, 'imapwhy', 'key'), 'utf8').trim(), key);
});

test('a key that is no key, or a place that cannot be written, is an error that says what to do', async (t) => {
  const file = join(folder(t), 'key');
  writeFileSync(file, 'short\n');
  await assert.rejects(siteKey({ IMAPWHY_KEY_FILE: file }), /fewer than 16 characters.*IMAPWHY_KEY/);
  await assert.rejects(siteKey({ IMAPWHY_KEY_FILE: join(file, 'below a file') }), /Set IMAPWHY_KEY/);
});
