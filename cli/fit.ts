import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type CauseModel, decide } from '../models/cause/decide.ts';
import { examplesFromFeedback, type FeedbackExamples } from '../models/cause/feedback.ts';
import { type Example, fitCauses } from '../models/cause/fit.ts';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { EPOCH_MAX, parseWeights, weightsText } from '../models/cause/weights-file.ts';
import { messageOf, OutputError } from '../outputs/output-error.ts';
import { readStore } from '../outputs/sqlite.ts';
import { terminalText } from '../reports/clean-text.ts';
import { plural } from '../reports/wording.ts';
import { openCorpus, SAMPLE_CORPUS } from './corpus.ts';
import type { TargetOptions } from './elasticsearch-options.ts';
import { DEFAULT_STORE } from './explain.ts';
import { hasTarget, labelledIn } from './feedback-elasticsearch.ts';
import { examplesOf, judgeVariants } from './judge-corpus.ts';
import { stepProgress } from './step-progress.ts';
import { UseError } from './use-error.ts';

interface FitOptions extends TargetOptions {
  readonly corpus: string;
  readonly out: string;
  readonly withFeedback?: boolean;
  readonly store?: string;
}

export function registerFit(program: Command): void {
  program
    .command('fit')
    .description('fit the weights of the evidence, from labelled data')
    .command('causes')
    .description(
      'fit the weights of the evidence on a lab corpus, and on what people said with --with-feedback; analyze --weights uses them',
    )
    .option('--corpus <dir>', 'folder with logs/ and truth.ndjson (plain or .gz)', SAMPLE_CORPUS)
    .option('--with-feedback', 'the sessions that people labelled (imapwhy feedback) are examples too')
    .option('--store <file>', `the store with the feedback (default: ${DEFAULT_STORE})`)
    .option(
      '--config <file>',
      'Elasticsearch instead of a store: section elasticsearch of the configuration of the service',
    )
    .option('--elasticsearch <url>', 'address of a cluster that asks for no password, instead of --config')
    .requiredOption('--out <file>', 'where to write the weights')
    .action(fit);
}

async function fit(options: FitOptions): Promise<void> {
  if ((options.store !== undefined || hasTarget(options)) && !options.withFeedback)
    throw new UseError('--store, --config and --elasticsearch name where the feedback is: add --with-feedback.');
  if (options.store !== undefined && hasTarget(options))
    throw new UseError('--store and Elasticsearch: feedback is read from one place. Leave one of them out.');
  const corpus = await openCorpus(options.corpus);
  const said = options.withFeedback ? await readFeedback(options) : undefined;
  const progress = stepProgress('lab', process.stderr, false);
  const variants = await judgeVariants(corpus, (done, of) => progress.show(done, of, 'sets of sources'));
  progress.finish();
  const fitted = fitCauses([...variants.flatMap((v) => examplesOf(v)), ...(said?.found.examples ?? [])]);
  // Documents are replaced only by those of a higher epoch: each statement makes one.
  const model = said ? { ...fitted, epoch: Math.min(EPOCH_MAX, SHIPPED_MODEL.epoch + said.statements) } : fitted;
  await writeFile(options.out, weightsText(model)).catch((cause: unknown) => {
    throw new OutputError('OUTPUT_FAILED', `--out ${options.out}: cannot be written (${messageOf(cause)}).`, cause);
  });
  if (said) for (const line of feedbackLines(said, model)) process.stdout.write(`${terminalText(line)}\n`);
  process.stdout.write(
    `fitted on ${variants[0]?.cases.length ?? 0} sessions that needed an explanation, each seen with ${variants.length} sets of sources; wrote ${options.out}\n`,
  );
}

interface Said {
  readonly where: string;
  readonly statements: number;
  /** Labelled sessions whose profiles are not there, or no longer. */
  readonly gone: number;
  readonly found: FeedbackExamples;
}

async function readFeedback(options: FitOptions): Promise<Said> {
  if (!hasTarget(options)) return readStoreFeedback(options.store ?? DEFAULT_STORE);
  const { statements, labelled, profiles } = await labelledIn(options);
  const where = 'Elasticsearch';
  return { where, statements, gone: labelled - profiles.length, found: examplesFromFeedback(profiles) };
}

function readStoreFeedback(file: string): Said {
  const store = readStore(file);
  try {
    const statements = store.statements();
    const latest = new Map(statements.map((s) => [s.session, s]));
    const labelled = [...latest.values()].filter((s) => s.label !== null).map((s) => store.profile(s.session));
    const profiles = labelled.filter((p) => p !== undefined);
    const gone = labelled.length - profiles.length;
    return { where: file, statements: statements.length, gone, found: examplesFromFeedback(profiles) };
  } finally {
    store.close();
  }
}

function feedbackLines({ where, gone, found }: Said, model: CauseModel): readonly string[] {
  const { examples, withoutEvidence, unknown } = found;
  const lines: string[] = [];
  if (examples.length === 0)
    lines.push(`feedback: ${where} has no labelled session to learn from; the lab corpus alone was used`);
  else
    lines.push(
      `feedback: ${plural(examples.length, 'labelled session')} of ${where}; the fitted weights agree with ${agreeing(examples, model)} of them, the shipped ones with ${agreeing(examples, SHIPPED_MODEL)}`,
    );
  if (withoutEvidence > 0)
    lines.push(`feedback: ${plural(withoutEvidence, 'labelled session')} without stored evidence taught nothing`);
  if (gone > 0) lines.push(`feedback: ${plural(gone, 'labelled session')} no longer there`);
  if (unknown.size > 0)
    lines.push(`feedback: evidence that this imapwhy no longer has was left out: ${[...unknown].join(', ')}`);
  return lines;
}

const agreeing = (examples: readonly Example[], model: CauseModel): number =>
  examples.filter((e) => decide(e.values, model).label === e.label).length;

/** The weights that `--weights FILE` names. */
export async function readWeights(file: string): Promise<CauseModel> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UseError(`--weights ${file}: cannot be read (${messageOf(cause)}).`, { cause });
  });
  const read = parseWeights(text);
  if (read.kind === 'model') return read.model;
  throw new UseError(`--weights ${file}: ${read.problem}. Make it with: imapwhy fit causes --out ${file}`);
}
