/** The package as a user gets it: packed, installed into an empty folder, run there. Slow, and it asks the registry, so not in `npm test`. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { command, succeed } from './command.ts';

const repository = join(import.meta.dirname, '..', '..');
/** Makes the launcher believe that it runs on Node 18. */
const onNode18 = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.0.0'}})`;

describe('the package, installed into an empty folder', () => {
  let folder = '';
  let installed = '';
  let version: unknown;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-package-'));
    installed = join(folder, 'node_modules', 'imapwhy');
    const manifest: unknown = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
    version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
    const packed = join(folder, 'packed');
    await mkdir(packed);
    await succeed('npm', ['pack', '--silent', '--pack-destination', packed], { cwd: repository });
    const [tarball = ''] = await readdir(packed);
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    await succeed('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(packed, tarball)], {
      cwd: folder,
    });
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test('tells its version', async () => {
    const { stdout } = await succeed('npx', ['--no-install', 'imapwhy', '--version'], { cwd: folder });
    assert.equal(stdout.trim(), version);
  });

  test('carries compiled files, the sample and the licence, and no sources', async () => {
    const names = await readdir(installed);
    for (const name of ['bin', 'dist', 'samples', 'LICENSE', 'README.md', 'CHANGELOG.md'])
      assert.ok(names.includes(name), name);
    assert.ok(!names.includes('cli'));
  });

  test('analyses a log', async () => {
    const log = join(installed, 'samples', 'lab-a', 'logs', 'mail.log.gz');
    const { stdout } = await succeed('npx', ['--no-install', 'imapwhy', 'analyze', log, '--out', 'out'], {
      cwd: folder,
    });
    assert.match(stdout, /attempts by legitimate users/);
    const written = await readdir(join(folder, 'out'));
    for (const name of ['profiles.ndjson', 'events.ndjson', 'incidents.ndjson', 'report.html', 'imapwhy.db'])
      assert.ok(written.includes(name), name);
  });

  test('wrong use is told apart from failure', async () => {
    const wrong = await command('npx', ['--no-install', 'imapwhy', 'analyse'], { cwd: folder });
    assert.equal(wrong.code, 2);
    const failed = await command('npx', ['--no-install', 'imapwhy', 'analyze', 'no-such-file', '--out', 'none'], {
      cwd: folder,
    });
    assert.equal(failed.code, 1);
  });

  test('on too old a Node: runs on the one of the package `node`', async () => {
    const launcher = join(installed, 'bin', 'imapwhy.mjs');
    const { stdout } = await succeed(process.execPath, ['--import', onNode18, launcher, '--version'], { cwd: folder });
    assert.equal(stdout.trim(), version);
  });

  test('on too old a Node without another one: says what to do', async () => {
    const launcher = join(installed, 'bin', 'imapwhy.mjs');
    const finished = await command(process.execPath, ['--import', onNode18, launcher, '--version'], {
      cwd: folder,
      env: { IMAPWHY_RELAUNCHED: '1' },
    });
    assert.equal(finished.code, 1);
    assert.match(finished.stderr, /needs Node \d+ or later; this is 18\.0\.0\. Install /);
  });
});
