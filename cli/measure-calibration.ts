import { corrected, fitCorrection, NO_CORRECTION, type StatedAnswer } from '../models/cause/calibration.ts';
import { type CauseModel, decide } from '../models/cause/decide.ts';
import { fitCauses } from '../models/cause/fit.ts';
import { type CalibrationScore, scoreCalibration } from '../models/cause/score.ts';
import { layerOf } from '../processors/profile/owners.ts';
import { examplesOf, type JudgedCorpus } from './judge-corpus.ts';

/** What one way to calibrate comes to on faults that neither weights nor calibration have seen. */
export interface MeasuredCalibration {
  readonly name: string;
  readonly score: CalibrationScore;
}

/**
 * Would a correction by layer help? For each fold it is fitted on answers about the other folds, each given by weights that have seen neither that fold nor its own,
 * and measured on the fold. `variants`: the first is with all logs, on which it is measured; all are fitted on.
 */
export function measureCalibration(
  variants: readonly JudgedCorpus[],
  folds: ReadonlyMap<number, number>,
  onStep: (done: number, of: number) => void,
): readonly MeasuredCalibration[] {
  const ids = [...new Set(folds.values())].sort((a, b) => a - b);
  const models = new Map<string, CauseModel>();
  const pairs = ids.flatMap((f) => ids.filter((g) => g >= f).map((g) => [f, g] as const));
  pairs.forEach(([f, g], i) => {
    onStep(i, pairs.length);
    const isSeen = (session: number): boolean => folds.get(session) !== f && folds.get(session) !== g;
    models.set(`${f} ${g}`, fitCauses(variants.flatMap((v) => examplesOf(v, (t) => isSeen(t.session)))));
  });
  const modelOf = (f: number, g: number): CauseModel | undefined => models.get(`${Math.min(f, g)} ${Math.max(f, g)}`);
  const answersOf = (judged: readonly JudgedCorpus[], fold: number, unseen: number): readonly StatedAnswer[] => {
    const model = modelOf(fold, unseen);
    return model === undefined ? [] : judged.flatMap((v) => accusations(v, model, (s) => folds.get(s) === fold));
  };
  const measured = (name: string, correctionsFor: (fold: number) => (a: StatedAnswer) => number) => ({
    name,
    score: scoreCalibration(
      ids.flatMap((fold) => {
        const stated = correctionsFor(fold);
        return answersOf(variants.slice(0, 1), fold, fold).map((a) => ({ ...a, probability: stated(a) }));
      }),
    ),
  });
  const byLayer = (kind: 'slope' | 'slope and shift') => (fold: number) => {
    const others = ids.filter((g) => g !== fold).flatMap((g) => answersOf(variants, g, fold));
    const layers = [...new Set(others.map((a) => a.layer))];
    const fitted = new Map(
      layers.map((l) => [
        l,
        fitCorrection(
          others.filter((a) => a.layer === l),
          kind,
        ),
      ]),
    );
    return (a: StatedAnswer) => corrected(a.probability, fitted.get(a.layer) ?? NO_CORRECTION);
  };
  return [
    measured('as stated', () => (a) => a.probability),
    measured('slope by layer (temperature)', byLayer('slope')),
    measured('slope and shift by layer (Platt)', byLayer('slope and shift')),
  ];
}

function accusations(v: JudgedCorpus, model: CauseModel, keep: (session: number) => boolean): readonly StatedAnswer[] {
  return v.cases.flatMap(({ truth, values }) => {
    if (!keep(truth.session)) return [];
    const { label, probabilities } = decide(values, model);
    const layer = layerOf(label);
    return layer === null ? [] : [{ layer, probability: probabilities.get(label) ?? 0, right: label === truth.cause }];
  });
}
