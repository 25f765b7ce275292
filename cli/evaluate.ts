import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SAMPLE_CORPUS } from './corpus.ts';
import { evaluateAnomaly, registerEvaluateAnomaly } from './evaluate-anomaly.ts';
import { evaluateCauses, registerEvaluateCauses } from './evaluate-causes.ts';
import { evaluatePrediction, registerEvaluatePrediction } from './evaluate-prediction.ts';

export function registerEvaluate(program: Command): void {
  const evaluate = program
    .command('evaluate')
    .description(
      'every figure of the model cards, from labelled data; without a subcommand all of them, one after the other',
    )
    .option('--profiles <file>', 'own profiles, NDJSON or .gz: the prediction is measured on them')
    .action(evaluateAll);
  registerEvaluateCauses(evaluate);
  registerEvaluatePrediction(evaluate);
  registerEvaluateAnomaly(evaluate, SAMPLE_CORPUS);
}

/** No data for prediction is shipped: a made world would say nothing about yours. */
async function evaluateAll(options: { readonly profiles?: string }): Promise<void> {
  const title = (text: string): void => void process.stdout.write(`== ${text}\n\n`);
  title('causes');
  await evaluateCauses({ corpus: SAMPLE_CORPUS, folds: join(SAMPLE_CORPUS, 'folds.ndjson') });
  title('anomaly');
  await evaluateAnomaly({ corpus: SAMPLE_CORPUS });
  title('prediction');
  if (options.profiles === undefined)
    process.stdout.write('not measured: name your own profiles with --profiles imapwhy-out/profiles.ndjson\n');
  else await evaluatePrediction({ from: options.profiles, seed: '1', jobs: String(availableParallelism()) });
}
