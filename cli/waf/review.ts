import type { Command } from 'commander';
import type { WafQueue, WafRow } from '../../models/waf/queue.ts';
import { readStore } from '../../outputs/sqlite.ts';
import { jsonText } from '../../reports/clean-text.ts';
import { renderReview, renderRow } from '../../reports/waf/review.ts';
import { DEFAULT_STORE } from '../explain.ts';
import { UseError } from '../use-error.ts';
import { instantOption } from './instant.ts';
import { readQueue } from './read-queue.ts';

const FAILED = 1;

export interface ReviewOptions {
  readonly store?: string;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly since?: string;
  readonly until?: string;
}

export function registerWafReview(waf: Command): void {
  waf
    .command('review')
    .description('the queue: which rule stopped whom where, how likely by mistake, and which IMAP sessions it cost')
    .argument('[id]', 'one place with all of its evidence and examples: its id, or the first characters of it')
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .option('--since <time>', 'only requests at or after this time (ISO, UTC where it names no zone)')
    .option('--until <time>', 'only requests before this time')
    .option('--all', 'also places that are likely attacks')
    .option('--json', 'the whole queue as JSON (docs/waf.md)')
    .action((id: string | undefined, options: ReviewOptions) => {
      const { out, problem } = runReview(id, options, process.stdout.isTTY === true && !process.env.NO_COLOR);
      process.stdout.write(out);
      for (const line of problem) process.stderr.write(`imapwhy: ${line}\n`);
      if (problem.length > 0) process.exitCode = FAILED;
    });
}

export interface ReviewResult {
  readonly out: string;
  readonly problem: readonly string[];
}

/** Runs the command. Wrong use throws a UseError, a store that cannot be read an OutputError. */
export function runReview(id: string | undefined, options: ReviewOptions, colour: boolean): ReviewResult {
  const since = instantOption('--since', options.since);
  const until = instantOption('--until', options.until);
  if (since !== undefined && until !== undefined && until <= since)
    throw new UseError(`--until ${options.until} is not after --since ${options.since}: nothing lies between.`);
  const store = readStore(options.store ?? DEFAULT_STORE);
  try {
    const range = { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
    const queue = readQueue(store, range, Date.now());
    if (id === undefined)
      return {
        out: options.json ? `${jsonText(queue)}\n` : renderReview(queue, { colour, all: options.all === true }),
        problem: [],
      };
    const row = rowById(queue, id);
    if (typeof row === 'string') return { out: '', problem: [row] };
    return { out: options.json ? `${jsonText(row)}\n` : renderRow(row, { colour }), problem: [] };
  } finally {
    store.close();
  }
}

/** The row whose id begins so; a sentence if there is none, or more than one. */
export function rowById(queue: WafQueue, id: string): WafRow | string {
  const found = id === '' ? [] : queue.rows.filter((r) => r.id.startsWith(id.toLowerCase()));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  return found.length === 0
    ? `no place of the review has the id ${id}: imapwhy waf review --all lists them.`
    : `several places have an id that begins with ${id}: ${found.map((r) => r.id).join(', ')}`;
}
