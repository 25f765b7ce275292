import { newCase } from '../models/cause/case.ts';
import { type CauseModel, measure } from '../models/cause/decide.ts';
import type { Example } from '../models/cause/fit.ts';
import { judge } from '../models/cause/judge.ts';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { findable, matchTruth, type TruthSession } from '../models/cause/truth.ts';
import type { ClosedSession } from '../processors/correlate/correlate.ts';
import { buildProfile } from '../processors/profile/build-profile.ts';
import { DEFAULT_TIMERS } from '../processors/profile/known-timers.ts';
import type { Profile } from '../processors/profile/profile.ts';
import type { Corpus } from './corpus.ts';
import { runCorpus } from './run-corpus.ts';

/** A corpus run through the flow once: the closed sessions, and which truth each answers for. */
export interface JudgedCorpus {
  /** Families of logs that were left out. */
  readonly without: readonly string[];
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

/** `onStep`: so many sets of sources are judged, of so many. */
export async function judgeVariants(
  corpus: Corpus,
  onStep: (done: number, of: number) => void = () => undefined,
): Promise<readonly JudgedCorpus[]> {
  const variants: JudgedCorpus[] = [];
  for (const without of MISSING_SOURCES) {
    onStep(variants.length, MISSING_SOURCES.length);
    variants.push(await judgeCorpus(corpus, without));
  }
  return variants;
}

export async function judgeCorpus(corpus: Corpus, without: readonly string[]): Promise<JudgedCorpus> {
  const closed: ClosedSession[] = [];
  await runCorpus(corpus, {
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
  return { without, closed, truthOf, indexOf, cases, profile };
}

const NO_FACTS = { eventId: (source: number, offset: number) => `${source}-${offset}`, clock: () => undefined };

/** Rare causes count more, within reason, so that the frequent ones do not take all the weight. */
export function examplesOf(judged: JudgedCorpus, keep: (t: TruthSession) => boolean = () => true): Example[] {
  const kept = judged.cases.filter((c) => keep(c.truth));
  const counts = new Map<string, number>();
  for (const c of kept) counts.set(c.truth.cause, (counts.get(c.truth.cause) ?? 0) + 1);
  return kept.map((c) => ({
    values: c.values,
    label: c.truth.cause,
    weight: Math.min(3, Math.sqrt(60 / (counts.get(c.truth.cause) ?? 60)) + 0.3),
  }));
}
