import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { newCase } from '../models/cause/case.ts';
import { type CauseModel, measure } from '../models/cause/decide.ts';
import { type Example, fitCauses } from '../models/cause/fit.ts';
import { judge } from '../models/cause/judge.ts';
import { type CauseScore, scoreCauses } from '../models/cause/score.ts';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { findable, matchTruth, type TruthSession } from '../models/cause/truth.ts';
import type { ClosedSession } from '../processors/correlate/correlate.ts';
import { buildProfile } from '../processors/profile/build-profile.ts';
import { DEFAULT_TIMERS } from '../processors/profile/known-timers.ts';
import type { Profile } from '../processors/profile/profile.ts';
import { newRedaction } from '../processors/redact.ts';
import { UTC } from '../processors/time.ts';
import { type Corpus, openCorpus, readFolds } from './corpus.ts';
import { registerEvaluateAnomaly } from './evaluate-anomaly.ts';
import { registerEvaluatePrediction } from './evaluate-prediction.ts';
import { runAnalysis } from './run-analysis.ts';

/** Beside the sources, or one folder further up when this runs compiled from dist/. */
export const SAMPLE_CORPUS =
  ['../samples/lab-a', '../../samples/lab-a']
    .map((path) => join(import.meta.dirname, path))
    .find((path) => existsSync(path)) ?? 'samples/lab-a';

export function registerEvaluate(program: Command): void {
  const evaluate = program.command('evaluate').description('every figure of the model cards, from labelled data');
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
    .option('--json', 'the figures as JSON')
    .action(async (options: { corpus: string; folds?: string; out?: string; without?: string[]; json?: boolean }) => {
      await evaluateCauses(options);
    });
  registerEvaluatePrediction(evaluate);
  registerEvaluateAnomaly(evaluate, SAMPLE_CORPUS);
  const fit = program.command('fit').description('fit what is shipped, from labelled data');
  fit
    .command('causes')
    .description('fit the weights of the evidence on a lab corpus and write them, for models/cause/weights.json')
    .option('--corpus <dir>', 'folder with logs/ and truth.ndjson (plain or .gz)', SAMPLE_CORPUS)
    .requiredOption('--out <file>', 'where to write the weights')
    .action(async (options: { corpus: string; out: string }) => {
      const corpus = await openCorpus(options.corpus);
      const variants = await judgeVariants(corpus);
      const model = fitCauses(variants.flatMap((v) => examplesOf(v)));
      await writeFile(options.out, weightsText(model));
      process.stdout.write(
        `fitted on ${variants[0]?.cases.length ?? 0} sessions that needed an explanation, each seen with ${variants.length} sets of sources; wrote ${options.out}\n`,
      );
    });
}

/** A corpus run through the flow once: the closed sessions, and which truth each answers for. */
interface JudgedCorpus {
  readonly closed: readonly ClosedSession[];
  readonly truthOf: ReadonlyMap<number, TruthSession>; // by index in closed
  readonly indexOf: ReadonlyMap<number, number>; // by truth session
  /** Sessions with certain truth that are not plainly healthy: what can be learned from. */
  readonly cases: readonly { readonly index: number; readonly truth: TruthSession; readonly values: Float64Array }[];
  profile(index: number, model: CauseModel): Profile;
}

/**
 * What other sites may lack. Weights are fitted on all of these at once, so that no cause hangs on a log that only some sites have.
 */
const MISSING_SOURCES: readonly (readonly string[])[] = [
  [],
  ['netflow'],
  ['haproxy'],
  ['netflow', 'haproxy'],
  ['openvpn'],
  ['modsecurity', 'nginx'],
  ['netfilter'],
  ['netflow', 'haproxy', 'openvpn', 'modsecurity', 'nginx', 'netfilter'],
];

async function judgeVariants(corpus: Corpus): Promise<readonly JudgedCorpus[]> {
  const variants: JudgedCorpus[] = [];
  for (const without of MISSING_SOURCES) variants.push(await judgeCorpus(corpus, without));
  return variants;
}

async function judgeCorpus(corpus: Corpus, without: readonly string[]): Promise<JudgedCorpus> {
  const closed: ClosedSession[] = [];
  await runAnalysis({
    paths: [corpus.logs],
    clock: { zone: UTC, zoneBySource: [], near: undefined, now: Date.now() },
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    redaction: newRedaction('evaluation'),
    since: Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    keepEvents: false,
    without: new Set(without),
    onBatch: () => Promise.resolve(),
    onClosed: (sessions) => {
      closed.push(...sessions);
    },
  });
  const profile = (index: number, model: CauseModel): Profile => {
    const c = closed[index];
    if (!c) throw new RangeError(`no session ${index}`);
    const judgement = judge(c, model, DEFAULT_TIMERS);
    return buildProfile(c, judgement.outcome, judgement.cause, NO_FACTS, model.epoch);
  };
  const indexOf = matchTruth(
    corpus.truth,
    closed.map((_, i) => findable(profile(i, SHIPPED_MODEL))),
  );
  const truthOf = new Map(
    corpus.truth.flatMap((t) => {
      const i = indexOf.get(t.session);
      return i === undefined ? [] : [[i, t] as const];
    }),
  );
  const cases = closed.flatMap((c, index) => {
    const truth = truthOf.get(index);
    if (!truth || truth.ambiguous || !c.surroundings || (truth.dovecotId === null && truth.trace === 'none')) return [];
    return [{ index, truth, values: measure(newCase(c.session, c.surroundings, DEFAULT_TIMERS)) }];
  });
  return { closed, truthOf, indexOf, cases, profile };
}

const NO_FACTS = { eventId: (source: number, offset: number) => `${source}-${offset}`, clock: () => undefined };

/** Rare causes count more, within reason, so that the frequent ones do not take all the weight. */
function examplesOf(judged: JudgedCorpus, keep: (t: TruthSession) => boolean = () => true): Example[] {
  const kept = judged.cases.filter((c) => keep(c.truth));
  const counts = new Map<string, number>();
  for (const c of kept) counts.set(c.truth.cause, (counts.get(c.truth.cause) ?? 0) + 1);
  return kept.map((c) => ({
    values: c.values,
    label: c.truth.cause,
    weight: Math.min(3, Math.sqrt(60 / (counts.get(c.truth.cause) ?? 60)) + 0.3),
  }));
}

async function evaluateCauses(options: {
  readonly corpus: string;
  readonly folds?: string;
  readonly out?: string;
  readonly without?: readonly string[];
  readonly json?: boolean;
}): Promise<void> {
  const corpus = await openCorpus(options.corpus);
  const judged = await judgeCorpus(corpus, options.without ?? []);
  const shipped = score(corpus, judged, () => SHIPPED_MODEL);
  const report: Record<string, CauseScore> = { shipped };
  if (options.out !== undefined) await writeProfiles(options.out, 'profiles.ndjson', judged, () => SHIPPED_MODEL);
  if (options.folds !== undefined) {
    const folds = await readFolds(options.folds);
    const models = new Map(
      [...new Set(folds.values())].map((fold) => [
        fold,
        fitCauses(examplesOf(judged, (t) => folds.get(t.session) !== fold)),
      ]),
    );
    const modelOf = (t: TruthSession | undefined): CauseModel =>
      models.get(t === undefined ? -1 : (folds.get(t.session) ?? -1)) ?? SHIPPED_MODEL;
    report.held_out = score(corpus, judged, modelOf);
    if (options.out !== undefined)
      await writeProfiles(options.out, 'held-out.ndjson', judged, (i) => modelOf(judged.truthOf.get(i)));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else for (const [name, s] of Object.entries(report)) process.stdout.write(scoreText(name, s));
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

function scoreText(name: string, s: CauseScore): string {
  const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
  const rows = (title: string, list: CauseScore['visible']): string[] => [
    `  ${title.padEnd(32)}      n  precision  recall     F1`,
    ...list.map(
      (r) =>
        `    ${r.label.padEnd(30)} ${String(r.n).padStart(6)}      ${r.precision.toFixed(3)}   ${r.recall.toFixed(3)}  ${r.f1.toFixed(3)}`,
    ),
  ];
  return `${[
    `${name === 'shipped' ? 'Shipped weights' : 'Held out (weights fitted without the fold they are tested on, answers pooled)'}`,
    ...rows('sessions with a Dovecot line', s.visible),
    ...rows('sessions that only other logs show', s.hidden),
    '  confusion that remains',
    ...s.confusions.slice(0, 25).map((c) => `    ${c.group}: ${c.truth} -> ${c.answer}: ${c.n}`),
    '  reliability (answers that accuse): said, right, n',
    ...s.reliability.filter((b) => b.n > 0).map((b) => `    ${b.said.toFixed(2)}  ${b.right.toFixed(2)}  ${b.n}`),
    `  macro-F1 ${s.macroF1.toFixed(3)}; healthy accused ${percent(s.accusedShare)}; ECE ${s.ece.toFixed(3)}; hidden recall ${s.hiddenRecall.toFixed(3)}; matched ${percent(s.matchedVisible)} visible, ${percent(s.matchedHidden)} hidden; outcome agrees ${s.outcomeAgrees.toFixed(3)}`,
    '',
  ].join('\n')}\n`;
}

/** One line per piece of evidence, so that a change of weights can be read in a diff. */
function weightsText(model: CauseModel): string {
  const rows = Object.entries(model.weights).map(([name, w]) => `    ${JSON.stringify(name)}: ${JSON.stringify(w)}`);
  return `{\n  "epoch": ${model.epoch},\n  "base": ${JSON.stringify(model.base)},\n  "weights": {\n${rows.join(',\n')}\n  }\n}\n`;
}
