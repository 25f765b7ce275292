import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type ExclusionFiles, WAF_ENGINES, type WafEngine, writeExclusions } from '../../models/waf/exclusion.ts';
import { samePlace } from '../../models/waf/place.ts';
import { type Chosen, choose, exclusionOf, forbiddenBy, proofOfPlace } from '../../models/waf/selection.ts';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { terminalText } from '../../reports/clean-text.ts';
import { DEFAULT_STORE } from '../explain.ts';
import { UseError } from '../use-error.ts';
import { FIRST_ID } from './prove.ts';
import { readQueue } from './read-queue.ts';

const FAILED = 1;

export interface ExportOptions {
  readonly store: string;
  readonly accepted?: boolean;
  readonly proposed?: boolean;
  readonly engine: string;
  readonly firstId: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly by?: string;
}

export function registerWafExport(waf: Command): void {
  waf
    .command('export')
    .description('the narrowest exclusion rules of what was accepted, as a file that ModSecurity and Coraza load')
    .option('--accepted', 'what people accepted (the default)')
    .option('--proposed', 'what the evidence proposes and nobody has called an attack')
    .option('--engine <name>', WAF_ENGINES.join(', '), 'modsecurity3')
    .option('--first-id <n>', 'id of the first rule that is written; the others follow', String(FIRST_ID))
    .option('--out <file>', 'where to write (default: standard output)')
    .option('--force', 'although the proof failed; recorded with --by')
    .option('--by <name>', 'who forces it')
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .action(async (options: ExportOptions) => {
      const { out, said, failed } = await runExport(options);
      process.stdout.write(out);
      for (const line of said) process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
      if (failed) process.exitCode = FAILED;
    });
}

export interface ExportResult {
  readonly out: string;
  /** What the person has to know: what was left out, what is not proven. */
  readonly said: readonly string[];
  readonly failed: boolean;
}

/** Runs the command. Wrong use throws a UseError, a store that cannot be used an OutputError. */
export async function runExport(options: ExportOptions): Promise<ExportResult> {
  if (options.accepted && options.proposed) throw new UseError('--accepted or --proposed, not both.');
  const engine = engineOf(options.engine);
  const firstId = idOf(options.firstId);
  const basis = options.proposed ? 'proposed' : 'accepted';
  const by = options.by?.toWellFormed().trim().slice(0, 200) ?? '';
  if (options.force && by === '')
    throw new UseError('--force needs --by NAME: it is recorded who exports against a failed proof.');
  const now = new Date();
  const { chosen, proof } = read(options.store, basis, now.getTime());
  const forbidden = forbiddenBy(proof, chosen);
  if (forbidden.length > 0 && !options.force)
    return {
      out: '',
      said: [
        `the proof of ${proof?.made_at ?? ''} failed, so nothing is exported:`,
        ...forbidden,
        'Change what failed and prove again, or export all the same with --force --by NAME, which is recorded.',
      ],
      failed: true,
    };
  const forced = forbidden.length > 0 ? `, FORCED by ${by} although the proof of ${proof?.made_at ?? ''} failed` : '';
  const files = writeExclusions(
    chosen.map((c) => exclusionOf(c, proofOfPlace(proof, c))),
    { engine, firstId, title: `imapwhy waf export --${basis}, ${now.toISOString()}${forced}` },
  );
  if (forced !== '') await recordForce(options.store, by, now, forbidden);
  const notProven = chosen.filter(
    (c) => proofOfPlace(proof, c) === undefined && !files.left_out.some((l) => samePlace(l.place, c.place)),
  ).length;
  const said = [
    ...files.left_out.map(
      (l) =>
        `left out: rule ${l.place.rule} on ${l.place.path || '(path unknown)'}, ${l.place.target || '(target unknown)'}: ${l.reason}`,
    ),
    ...(notProven > 0
      ? [
          `${notProven} of ${files.rules} places are not proven: imapwhy waf prove${basis === 'proposed' ? ' --proposed' : ''}`,
        ]
      : []),
  ];
  if (chosen.length === 0) said.push(nothingChosen(basis));
  return {
    ...place(files, options.out),
    said: [...said, ...whereSaid(files, options.out)],
    failed: chosen.length > 0 && files.rules === 0,
  };
}

interface Read {
  readonly chosen: readonly Chosen[];
  readonly proof: ReturnType<ReturnType<typeof readStore>['waf']['latestProof']>;
}

function read(file: string, basis: 'accepted' | 'proposed', now: number): Read {
  const store = readStore(file);
  try {
    return {
      chosen: choose(readQueue(store, {}, now), store.waf.decisions(), basis, now),
      proof: store.waf.latestProof(),
    };
  } finally {
    store.close();
  }
}

const nothingChosen = (basis: string): string =>
  basis === 'accepted'
    ? 'nothing is accepted (or all of it has expired), so nothing is excluded: imapwhy waf review, imapwhy waf decide ID accept --by NAME.'
    : 'the evidence proposes nothing, so nothing is excluded.';

function engineOf(text: string): WafEngine {
  const known = WAF_ENGINES.find((e) => e === text);
  if (known !== undefined) return known;
  throw new UseError(`--engine ${text}: one of ${WAF_ENGINES.join(', ')}.`);
}

function idOf(text: string): number {
  const n = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (n >= 1) return n;
  throw new UseError(
    `--first-id ${text}: a whole number from 1 to 999999999. Ids from 1 to 99,999 are for a site’s own rules.`,
  );
}

/** A `ctl` has to be read before the rules, an update after them: two files, or one of the two. */
function place(files: ExclusionFiles, out: string | undefined): { readonly out: string } {
  if (out === undefined) {
    if (files.before_rules > 0 && files.after !== '')
      throw new UseError(
        'some exclusions have to be loaded before the rules and some after them, which is two files: give --out FILE.',
      );
    return { out: files.before_rules > 0 || files.after === '' ? files.before : files.after };
  }
  write(out, files.before);
  // What was exported before and has expired since must not stay.
  if (files.after !== '' || existsSync(afterName(out))) write(afterName(out), files.after);
  return { out: '' };
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UseError(`--out ${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const afterName = (out: string): string =>
  out.endsWith('.conf') ? `${out.slice(0, -5)}-after-crs.conf` : `${out}-after-crs`;

function whereSaid(files: ExclusionFiles, out: string | undefined): readonly string[] {
  if (out === undefined) return [];
  const written = `${files.rules === 1 ? '1 exclusion' : `${files.rules} exclusions`} written to ${out}`;
  if (files.after === '')
    return [`${written}: load it before the rules of CRS and your own, then reload (nginx -t && nginx -s reload).`];
  return [
    `${written}, to be loaded before the rules of CRS and your own, and to ${afterName(out)}, to be loaded after them.`,
  ];
}

async function recordForce(file: string, by: string, now: Date, why: readonly string[]): Promise<void> {
  const store = openStore(file, { bulk: false });
  try {
    store.desk.recordAudit({
      at: now.toISOString(),
      by,
      action: 'waf export forced',
      subject: why.join('; ').slice(0, 4000),
    });
  } finally {
    await store.close();
  }
}
