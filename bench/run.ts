/**
 * `npm run bench [-- --long]`: measures and writes bench/results.md. Ratios of CPU time on one machine, never times that another machine must
 * keep; nothing fails when a target is missed. Takes about four minutes; --long takes more and larger inputs, up to 20 million lines.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { againstLognormalizer } from './against-lognormalizer.ts';
import { pipeline } from './pipeline.ts';
import { type Row, table } from './table.ts';

/** `parsed`: Dovecot lines for both parsers. `sizes`: lines of all sources, the first measured `rounds` times. */
const SHORT = { parsed: 1_000_000, sizes: [500_000, 2_000_000], rounds: 3 } as const;
const LONG = { parsed: 5_000_000, sizes: [1_000_000, 5_000_000, 20_000_000], rounds: 3 } as const;
const RESULTS = fileURLToPath(new URL('./results.md', import.meta.url));
const OPEN_SESSIONS = fileURLToPath(new URL('./open-sessions.ts', import.meta.url));

const long = process.argv.includes('--long');
const command = `npm run bench${long ? ' -- --long' : ''}`;
const { parsed, sizes, rounds } = long ? LONG : SHORT;
const load = loadavg()[0] ?? 0;
const folder = mkdtempSync(join(tmpdir(), 'imapwhy-bench-'));
process.once('SIGINT', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
});
try {
  const rows: Row[] = [...(await againstLognormalizer(parsed, rounds, folder))];
  say('parse measured');
  rows.push(...(await pipeline(sizes, rounds, folder)));
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
