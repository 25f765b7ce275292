/**
 * `npm run bench [-- --long]`: measures and writes bench/results.md. Ratios of CPU time on one machine, never times that another machine must
 * keep; nothing fails when a target is missed. --long adds 20 million lines.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { againstLognormalizer } from './against-lognormalizer.ts';
import { pipeline } from './pipeline.ts';
import { type Row, table } from './table.ts';

const ROUNDS = 3;
const PARSED_LINES = 1_000_000;
const SIZES = [1_000_000, 5_000_000];
const SIZES_LONG = [...SIZES, 20_000_000];
const RESULTS = fileURLToPath(new URL('./results.md', import.meta.url));
const OPEN_SESSIONS = fileURLToPath(new URL('./open-sessions.ts', import.meta.url));

const long = process.argv.includes('--long');
const command = `npm run bench${long ? ' -- --long' : ''}`;
const load = loadavg()[0] ?? 0;
const folder = mkdtempSync(join(tmpdir(), 'imapwhy-bench-'));
process.once('SIGINT', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
});
try {
  const rows: Row[] = [...(await againstLognormalizer(PARSED_LINES, ROUNDS, folder))];
  say('parse measured');
  rows.push(...(await pipeline(long ? SIZES_LONG : SIZES, ROUNDS, folder)));
  say('analyze measured');
  const sessions = existsSync(OPEN_SESSIONS) ? openSessions() : undefined;
  const results = resultsPage(rows, sessions);
  writeFileSync(RESULTS, results);
  console.log(results);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What bench/open-sessions.ts prints. */
function openSessions(): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', OPEN_SESSIONS], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : `failed: ${stderr.trim().split('\n').at(-1) ?? ''}`;
}

function resultsPage(rows: readonly Row[], sessions: string | undefined): string {
  return [
    '# Measured',
    '',
    `Written by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load.toFixed(1)} at the start.`,
    'Lines are copies of samples/lab-a, one after another in time, each with its own users, addresses and session ids (bench/enlarge.ts).',
    'CPU is user plus system time of all threads, from start to exit. Runs that share the machine with others differ by some percent.',
    '',
    table(rows),
    ...(sessions === undefined ? [] : ['## Open sessions', '', '```', sessions, '```', '']),
  ].join('\n');
}

function say(text: string): void {
  process.stderr.write(`${text} (${Math.round(process.uptime())} s)\n`);
}
