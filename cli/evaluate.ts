import type { Command } from 'commander';
import { SAMPLE_CORPUS } from './corpus.ts';
import { registerEvaluateAnomaly } from './evaluate-anomaly.ts';
import { registerEvaluateCauses } from './evaluate-causes.ts';
import { registerEvaluatePrediction } from './evaluate-prediction.ts';

export function registerEvaluate(program: Command): void {
  const evaluate = program.command('evaluate').description('every figure of the model cards, from labelled data');
  registerEvaluateCauses(evaluate);
  registerEvaluatePrediction(evaluate);
  registerEvaluateAnomaly(evaluate, SAMPLE_CORPUS);
}
