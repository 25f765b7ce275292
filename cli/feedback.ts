import type { Command } from 'commander';
import { openStore, readStore, type StoreReader } from '../outputs/sqlite.ts';
import { modelCause, type Statement } from '../processors/profile/feedback.ts';
import { CAUSE_LABELS, type Cause, type CauseLabel, type Profile } from '../processors/profile/profile.ts';
import { jsonText, terminalText } from '../reports/clean-text.ts';
import { shareText } from '../reports/wording.ts';
import type { TargetOptions } from './elasticsearch-options.ts';
import { DEFAULT_STORE } from './explain.ts';
import { elasticsearchPlace, hasTarget } from './feedback-elasticsearch.ts';
import { type Found, findById } from './find-session.ts';
import { UseError } from './use-error.ts';

const FAILED = 1;
const NAME_MAX = 200;
const NOTE_MAX = 4000;

export interface FeedbackOptions extends TargetOptions {
  readonly by?: string;
  readonly note?: string;
  readonly store?: string;
  readonly undo?: boolean;
  readonly list?: boolean;
  readonly json?: boolean;
}

export function registerFeedback(program: Command): void {
  program
    .command('feedback')
    .description(
      'say what the cause of a session was: kept with your name and the time, and shown instead of the model’s answer, in the store or (with --config) in Elasticsearch',
    )
    .argument('[id]', "id of the session, its first characters, or Dovecot's session id")
    .argument('[label]', `what it was: ${CAUSE_LABELS.join(', ')}`)
    .option('--by <name>', 'who says so')
    .option('--note <text>', 'why')
    .option('--store <file>', `the store (default: ${DEFAULT_STORE})`)
    .option(
      '--config <file>',
      'Elasticsearch instead of a store: section elasticsearch of the configuration of the service',
    )
    .option('--elasticsearch <url>', 'address of the cluster, instead of --config; several with commas')
    .option('--cloud-id <id>', 'of Elastic Cloud, instead of an address')
    .option('--namespace <name>', 'last part of the names of indices (default: default)')
    .option('--api-key <secret>', 'env:NAME or file:PATH')
    .option('--user <name>', 'with --password')
    .option('--password <secret>', 'env:NAME or file:PATH')
    .option('--ca <file>', 'certificate of the authority, in PEM format')
    .option('--undo', 'take back what was said about the session: the model’s answer counts again')
    .option('--list', 'show what was said, about one session or about all')
    .option('--json', 'the answer as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  imapwhy feedback 061354cee4632682d255 security.rate_limit --by Ola --note "the new router limits SYNs"\n  imapwhy feedback 061354cee4632682d255 --undo --by Ola\n  imapwhy feedback --list\n  imapwhy feedback 061354cee4632682d255 none --by Ola --config imapwhy.yml',
    )
    .action(async (id: string | undefined, label: string | undefined, options: FeedbackOptions) => {
      const result = await runFeedback(id, label, options);
      process.stdout.write(result.out);
      for (const line of result.problem) process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
      if (result.problem.length > 0) process.exitCode = FAILED;
    });
}

/** What the command prints, or the lines that say why nothing was done. */
export interface FeedbackResult {
  readonly out: string;
  readonly problem: readonly string[];
}

/** Runs the command. Wrong use throws a UseError, a store that cannot be used an OutputError. */
export async function runFeedback(
  id: string | undefined,
  label: string | undefined,
  options: FeedbackOptions,
): Promise<FeedbackResult> {
  if (hasTarget(options) && options.store !== undefined)
    throw new UseError('--store and Elasticsearch: a statement is kept in one place. Leave one of them out.');
  return options.list ? list(id, label, options) : say(id, label, options);
}

/** Where profiles lie and what people said about them is kept. */
export interface FeedbackPlace {
  /** In words. */
  readonly where: string;
  /** The one session of this id, and its cause as the model gave it. */
  find(
    id: string,
  ): Promise<{ readonly profile: Profile; readonly cause: Cause } | { readonly notFound: readonly string[] }>;
  /** About one session or about all, in the order in which they were said. */
  statements(session: string | undefined): Promise<readonly Statement[]>;
  /** About the session that was found. */
  record(statement: Statement): Promise<void>;
  close(): Promise<void>;
}

const placeOf = (options: FeedbackOptions): FeedbackPlace =>
  hasTarget(options) ? elasticsearchPlace(options) : storePlace(options.store ?? DEFAULT_STORE);

function storePlace(file: string): FeedbackPlace {
  const reader = readStore(file);
  return {
    where: 'the store',
    async find(id) {
      const found = only(reader, id);
      return 'notFound' in found ? found : { profile: found.profile, cause: modelCause(found.profile) };
    },
    statements: async (session) => (session === undefined ? reader.statements() : reader.statements(session)),
    async record(statement) {
      const store = openStore(file, { bulk: false });
      try {
        store.recordStatement(statement);
      } finally {
        await store.close();
      }
    },
    close: async () => reader.close(),
  };
}

const refused = (problem: readonly string[]): FeedbackResult => ({ out: '', problem });
const printed = (lines: readonly string[]): FeedbackResult => ({
  out: lines.map((l) => `${l}\n`).join(''),
  problem: [],
});

async function say(
  id: string | undefined,
  label: string | undefined,
  options: FeedbackOptions,
): Promise<FeedbackResult> {
  const undo = options.undo === true;
  if (id === undefined || id === '')
    throw new UseError(
      'say which session and what it was: imapwhy feedback ID LABEL --by NAME. imapwhy explain --user anna --at 09:13 shows the id.',
    );
  if (undo && label !== undefined) throw new UseError('--undo takes no label: imapwhy feedback ID --undo --by NAME');
  const said = undo ? null : labelOf(label);
  const by = personText('--by', options.by, NAME_MAX);
  if (by === null) throw new UseError('--by NAME is needed: what people said is kept with who said it.');
  const note = personText('--note', options.note, NOTE_MAX);
  return reading(options, async (place) => {
    const found = await place.find(id);
    if ('notFound' in found) return refused(found.notFound);
    const { session } = found.profile.imapwhy;
    if (undo && !found.profile.imapwhy.feedback)
      return refused([`${session.id}: nothing that counts was said about it, so there is nothing to take back.`]);
    const { cause } = found;
    const statement: Statement = {
      session: session.id,
      label: said,
      by,
      at: new Date().toISOString(),
      note,
      model_label: cause.label,
      model_probability: cause.probability,
    };
    await place.record(statement);
    return printed([options.json ? jsonText(statement) : terminalText(saidText(statement))]);
  });
}

function labelOf(label: string | undefined): CauseLabel {
  const known = CAUSE_LABELS.find((l) => l === label);
  if (known !== undefined) return known;
  const wrong = label === undefined ? 'say what it was' : `${label} is no cause that imapwhy knows`;
  throw new UseError(`${wrong}: one of ${CAUSE_LABELS.join(', ')}. docs/causes.md tells what each means.`);
}

/** What a person typed, without the spaces around it; null for nothing. */
function personText(option: string, text: string | undefined, max: number): string | null {
  const trimmed = text?.toWellFormed().trim() ?? '';
  if (trimmed.length > max)
    throw new UseError(`${option} is ${trimmed.length} characters long; at most ${max} are kept.`);
  return trimmed === '' ? null : trimmed;
}

async function reading<T>(options: FeedbackOptions, work: (place: FeedbackPlace) => Promise<T>): Promise<T> {
  const place = placeOf(options);
  try {
    return await work(place);
  } finally {
    await place.close();
  }
}

/** Explaining the wrong one of several is a nuisance; labelling it is a mistake that stays. */
function only(store: StoreReader, id: string): Found {
  const found = findById(store, id);
  if ('notFound' in found || found.others.length === 0) return found;
  const ids = [found.profile, ...found.others].map((p) => `  ${p.imapwhy.session.id}`);
  return { notFound: [`Several sessions have Dovecot’s id ${id}. Name one of them:`, ...ids] };
}

function saidText(s: Statement): string {
  const model = `the model’s answer, ${s.model_label} (${shareText(s.model_probability)} sure)`;
  return s.label === null
    ? `${s.session}: ${model}, counts again. What was said before is kept.`
    : `${s.session}: ${s.label}, said by ${s.by}, counts instead of ${model}. Take it back: imapwhy feedback ${s.session} --undo --by NAME`;
}

async function list(
  id: string | undefined,
  label: string | undefined,
  options: FeedbackOptions,
): Promise<FeedbackResult> {
  if (label !== undefined || options.undo || options.by !== undefined || options.note !== undefined)
    throw new UseError('--list shows only: imapwhy feedback --list, or imapwhy feedback ID --list');
  const statements = await reading(options, async (place) => {
    if (id === undefined) return place.statements(undefined);
    const found = await place.find(id);
    return 'notFound' in found ? found : place.statements(found.profile.imapwhy.session.id);
  });
  if ('notFound' in statements) return refused(statements.notFound);
  return printed(options.json ? [jsonText(statements)] : listLines(statements).map(terminalText));
}

function listLines(statements: readonly Statement[]): readonly string[] {
  if (statements.length === 0) return ['Nobody has said anything yet.'];
  const latest = new Map(statements.map((s) => [s.session, s]));
  return statements.map((s) => {
    const what = s.label === null ? 'taken back' : s.label;
    const counts = latest.get(s.session) === s ? '' : ' (no longer counts)';
    const note = s.note === null ? '' : `: ${s.note}`;
    return `${s.session}  ${s.at}  ${what}${counts}, ${s.by}${note}  [model: ${s.model_label}, ${shareText(s.model_probability)}]`;
  });
}
