/** What the user names, and what is found there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { findInputs } from '../../ingest/find.ts';
import { readAll } from './read-all.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Paths below `base`, and problems as code and path. */
async function find(base: string, ...paths: string[]): Promise<{ found: string[]; problems: string[] }> {
  const { inputs, problems } = await findInputs(paths.map((path) => (path === '-' ? path : join(base, path))));
  return {
    found: inputs.map(({ path }) => (path === '-' ? path : relative(base, path))),
    problems: problems.map(({ code, path }) => `${code} ${relative(base, path) || '.'}`),
  };
}

test('files in the order given, folders by name and recursively, stdin once', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder.path, 'logs/vpn'), { recursive: true });
  for (const name of ['z.log', 'logs/mail.log.1.gz', 'logs/mail.log', 'logs/vpn/a.log', 'logs/haproxy.log'])
    folder.write(name, 'x\n');
  assert.deepEqual(await find(folder.path, '-', 'z.log', 'logs', '-'), {
    found: ['-', 'z.log', 'logs/haproxy.log', 'logs/mail.log', 'logs/mail.log.1.gz', 'logs/vpn/a.log'],
    problems: [],
  });
  const { inputs } = await findInputs([join(folder.path, 'z.log'), join(folder.path, 'logs')]);
  assert.deepEqual(
    inputs.slice(0, 2).map(({ kind, size, origin }) => [kind, size, origin]),
    [
      ['file', 2, 'named'],
      ['file', 2, 'found'],
    ],
  );
});

test('the same file by name, folder, pattern, hard link and symbolic link is read once', async (t) => {
  const folder = temporaryFolder(t);
  const path = folder.write('mail.log', 'x\n');
  symlinkSync(path, join(folder.path, 'soft.log'));
  linkSync(path, join(folder.path, 'hard.log'));
  assert.deepEqual(await find(folder.path, 'mail.log', 'mail.log', './mail.log', '', '*.log'), {
    found: ['mail.log'],
    problems: [],
  });
});

test('symbolic links: loops end, broken and self-referring ones are told', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder.path, 'a/b'), { recursive: true });
  folder.write('a/b/x.log', 'x\n');
  symlinkSync('..', join(folder.path, 'a/b/up'));
  symlinkSync(folder.path, join(folder.path, 'a/top'));
  symlinkSync('nowhere', join(folder.path, 'a/broken'));
  symlinkSync('self', join(folder.path, 'a/self'));
  assert.deepEqual(await find(folder.path, ''), {
    found: ['a/b/x.log'],
    problems: ['missing a/broken', 'unreadable a/self'],
  });
  assert.deepEqual((await find(folder.path, '**/*.log')).found, ['a/b/x.log']);
});

test('dotfiles, databases, login records and our own output are left out of folders', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder.path, 'imapwhy-out'));
  mkdirSync(join(folder.path, 'earlier'));
  mkdirSync(join(folder.path, '.git'));
  const names = [
    '.hidden',
    'store.db',
    'store.db-wal',
    'wtmp',
    'imapwhy-out/events.ndjson',
    'earlier/imapwhy.db',
    'earlier/events.ndjson',
  ];
  for (const name of [...names, '.git/x.log', 'mail.log']) folder.write(name, 'x\n');
  assert.deepEqual(await find(folder.path, ''), { found: ['mail.log'], problems: [] });
  // Who names a hidden file wants it.
  assert.deepEqual((await find(folder.path, '.hidden')).found, ['.hidden']);
  assert.deepEqual(await find(folder.path, 'imapwhy-out', 'earlier'), {
    found: [],
    problems: ['own_output imapwhy-out', 'own_output earlier'],
  });
});

test('patterns; one that matches nothing is told; a name with brackets is no pattern', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder.path, 'sub/deep'), { recursive: true });
  for (const name of ['mail.log', 'mail.log.1', 'haproxy.log', 'sub/deep/x.log', 'odd[1].log', '.hidden.log'])
    folder.write(name, 'x\n');
  assert.deepEqual((await find(folder.path, 'mail.log*')).found, ['mail.log', 'mail.log.1']);
  assert.deepEqual((await find(folder.path, '{haproxy,mail}.log')).found, ['haproxy.log', 'mail.log']);
  assert.deepEqual((await find(folder.path, '**/*.log')).found, [
    'haproxy.log',
    'mail.log',
    'odd[1].log',
    'sub/deep/x.log',
  ]);
  assert.deepEqual((await find(folder.path, 'odd[1].log')).found, ['odd[1].log']);
  assert.deepEqual(await find(folder.path, '*.gz', 'su*'), { found: ['sub/deep/x.log'], problems: ['no_match *.gz'] });
});

test('missing paths, folders without logs and devices are told, and the rest goes on', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder.path, 'empty/inner'), { recursive: true });
  folder.write('mail.log', 'x\n');
  assert.deepEqual(await find(folder.path, 'gone.log', 'empty', 'mail.log', 'mail.log/x'), {
    found: ['mail.log'],
    problems: ['missing gone.log', 'no_logs empty', 'missing mail.log/x'],
  });
  const { problems } = await findInputs(['/dev/null', 'a\0b', 'x'.repeat(5000)]);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['not_a_file', 'missing', 'missing'],
  );
  for (const { message } of problems) assert.match(message, /^[a-z].*[.:?] ?.*\.$/);
});

test('folders too deep are told once', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder.path, ...Array.from({ length: 30 }, () => 'd')), { recursive: true });
  folder.write('mail.log', 'x\n');
  const { found, problems } = await find(folder.path, '');
  assert.deepEqual(found, ['mail.log']);
  assert.deepEqual(
    problems.map((problem) => problem.split(' ')[0]),
    ['too_deep'],
  );
});

test('sockets and named pipes in a folder are left out; a pipe that is named is read', {
  skip: process.platform === 'win32',
}, async (t) => {
  const folder = temporaryFolder(t);
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const server = createServer().listen(join(folder.path, 'socket'));
  t.after(() => server.close());
  folder.write('mail.log', 'x\n');
  assert.deepEqual(await find(folder.path, ''), { found: ['mail.log'], problems: [] });
  const { inputs } = await findInputs([pipe]);
  const input = inputs[0];
  assert.ok(input?.kind === 'pipe');
  execFileSync('sh', ['-c', `(printf 'one\\ntwo\\n' > "${pipe}") >/dev/null 2>&1 &`]);
  assert.deepEqual((await readAll(input)).texts, ['one', 'two']);
});
