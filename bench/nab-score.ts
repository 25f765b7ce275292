/**
 * The score of the Numenta Anomaly Benchmark, after its paper (Lavin & Ahmad, "Evaluating real-time anomaly detection algorithms", ICMLA 2015) and the
 * conventions of its published results, which `bench/nab.ts` reproduces. One threshold for all files. Of each labelled window the earliest detection counts,
 * the earlier the better; a detection outside costs, less so just after a window; the first rows of a file are not scored.
 */

export interface NabWindow {
  /** First and last row. */
  readonly from: number;
  readonly to: number;
}

export interface NabFile {
  readonly windows: readonly NabWindow[]; // in order
  readonly scores: Float64Array; // one a row
}

export interface NabProfile {
  readonly name: string;
  /** What a false alarm and a missed window cost; a window that is found is worth up to 1. */
  readonly falseAlarm: number;
  readonly missed: number;
}

export const NAB_PROFILES: readonly [NabProfile, NabProfile, NabProfile] = [
  { name: 'standard', falseAlarm: 0.11, missed: 1 },
  { name: 'reward_low_FP_rate', falseAlarm: 0.22, missed: 1 },
  { name: 'reward_low_FN_rate', falseAlarm: 0.11, missed: 2 },
];

export interface NabResult {
  readonly score: number;
  readonly threshold: number;
  readonly windowsFound: number;
  readonly falseAlarmRows: number;
}

interface Row {
  readonly file: number;
  readonly score: number;
  /** 0 to 1 for a detection in a window, -1 to 0 outside. */
  readonly worth: number;
  /** Number of its window over all files; -1 outside. */
  readonly window: number;
}

const PROBATION_SHARE = 0.15;
const PROBATION_ROWS_MAX = 750;
/** Further than so many window lengths behind a window, a false alarm costs fully. */
const FAR = 3;

/** Results of one detector for all files, prepared to be scored at many thresholds. */
export class NabScores {
  readonly #rows: readonly Row[]; // highest score first
  /** The file of each window that has a row which is scored. */
  readonly #fileOfWindow: readonly number[];
  readonly #windows: number;

  constructor(files: readonly NabFile[]) {
    const rows: Row[] = [];
    const fileOfWindow: number[] = [];
    for (const [file, { windows, scores }] of files.entries()) {
      const own = scoredRows(file, windows, scores, fileOfWindow.length);
      rows.push(...own);
      const seen = new Set(own.flatMap((row) => (row.window < 0 ? [] : [row.window])));
      for (const _ of seen) fileOfWindow.push(file);
    }
    this.#rows = rows.sort((a, b) => b.score - a.score);
    this.#fileOfWindow = fileOfWindow;
    // The published normalisation takes all labelled windows as findable, those in a probation too.
    this.#windows = files.reduce((sum, f) => sum + f.windows.length, 0);
  }

  /** At a threshold, or at the best one if none is given: as the benchmark does, on the very files that are scored. */
  score(profile: NabProfile, threshold?: number): NabResult {
    const at = threshold ?? this.#best(profile, () => true);
    const sum = this.#sum(profile, () => true, at);
    return {
      score: this.#normalised(sum.raw, profile),
      threshold: at,
      windowsFound: sum.found,
      falseAlarmRows: sum.falseRows,
    };
  }

  /** Each file is scored at the threshold that is best for the files of the other folds; files are dealt to the folds in turn. */
  crossValidated(profile: NabProfile, folds: number): number {
    let raw = 0;
    for (let fold = 0; fold < folds; fold++) {
      const threshold = this.#best(profile, (file) => file % folds !== fold);
      raw += this.#sum(profile, (file) => file % folds === fold, threshold).raw;
    }
    return this.#normalised(raw, profile);
  }

  /** 0 for a detector that never fires, 100 for a perfect one. */
  #normalised(raw: number, profile: NabProfile): number {
    const silent = -profile.missed * this.#fileOfWindow.length;
    return (100 * (raw - silent)) / (this.#windows - silent);
  }

  #best(profile: NabProfile, has: (file: number) => boolean): number {
    let best = { threshold: Number.POSITIVE_INFINITY, raw: this.#silent(profile, has) };
    this.#descend(profile, has, (threshold, raw) => {
      if (raw > best.raw) best = { threshold, raw };
      return true;
    });
    return best.threshold;
  }

  #sum(
    profile: NabProfile,
    has: (file: number) => boolean,
    atLeast: number,
  ): { readonly raw: number; readonly found: number; readonly falseRows: number } {
    let sum = { raw: this.#silent(profile, has), found: 0, falseRows: 0 };
    this.#descend(profile, has, (threshold, raw, found, falseRows) => {
      if (threshold < atLeast) return false;
      sum = { raw, found, falseRows };
      return true;
    });
    return sum;
  }

  #silent(profile: NabProfile, has: (file: number) => boolean): number {
    return -profile.missed * this.#fileOfWindow.filter(has).length;
  }

  /** From the highest score down: tells what the raw score is with all rows of at least this score detected, until told to stop. */
  #descend(
    profile: NabProfile,
    has: (file: number) => boolean,
    tell: (threshold: number, raw: number, found: number, falseRows: number) => boolean,
  ): void {
    const worthOf = new Map<number, number>();
    let raw = this.#silent(profile, has);
    let falseRows = 0;
    for (const [i, row] of this.#rows.entries()) {
      if (has(row.file)) {
        if (row.window < 0) {
          falseRows++;
          raw += profile.falseAlarm * row.worth;
        } else {
          const before = worthOf.get(row.window) ?? -profile.missed;
          raw += Math.max(0, row.worth - before);
          worthOf.set(row.window, Math.max(before, row.worth));
        }
      }
      // Rows of one score pass the threshold together.
      if (this.#rows[i + 1]?.score !== row.score && !tell(row.score, raw, worthOf.size, falseRows)) return;
    }
  }
}

/** Rows after the probation with what a detection there is worth; windows are numbered from `firstWindow`, those without such rows left out. */
function scoredRows(file: number, windows: readonly NabWindow[], scores: Float64Array, firstWindow: number): Row[] {
  const probation = Math.min(Math.floor(PROBATION_SHARE * scores.length), PROBATION_ROWS_MAX);
  const rows: Row[] = [];
  let number = firstWindow - 1;
  let last: NabWindow | undefined;
  let next = 0;
  for (let row = 0; row < scores.length; row++) {
    const window = windows[next];
    const inside = window !== undefined && row >= window.from && row <= window.to;
    if (row >= probation) {
      if (inside && row === Math.max(window.from, probation)) number++;
      const worth = inside ? inWindow(row, window) : last ? afterWindow(row, last) : -1;
      rows.push({ file, score: scores[row] ?? 0, worth, window: inside ? number : -1 });
    }
    if (window && row === window.to) {
      last = window;
      next++;
    }
  }
  return rows;
}

/** 1 in the first row of a window, near 0 in its last. */
function inWindow(row: number, { from, to }: NabWindow): number {
  return sigmoid(-(to - row + 1) / (to - from + 1)) / sigmoid(-1);
}

/** Near 0 just behind a window, -1 far from it. */
function afterWindow(row: number, { from, to }: NabWindow): number {
  return sigmoid((row - to) / (to - from));
}

const sigmoid = (y: number): number => (y > FAR ? -1 : 2 / (1 + Math.exp(5 * y)) - 1);
