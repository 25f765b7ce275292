import type { TrainingSet } from './training-set.ts';

/** Shares of the time span: to fit, to validate (blend, calibration, threshold); the rest is for the card and touched once. */
const SHARES = { fit: 0.65, validate: 0.15 };
/** Between the parts lies one horizon, so that an outage does not reach from one into the next. */
const GAP_MS = 15 * 60_000;
/** One client in this many is never fitted on. */
const HELD_OUT_ONE_IN = 6;

export interface Split {
  readonly fit: Uint32Array;
  readonly validate: Uint32Array;
  readonly test: Uint32Array;
  /** By row: the client is one that was never fitted on. */
  readonly isNewClient: (row: number) => boolean;
  readonly testFrom: number;
}

/** By time, and by client. Unless told otherwise, clients are held out by the order in which they first appeared. Only the first part leaves them out. */
export function splitByTime(
  set: TrainingSet,
  shares: { readonly fit: number; readonly validate: number } = SHARES,
  isNewClient: (row: number) => boolean = (row) => (set.clients[row] ?? 0) % HELD_OUT_ONE_IN === HELD_OUT_ONE_IN - 1,
): Split {
  const first = set.at[0] ?? 0;
  const span = (set.at[set.rows - 1] ?? 0) - first;
  const validateFrom = first + shares.fit * span;
  const testFrom = first + (shares.fit + shares.validate) * span;
  const gap = Math.min(GAP_MS, 0.01 * span);
  const fit: number[] = [];
  const validate: number[] = [];
  const test: number[] = [];
  for (let row = 0; row < set.rows; row++) {
    const at = set.at[row] ?? 0;
    if (at >= testFrom + gap) test.push(row);
    else if (at >= validateFrom + gap && at < testFrom) validate.push(row);
    else if (at < validateFrom && !isNewClient(row)) fit.push(row);
  }
  return {
    fit: Uint32Array.from(fit),
    validate: Uint32Array.from(validate),
    test: Uint32Array.from(test),
    isNewClient,
    testFrom,
  };
}

/** Fewer attempts, or fewer of a class in a part, than this show nothing. */
const ROWS_MIN = 1000;
const CLASS_MIN = 20;

/** Why this set cannot be trained on, in words; undefined when it can. */
export function splitFault(set: TrainingSet, split: Split): string | undefined {
  if (set.rows < ROWS_MIN)
    return `too few attempts: ${set.rows} with a known outcome, at least ${ROWS_MIN} are needed. Give profiles of a longer time.`;
  const failed = set.labels.reduce((n, label) => n + label, 0);
  if (failed === 0 || failed === set.rows)
    return `all ${set.rows} attempts ${failed === 0 ? 'went well' : 'failed'}: there is nothing to tell apart. Give profiles of a longer time.`;
  for (const part of ['fit', 'validate', 'test'] as const) {
    const rows = split[part];
    let positives = 0;
    for (const row of rows) positives += set.labels[row] ?? 0;
    const rarer = Math.min(positives, rows.length - positives);
    if (rarer < CLASS_MIN)
      return `the ${PART_NAMES[part]} holds ${positives} failures among ${rows.length} attempts; at least ${CLASS_MIN} of each outcome are needed. Give profiles of a longer time.`;
  }
  return undefined;
}

const PART_NAMES = {
  fit: 'part of the time to fit on',
  validate: 'part of the time to validate on',
  test: 'part of the time to measure on',
};
