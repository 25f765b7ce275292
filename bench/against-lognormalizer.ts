/**
 * `imapwhy parse` against lognormalizer (liblognorm, C) on the same Dovecot lines. Both write JSON of the same fields; what both say of a line is
 * compared first, so that neither is fast by leaving things out.
 */
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { enlarge } from './enlarge.ts';
import { measure, measureImapwhy, median } from './measure.ts';
import type { Row } from './table.ts';

const RULEBASE = fileURLToPath(new URL('./dovecot.rulebase', import.meta.url));
const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const DOVECOT = ' dovecot: ';
const COMPARED_LINES = 27_000;
const NORMALIZER_ARGS = ['-r', RULEBASE, '-e', 'json'];

/** Fields of the rulebase and where imapwhy says the same. */
const SAME: readonly (readonly [string, string])[] = [
  ['user', 'user.name'],
  ['method', 'dovecot.method'],
  ['rip', 'source.ip'],
  ['lip', 'server.ip'],
  ['mpid', 'process.pid'],
  ['session', 'dovecot.session_id'],
  ['in', 'source.bytes'],
  ['out', 'destination.bytes'],
  ['reason', 'event.reason'],
];

export async function againstLognormalizer(lines: number, rounds: number, folder: string): Promise<readonly Row[]> {
  const what = `parse / lognormalizer, ${lines.toLocaleString('en')} Dovecot lines`;
  if (spawnSync('lognormalizer', ['-V']).error) {
    return [
      {
        what,
        value: 'SKIPPED',
        target: '<= 1.5',
        detail: 'lognormalizer is missing: apt-get install -y liblognorm-utils',
      },
    ];
  }
  const agreement = await compare(join(folder, 'compared'));
  const logs = join(folder, 'dovecot');
  enlarge(lines, logs, DOVECOT);
  const file = join(logs, 'mail.log');
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    theirs.push((await measure('lognormalizer', NORMALIZER_ARGS, {}, file)).cpuSeconds);
    ours.push((await measureImapwhy(['parse', file])).cpuSeconds);
  }
  const perMillion = (seconds: readonly number[]) => ((median(seconds) / lines) * 1e6).toFixed(2);
  return [
    {
      what,
      value: (median(ours) / median(theirs)).toFixed(2),
      target: '<= 1.5',
      detail: `${perMillion(ours)} s and ${perMillion(theirs)} s CPU a million lines, median of ${rounds} rounds in turn; ${agreement}`,
    },
  ];
}

/** What part of the lines the rulebase matches, and in how many of these both say the same of all fields that it extracts. */
async function compare(folder: string): Promise<string> {
  enlarge(COMPARED_LINES, folder, DOVECOT);
  const file = join(folder, 'mail.log');
  const run = promisify(execFile);
  const maxBuffer = 1 << 28;
  const theirs = await run('sh', ['-c', '"$@" < "$0"', file, 'lognormalizer', ...NORMALIZER_ARGS], { maxBuffer });
  const ours = await run(process.execPath, [MAIN, 'parse', file], { maxBuffer });
  const ourLines = ours.stdout.trim().split('\n');
  const theirLines = theirs.stdout.trim().split('\n');
  let matched = 0;
  let same = 0;
  for (const [i, text] of theirLines.entries()) {
    const their: unknown = JSON.parse(text);
    if (at(their, 'unparsed-data') !== undefined) continue;
    matched++;
    const our: unknown = JSON.parse(ourLines[i] ?? '{}');
    if (SAME.every(([field, path]) => says(our, path, at(their, field)))) same++;
  }
  const percent = (n: number, of: number) => `${((100 * n) / of).toFixed(1)} %`;
  return `the rulebase matches ${percent(matched, theirLines.length)} of the lines, in ${percent(same, matched)} of these both say the same in all fields`;
}

function says(ours: unknown, path: string, theirs: unknown): boolean {
  if (theirs === undefined || theirs === '') return true;
  const own = String(at(ours, path));
  // imapwhy keeps what stands in front of the reason.
  return path === 'event.reason' ? own.endsWith(String(theirs)) : own === theirs;
}

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.getOwnPropertyDescriptor(found, key)?.value;
  }
  return found;
}
