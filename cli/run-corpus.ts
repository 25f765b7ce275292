import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { DEFAULT_TIMERS } from '../processors/profile/known-timers.ts';
import { newRedaction } from '../processors/redact.ts';
import { UTC } from '../processors/time.ts';
import type { Corpus } from './corpus.ts';
import { type AnalysisOptions, runAnalysis } from './run-analysis.ts';

/** Runs a labelled corpus through the same flow as `analyze`, with what is shipped. */
export async function runCorpus(
  corpus: Corpus,
  hooks: Pick<AnalysisOptions, 'onBatch'> & Partial<Pick<AnalysisOptions, 'onClosed' | 'without'>>,
): Promise<void> {
  await runAnalysis({
    paths: [corpus.logs],
    clock: { zone: UTC, zoneBySource: [], near: undefined, now: Date.now() },
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    redaction: newRedaction('evaluation'),
    since: Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    keepEvents: false,
    ...hooks,
  });
}
