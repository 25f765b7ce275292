import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { CauseModel } from '../models/cause/decide.ts';
import { fitCauses } from '../models/cause/fit.ts';
import { type CauseScore, scoreCauses } from '../models/cause/score.ts';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import type { TruthSession } from '../models/cause/truth.ts';
import { weightsText } from '../models/cause/weights-file.ts';
import { causesCard } from '../reports/causes/card.ts';
import { scoreText } from '../reports/causes/text.ts';
import { type Corpus, openCorpus, readFolds, SAMPLE_CORPUS } from './corpus.ts';
import { examplesOf, type JudgedCorpus, judgeCorpus, judgeVariants } from './judge-corpus.ts';
import { measureCalibration } from './measure-calibration.ts';
import { sha256 } from './model-directory.ts';
import { stepProgress } from './step-progress.ts';
import { UseError } from './use-error.ts';

interface EvaluateOptions {
  readonly corpus: string;
  readonly folds?: string;
  readonly out?: string;
  readonly without?: readonly string[];
  readonly card?: string;
  readonly json?: boolean;
}

export function registerEvaluateCauses(evaluate: Command): void {
  evaluate
    .command('causes')
    .description(
      'score the named causes against a lab corpus; with --folds also held out, with weights fitted without the fold that they are tested on',
    )
    .option('--corpus <dir>', 'folder with logs/ and truth.ndjson (plain or .gz)', SAMPLE_CORPUS)
    .option('--folds <file>', 'folds.ndjson: {session, fold} a line')
    .option(
      '--out <dir>',
      'write profiles.ndjson of the shipped weights, and held-out.ndjson of the pooled held-out answers',
    )
    .option(
      '--without <family...>',
      'leave out these logs: netflow, haproxy, modsecurity, nginx, openvpn, netfilter, fail2ban',
    )
    .option('--card <file>', 'write the model card, Markdown, and its plots beside it; needs --folds')
    .option('--json', 'the figures as JSON')
    .action(evaluateCauses);
}

export async function evaluateCauses(options: EvaluateOptions): Promise<void> {
  const { folds: foldsFile, card } = options;
  if (card !== undefined && foldsFile === undefined)
    throw new UseError('--card needs --folds FILE: its figures are of faults that were held out.');
  if (card !== undefined && options.without !== undefined)
    throw new UseError('--card tells of all logs and of fewer by itself: leave out --without.');
  const corpus = await openCorpus(options.corpus);
  const folds = foldsFile === undefined ? undefined : await readFolds(foldsFile);
  const judged = await judgeCorpus(corpus, options.without ?? []);
  const report: Record<string, CauseScore> = { shipped: score(corpus, judged, () => SHIPPED_MODEL) };
  if (options.out !== undefined) await writeProfiles(options.out, 'profiles.ndjson', judged, () => SHIPPED_MODEL);
  if (folds !== undefined) {
    const modelOf = heldOut([judged], folds);
    report.held_out = score(corpus, judged, modelOf);
    if (options.out !== undefined)
      await writeProfiles(options.out, 'held-out.ndjson', judged, (i) => modelOf(judged.truthOf.get(i)));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else for (const [name, s] of Object.entries(report)) process.stdout.write(scoreText(name, s));
  if (card !== undefined && folds !== undefined) await writeCard(card, corpus, folds, options);
}

/** For each session the weights that have not seen its fold, fitted on the given sets of sources. */
function heldOut(
  variants: readonly JudgedCorpus[],
  folds: ReadonlyMap<number, number>,
): (t: TruthSession | undefined) => CauseModel {
  const models = new Map(
    [...new Set(folds.values())].map((fold) => [
      fold,
      fitCauses(variants.flatMap((v) => examplesOf(v, (t) => folds.get(t.session) !== fold))),
    ]),
  );
  return (t) => models.get(t === undefined ? -1 : (folds.get(t.session) ?? -1)) ?? SHIPPED_MODEL;
}

/** The card is about weights that are fitted as the shipped ones are: on all sets of sources, but for the fold that they judge. */
async function writeCard(
  file: string,
  corpus: Corpus,
  folds: ReadonlyMap<number, number>,
  options: EvaluateOptions,
): Promise<void> {
  const progress = stepProgress('card', process.stderr, options.json === true);
  const variants = await judgeVariants(corpus, (done, of) => progress.show(done, of, 'sets of sources'));
  progress.finish();
  const fits = stepProgress('calibration', process.stderr, options.json === true);
  const calibrations = measureCalibration(variants, folds, (done, of) => fits.show(done, of, 'pairs of folds'));
  fits.finish();
  const modelOf = heldOut(variants, folds);
  const name = basename(file, '.md');
  const files = causesCard({
    name,
    command: `imapwhy evaluate causes --folds ${options.folds} --card ${file}${options.corpus === SAMPLE_CORPUS ? '' : ` --corpus ${options.corpus}`}`,
    weightsSha256: sha256(weightsText(SHIPPED_MODEL)),
    epoch: SHIPPED_MODEL.epoch,
    attempts: corpus.truth.length,
    cases: variants[0]?.cases.length ?? 0,
    folds: new Set(folds.values()).size,
    calibrations,
    sources: variants.map((v) => ({
      without: v.without,
      shipped: score(corpus, v, () => SHIPPED_MODEL),
      heldOut: score(corpus, v, modelOf),
    })),
  });
  await mkdir(dirname(file), { recursive: true });
  for (const [path, text] of files) await writeFile(join(dirname(file), path), text);
}

function score(corpus: Corpus, judged: JudgedCorpus, modelOf: (t: TruthSession) => CauseModel): CauseScore {
  return scoreCauses(corpus.truth, (t) => {
    const i = judged.indexOf.get(t.session);
    if (i === undefined) return undefined;
    const { cause, outcome } = judged.profile(i, modelOf(t)).imapwhy;
    return { label: cause.label, probability: cause.probability, outcome };
  });
}

async function writeProfiles(
  out: string,
  name: string,
  judged: JudgedCorpus,
  modelOf: (index: number) => CauseModel,
): Promise<void> {
  await mkdir(out, { recursive: true });
  await writeFile(
    join(out, name),
    judged.closed.map((_, i) => `${JSON.stringify(judged.profile(i, modelOf(i)))}\n`).join(''),
  );
}
