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
import { DEFAULT_STORE } from './explain.ts';
import { examplesOf, judgeVariants } from './judge-corpus.ts';
import { stepProgress } from './step-progress.ts';
import { UseError } from './use-error.ts';

interface FitOptions {
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
    .requiredOption('--out <file>', 'where to write the weights')
    .action(fit);
}

async function fit(options: FitOptions): Promise<void> {
  if (options.store !== undefined && !options.withFeedback)
    throw new UseError('--store names the store with the feedback: add --with-feedback.');
  const corpus = await openCorpus(options.corpus);
  const said = options.withFeedback ? readFeedback(options.store ?? DEFAULT_STORE) : undefined;
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

interface SaidInStore {
  readonly file: string;
  readonly statements: number;
  /** Labelled sessions that the store does not hold, or no longer. */
  readonly gone: number;
  readonly found: FeedbackExamples;
}

function readFeedback(file: string): SaidInStore {
  const store = readStore(file);
  try {
    const statements = store.statements();
    const latest = new Map(statements.map((s) => [s.session, s]));
    const labelled = [...latest.values()].filter((s) => s.label !== null).map((s) => store.profile(s.session));
    const profiles = labelled.filter((p) => p !== undefined);
    const gone = labelled.length - profiles.length;
    return { file, statements: statements.length, gone, found: examplesFromFeedback(profiles) };
  } finally {
    store.close();
  }
}

function feedbackLines({ file, gone, found }: SaidInStore, model: CauseModel): readonly string[] {
  const { examples, withoutEvidence, unknown } = found;
  const lines: string[] = [];
  if (examples.length === 0)
    lines.push(`feedback: ${file} has no labelled session to learn from; the lab corpus alone was used`);
  else
    lines.push(
      `feedback: ${plural(examples.length, 'labelled session')} of ${file}; the fitted weights agree with ${agreeing(examples, model)} of them, the shipped ones with ${agreeing(examples, SHIPPED_MODEL)}`,
    );
  if (withoutEvidence > 0)
    lines.push(`feedback: ${plural(withoutEvidence, 'labelled session')} without stored evidence taught nothing`);
  if (gone > 0) lines.push(`feedback: ${plural(gone, 'labelled session')} not in the store`);
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
