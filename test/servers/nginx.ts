/**
 * Lines that a real nginx writes now, on this machine, are understood: access log, and error log with denied and limited requests.
 * nginx is the one in PATH, else Debian's package, unpacked into a temporary folder (nothing is installed) or, with --install, installed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { command, exists, succeed } from './command.ts';
import { freePort } from './free-port.ts';

const repository = join(import.meta.dirname, '..', '..');

test('nginx: every line that it writes is understood', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'imapwhy-nginx-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = await findNginx(folder);
  if (program === undefined) {
    t.skip('no nginx in PATH, and no package of it could be fetched; --install lets apt install it');
    return;
  }
  const port = await freePort();
  await mkdir(join(folder, 'www', 'private'), { recursive: true });
  await writeFile(join(folder, 'www', 'token'), 'ok\n');
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, port));
  const server = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  try {
    await answered(`http://127.0.0.1:${port}/token`);
    for (const path of ['/token', '/missing', '/private/x', '/limited', '/limited', '/limited', '/token?a=%22b%22'])
      await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'user-agent': 'Thunderbird "quoted"' } });
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
  const access = join(folder, 'access.log');
  const error = join(folder, 'error.log');
  const { stdout } = await succeed(process.execPath, ['cli/main.ts', 'parse', access, error], {
    cwd: repository,
    env: { IMAPWHY_KEY: 'for this test only' },
  });
  const datasets = stdout.trim().split('\n').map(datasetOf);
  const lines = (await readFile(access, 'utf8')).trim().split('\n').length;
  assert.equal(datasets.filter((d) => d === 'nginx.access').length, lines);
  assert.ok(lines >= 8);
  assert.ok(datasets.filter((d) => d === 'nginx.error').length >= 2, 'denied and limited requests');
  assert.match(stdout, /limiting requests/);
  assert.match(stdout, /access forbidden by rule/);
});

async function findNginx(folder: string): Promise<string | undefined> {
  if (await exists('nginx')) return 'nginx';
  if (!(await exists('apt-get'))) return undefined;
  if (process.env.IMAPWHY_INSTALL === '1') {
    await succeed('apt-get', ['install', '--yes', '--no-install-recommends', 'nginx'], { cwd: folder });
    return 'nginx';
  }
  const fetched = await command('apt-get', ['download', 'nginx'], { cwd: folder });
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  if (fetched.code !== 0 || archive === undefined) return undefined;
  await succeed('dpkg', ['-x', archive, 'root'], { cwd: folder });
  const program = join(folder, 'root', 'usr', 'sbin', 'nginx');
  return (await command(program, ['-v'], { cwd: folder })).code === 0 ? program : undefined;
}

const configuration = (folder: string, port: number): string => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log info;
events {}
http {
  access_log ${folder}/access.log combined;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  limit_req_zone $binary_remote_addr zone=tokens:1m rate=1r/m;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    location /private/ { deny all; }
    location /limited { limit_req zone=tokens; }
  }
}
`;

async function answered(url: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error(`${url} does not answer`);
}

function datasetOf(line: string): unknown {
  const document: unknown = JSON.parse(line);
  if (typeof document !== 'object' || document === null || !('event' in document)) return undefined;
  const { event } = document;
  return typeof event === 'object' && event !== null && 'dataset' in event ? event.dataset : undefined;
}
