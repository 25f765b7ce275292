#!/usr/bin/env node
// Runs imapwhy on a Node that is new enough: this one, else the one that the npm package `node` brings.
// Plain JavaScript for Node 18: this file must at least start on an old Node.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
// A checkout runs its sources; a package carries compiled files, because Node strips no types below node_modules.
const sources = join(root, 'cli', 'main.ts');
const main = existsSync(sources) ? sources : join(root, 'dist', 'cli', 'main.js');

if (Number(process.versions.node.split('.')[0]) >= NEEDED) await import(pathToFileURL(main).href);
else runOn(bundledNode());

/** The binary of the npm package `node`; undefined when it is not installed. */
function bundledNode() {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function runOn(node) {
  if (node === undefined || process.env.IMAPWHY_RELAUNCHED) {
    process.stderr.write(
      `imapwhy needs Node ${NEEDED} or later; this is ${process.versions.node}. Install the npm package "node" beside it (npm install node@26), or a newer Node.\n`,
    );
    process.exit(1);
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, IMAPWHY_RELAUNCHED: '1' },
  });
  // Ctrl-C in a terminal reaches both of us: a second one from here would end what the first let finish.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY && !process.stdout.isTTY && !process.stderr.isTTY) child.kill('SIGINT');
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`imapwhy: ${node} cannot be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // Ends as the child did, so that the caller sees the same.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
