import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { type AttackTest, readAttackTests } from '../../models/waf/attack-corpus.ts';
import type { WafProof } from '../../models/waf/proof.ts';
import { choose } from '../../models/waf/selection.ts';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { jsonText, terminalText } from '../../reports/clean-text.ts';
import { proofMarkdown, proofSummary } from '../../reports/waf/proof.ts';
import { DEFAULT_STORE } from '../explain.ts';
import { stepProgress } from '../step-progress.ts';
import { UseError } from '../use-error.ts';
import { EngineRefusal, engineName } from './engine.ts';
import { type EngineFiles, findEngine } from './engine-files.ts';
import { loggedRequests } from './logged-requests.ts';
import { readOriginals } from './read-originals.ts';
import { readQueue } from './read-queue.ts';
import { runProof } from './run-proof.ts';

const FAILED = 1;
const INTERRUPTED = 130;
export const FIRST_ID = 97_000;
const FETCH = 'go mod download -json github.com/corazawaf/coraza-coreruleset/v4@v4.25.0';

export interface ProveOptions {
  readonly store: string;
  readonly proposed?: boolean;
  readonly attacks?: string;
  readonly audit?: readonly string[];
  readonly rules?: readonly string[];
  readonly nginx?: string;
  readonly module?: string;
  readonly crs?: string;
  readonly crsSetup?: string;
  readonly paranoia: string;
  readonly limit: string;
  readonly planted: string;
  readonly lookAlikes: boolean;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function registerWafProve(waf: Command): void {
  waf
    .command('prove')
    .description(
      'replay blocked requests and attacks on a real nginx with ModSecurity and CRS, without and with the exclusions; writes the proof',
    )
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .option('--proposed', 'prove what the evidence proposes, not what was accepted')
    .option('--attacks <dir>', `folder tests/ of the CRS project (default: where Go keeps it after ${FETCH})`)
    .option('--rules <file...>', 'your own rules, in the order in which they are loaded before CRS')
    .option('--audit <file...>', 'audit logs with the originals: read for the proof, nothing of them is stored')
    .option('--nginx <path>', 'the program (default: in PATH, else Debian’s)')
    .option('--module <path>', 'its ModSecurity module')
    .option('--crs <dir>', 'folder of CRS; none: without it')
    .option('--crs-setup <file>', 'your crs-setup.conf')
    .option('--paranoia <level>', 'paranoia level, 1 to 4', '1')
    .option('--limit <n>', 'at most so many logged requests of a place', '500')
    .option('--planted <n>', 'at most so many attacks planted in a place', '600')
    .option('--no-look-alikes', 'prove only with what was logged')
    .option('--out <dir>', 'where to write waf-proof.json and waf-proof.md (default: beside the store)')
    .option('--json', 'print the proof as JSON')
    .option('--quiet', 'no progress')
    .action(async (options: ProveOptions) => {
      const { out, problem } = await runProve(options);
      process.stdout.write(out);
      for (const line of problem) process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
      if (problem.length > 0) process.exitCode = FAILED;
    });
}

export interface ProveResult {
  readonly out: string;
  readonly problem: readonly string[];
}

/** Runs the command. Wrong use throws a UseError, a store that cannot be used an OutputError. */
export async function runProve(options: ProveOptions): Promise<ProveResult> {
  const paranoia = wholeNumber('--paranoia', options.paranoia, 1, 4);
  const limit = wholeNumber('--limit', options.limit, 1, 100_000);
  const planted = wholeNumber('--planted', options.planted, 1, 100_000);
  const corpus = options.attacks ?? fetchedCorpus();
  const tests = readTests(corpus);
  const files = await findEngine({ ...options, rules: options.rules ?? [], paranoia });
  const now = new Date();
  const basis = options.proposed ? 'proposed' : 'accepted';
  const reader = readStore(options.store);
  let chosen: ReturnType<typeof choose>;
  let logged: ReturnType<typeof loggedRequests>;
  try {
    chosen = choose(readQueue(reader, {}, now.getTime()), reader.waf.decisions(), basis, now.getTime());
    logged = loggedRequests(
      reader,
      chosen.map((c) => c.place),
      limit,
    );
  } finally {
    reader.close();
  }
  if (chosen.length === 0)
    return {
      out: '',
      problem: [
        basis === 'accepted'
          ? 'nothing is accepted, so there is nothing to prove. Decide first: imapwhy waf review, imapwhy waf decide ID accept --by NAME; or prove what the evidence proposes with --proposed.'
          : 'the evidence proposes nothing, so there is nothing to prove.',
      ],
    };
  const wanted = new Set([...logged.values()].flatMap((l) => l.requests).map((l) => l.request.id));
  const originals = options.audit === undefined ? undefined : await readOriginals(options.audit, wanted);
  const interrupted = (): never => process.exit(INTERRUPTED); // engines end with this process
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const progress = stepProgress('proof', process.stderr, options.quiet === true || options.json === true);
  try {
    const proof = await runProof({
      chosen,
      logged,
      originals: originals?.messages ?? new Map(),
      tests,
      files,
      loadedRules: loadedRules(files),
      plantedMax: planted,
      lookAlikes: options.lookAlikes,
      write: { engine: 'modsecurity3', firstId: FIRST_ID, title: 'imapwhy waf prove' },
      head: {
        made_at: now.toISOString(),
        basis,
        engine: {
          name: `${await engineName(files.nginx)} with ModSecurity 3`,
          rules: files.crs?.version ?? 'none',
          own_rules: files.rules.map((f) => basename(f)),
          paranoia,
        },
        attacks: `${tests.length} tests of ${basename(dirname(corpus ?? ''))}/${basename(corpus ?? '')}`,
      },
      onStep: (done, of, what) => progress.show(done, of, what),
    });
    progress.finish();
    return await written(proof, options, originals?.problems ?? []);
  } catch (error) {
    progress.finish();
    if (error instanceof EngineRefusal)
      return {
        out: '',
        problem: [`the engine does not load these rules: ${error.message}. Check --rules, --crs and --crs-setup.`],
      };
    throw error;
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}

async function written(proof: WafProof, options: ProveOptions, problems: readonly string[]): Promise<ProveResult> {
  const folder = options.out ?? dirname(options.store);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'waf-proof.json'), `${JSON.stringify(proof, null, 2)}\n`);
  writeFileSync(join(folder, 'waf-proof.md'), proofMarkdown(proof));
  const store = openStore(options.store, { bulk: false });
  try {
    store.waf.recordProof(proof);
  } finally {
    await store.close();
  }
  const out = options.json
    ? `${jsonText(proof)}\n`
    : `${proofSummary(proof)}Proof      ${join(folder, 'waf-proof.md')}\n`;
  return { out, problem: [...problems, ...(proof.passed ? [] : ['the proof failed:', ...proof.why])] };
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const n = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (n >= min && n <= max) return n;
  throw new UseError(`${option} ${text}: a whole number from ${min} to ${max}.`);
}

/** Where Go keeps the corpus once it was fetched; of several the newest. */
function fetchedCorpus(): string | undefined {
  const caches = [
    process.env.GOMODCACHE,
    ...(process.env.GOPATH ?? join(homedir(), 'go')).split(':').map((p) => join(p, 'pkg', 'mod')),
  ];
  return caches
    .flatMap((c) =>
      c === undefined || c === ''
        ? []
        : globSync(join(c, 'github.com', 'corazawaf', 'coraza-coreruleset', 'v4@*', 'tests')),
    )
    .sort((x, y) => x.localeCompare(y, 'en', { numeric: true }))
    .at(-1);
}

/** Without attacks a proof would only show that requests pass. */
function readTests(folder: string | undefined): readonly AttackTest[] {
  if (folder === undefined)
    throw new UseError(
      `--attacks DIR is needed: the folder tests/ of the CRS project’s own regression tests. Get it with\n  ${FETCH}\nafter which it is found by itself, or give DIR/tests, where DIR is what that prints as "Dir".`,
    );
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UseError(`--attacks ${folder}: no such folder.`);
  const tests = globSync(join(folder, '**', '*.{yaml,yml}'))
    .sort()
    .flatMap((file) => {
      try {
        return readAttackTests(parse(readFileSync(file, 'utf8')));
      } catch (error) {
        throw new UseError(
          `--attacks ${file}: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)}`,
        );
      }
    });
  if (tests.length === 0) throw new UseError(`--attacks ${folder}: no tests are in it. Get them with ${FETCH}`);
  return tests;
}

/** Ids of the rules in the files, to tell a rule that does not match from one that is not there. */
function loadedRules(files: EngineFiles): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const file of [...files.rules, ...(files.crs?.rules ?? [])])
    for (const m of readFileSync(file, 'utf8').matchAll(/(?:^|[",\s])id:\s*'?(\d{1,10})/g)) ids.add(m[1] ?? '');
  return ids;
}
