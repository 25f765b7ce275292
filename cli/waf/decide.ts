import type { Command } from 'commander';
import {
  WAF_DECISIONS,
  WAF_SCOPES,
  type WafDecision,
  type WafDecisionKind,
  type WafScope,
} from '../../models/waf/decision.ts';
import type { Place } from '../../models/waf/place.ts';
import { placeId, samePlace } from '../../models/waf/place.ts';
import { PROPOSED_FROM, placeOfRow, type WafQueue, type WafRow } from '../../models/waf/queue.ts';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { jsonText, terminalText } from '../../reports/clean-text.ts';
import { DEFAULT_STORE } from '../explain.ts';
import { UseError } from '../use-error.ts';
import { instantOption } from './instant.ts';
import { readQueue } from './read-queue.ts';
import { rowById } from './review.ts';

const FAILED = 1;
const NAME_MAX = 200;
const NOTE_MAX = 4000;
const PLACE_PART_MAX = 4096;

export interface DecideOptions {
  readonly rule?: string;
  readonly path?: string;
  readonly target?: string;
  readonly by?: string;
  readonly note?: string;
  readonly expires?: string;
  readonly scope?: string;
  readonly store?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

export function registerWafDecide(waf: Command): void {
  waf
    .command('decide')
    .description(
      'say what a place of the review is; kept with your name and the time, the latest counts, nothing is excluded by it',
    )
    .argument(
      '[id]',
      'id of the place from imapwhy waf review, or its first characters (or --rule, --path and --target)',
    )
    .argument('[decision]', `${WAF_DECISIONS.join(', ')}: a false positive, rightly stopped, cannot tell`)
    .option('--rule <id>', 'the rule, instead of the id')
    .option('--path <path>', 'the path as the review shows it')
    .option('--target <variable>', 'the part of the request: ARGS:body, REQUEST_HEADERS:User-Agent')
    .option('--by <name>', 'who says so')
    .option('--note <text>', 'why')
    .option('--expires <time>', 'the exclusion ends then, by itself: 2027-03-01')
    .option(
      '--scope <scope>',
      `what is let through: ${WAF_SCOPES.join(', ')} (default target: this target on this path)`,
    )
    .option('--store <file>', 'the store', DEFAULT_STORE)
    .option('--list', 'show all decisions')
    .option('--json', 'the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  imapwhy waf decide 3f2a accept --by Ola --note "refresh tokens are long" --expires 2027-03-01\n  imapwhy waf decide attack --rule 942100 --path /login --target ARGS:user --by Ola',
    )
    .action(async (id: string | undefined, decision: string | undefined, options: DecideOptions) => {
      const { out, problem } = await runDecide(id, decision, options);
      process.stdout.write(out);
      for (const line of problem) process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
      if (problem.length > 0) process.exitCode = FAILED;
    });
}

export interface DecideResult {
  readonly out: string;
  readonly problem: readonly string[];
}

/** Runs the command. Wrong use throws a UseError, a store that cannot be used an OutputError. */
export async function runDecide(
  first: string | undefined,
  second: string | undefined,
  options: DecideOptions,
): Promise<DecideResult> {
  const file = options.store ?? DEFAULT_STORE;
  if (options.list) return list(file, options);
  const named = options.rule !== undefined || options.path !== undefined || options.target !== undefined;
  const [id, word] = named ? [undefined, first] : [first, second];
  if (named && second !== undefined)
    throw new UseError('name the place by its id, or by --rule, --path and --target, not by both.');
  if (!named && id === undefined)
    throw new UseError(
      'say which place and what it is: imapwhy waf decide ID accept --by NAME. imapwhy waf review shows the ids.',
    );
  const kind = decisionOf(word);
  const scope = scopeOf(options.scope);
  const by = personText('--by', options.by, NAME_MAX);
  if (by === null) throw new UseError('--by NAME is needed: a decision is kept with who made it.');
  const note = personText('--note', options.note, NOTE_MAX);
  const now = Date.now();
  const expires = instantOption('--expires', options.expires);
  if (expires !== undefined && expires <= now) throw new UseError(`--expires ${options.expires} is over already.`);
  if (kind !== 'accept' && (expires !== undefined || options.scope !== undefined))
    throw new UseError(`--expires and --scope belong to accept: ${kind} lets nothing through.`);
  const queue = queueOf(file, now);
  const found = named ? namedPlace(options, queue) : placeById(queue, id ?? '');
  if (typeof found === 'string') return { out: '', problem: [found] };
  const { place, row } = found;
  const decision: WafDecision = {
    ...place,
    decision: kind,
    scope,
    by,
    at: new Date(now).toISOString(),
    note,
    expires: expires === undefined ? null : new Date(expires).toISOString(),
    model_probability: row?.probability ?? null,
    requests_blocked: row?.requests_blocked ?? null,
  };
  const store = openStore(file, { bulk: false });
  try {
    store.waf.decide(decision);
  } finally {
    await store.close();
  }
  return { out: `${options.json ? jsonText(decision) : terminalText(saidText(decision, row))}\n`, problem: [] };
}

function queueOf(file: string, now: number): WafQueue {
  const store = readStore(file);
  try {
    return readQueue(store, {}, now);
  } finally {
    store.close();
  }
}

interface Found {
  readonly place: Place;
  readonly row: WafRow | undefined;
}

function placeById(queue: WafQueue, id: string): Found | string {
  const row = rowById(queue, id);
  return typeof row === 'string' ? row : { place: placeOfRow(row), row };
}

/** A place need not be in the review: what was decided elsewhere can be entered too. */
function namedPlace(options: DecideOptions, queue: WafQueue): Found {
  const place = {
    rule: placePart('--rule', options.rule),
    path: placePart('--path', options.path),
    target: placePart('--target', options.target),
  };
  if (!/^\d{1,10}$/.test(place.rule))
    throw new UseError(`--rule ${options.rule ?? ''}: a rule is a number, such as 942100.`);
  return { place, row: queue.rows.find((r) => samePlace(placeOfRow(r), place)) };
}

function placePart(option: string, text: string | undefined): string {
  if (text === undefined) throw new UseError('a place is --rule, --path and --target together.');
  if (text.length > PLACE_PART_MAX)
    throw new UseError(`${option} is ${text.length} characters long; at most ${PLACE_PART_MAX}.`);
  return text.toWellFormed();
}

function decisionOf(word: string | undefined): WafDecisionKind {
  const known = WAF_DECISIONS.find((d) => d === word);
  if (known !== undefined) return known;
  const wrong = word === undefined ? 'say what it is' : `${word} is no decision`;
  throw new UseError(`${wrong}: one of ${WAF_DECISIONS.join(', ')}.`);
}

function scopeOf(text: string | undefined): WafScope {
  if (text === undefined) return 'target';
  const known = WAF_SCOPES.find((s) => s === text);
  if (known !== undefined) return known;
  throw new UseError(`--scope ${text}: one of ${WAF_SCOPES.join(', ')}.`);
}

/** What a person typed, without the spaces around it; null for nothing. */
function personText(option: string, text: string | undefined, max: number): string | null {
  const trimmed = text?.toWellFormed().trim() ?? '';
  if (trimmed.length > max)
    throw new UseError(`${option} is ${trimmed.length} characters long; at most ${max} are kept.`);
  return trimmed === '' ? null : trimmed;
}

const MEANING: Readonly<Record<WafDecisionKind, string>> = {
  accept: 'a false positive',
  attack: 'rightly stopped',
  unsure: 'not to be told',
};

function saidText(d: WafDecision, row: WafRow | undefined): string {
  const until = d.expires === null ? '' : `, until ${d.expires}`;
  const seen =
    row === undefined
      ? '; no stored request was stopped there'
      : `; ${row.requests_blocked} requests were stopped there`;
  const doubt =
    row !== undefined && d.decision === 'accept' && row.probability < 1 - PROPOSED_FROM
      ? ` The evidence speaks for an attack (probability of a false positive ${row.probability}).`
      : '';
  const next = d.decision === 'accept' ? ' Next: imapwhy waf prove, then imapwhy waf export --accepted.' : '';
  return `${placeId(d)}: rule ${d.rule}, ${d.path || '(any path)'}, ${d.target || '(no target)'} is ${MEANING[d.decision]}, says ${d.by}${until}${seen}.${doubt}${next}`;
}

function list(file: string, options: DecideOptions): DecideResult {
  const store = readStore(file);
  try {
    const decisions = store.waf.decisions();
    if (options.json) return { out: `${jsonText(decisions)}\n`, problem: [] };
    if (decisions.length === 0) return { out: 'Nobody has decided anything yet.\n', problem: [] };
    const latest = new Map(decisions.map((d) => [placeId(d), d]));
    const lines = decisions.map((d) => {
      const counts = latest.get(placeId(d)) === d ? '' : ' (no longer counts)';
      const until = d.expires === null ? '' : `, until ${d.expires}`;
      const note = d.note === null ? '' : `: ${d.note}`;
      return `${placeId(d)}  ${d.at}  ${d.decision}${counts}  ${d.rule} ${d.path} ${d.target}  ${d.by}${until}${note}`;
    });
    return { out: lines.map((l) => `${terminalText(l)}\n`).join(''), problem: [] };
  } finally {
    store.close();
  }
}
