/** What is asked of a classifier. `risks` are probabilities, `labels` 0 or 1; rows answer each other. */
export interface ClassifierScores {
  readonly rows: number;
  readonly positives: number;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  readonly auroc: number;
  readonly auprc: number;
  readonly brier: number;
  readonly logLoss: number;
  readonly ece: number;
}

/** `threshold` is for balanced accuracy only; plain accuracy is at one half. NaN where a class is missing. */
export function scoreClassifier(risks: Float64Array, labels: Uint8Array, threshold: number): ClassifierScores {
  let positives = 0;
  let right = 0;
  let truePositive = 0;
  let trueNegative = 0;
  let squares = 0;
  for (let i = 0; i < risks.length; i++) {
    const risk = risks[i]!;
    const label = labels[i]!;
    positives += label;
    if (risk >= 0.5 === (label === 1)) right++;
    if (label === 1 && risk >= threshold) truePositive++;
    if (label === 0 && risk < threshold) trueNegative++;
    squares += (risk - label) ** 2;
  }
  const negatives = risks.length - positives;
  return {
    rows: risks.length,
    positives,
    accuracy: right / risks.length,
    balancedAccuracy: (truePositive / positives + trueNegative / negatives) / 2,
    auroc: auroc(risks, labels),
    auprc: averagePrecision(risks, labels),
    brier: squares / risks.length,
    logLoss: logLoss(risks, labels),
    ece: calibrationError(risks, labels),
  };
}

/** Indices by falling score; equal scores in the order of their rows. */
export function rankedDown(scores: Float64Array): Uint32Array {
  return Uint32Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** Probability that a failure gets a higher score than a success; ties count half. Source: Mann & Whitney 1947. */
export function auroc(scores: Float64Array, labels: Uint8Array): number {
  const order = rankedDown(scores).reverse();
  let rankSum = 0;
  let positives = 0;
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j < order.length && scores[order[j]!] === scores[order[i]!]) j++;
    const rank = (i + j + 1) / 2;
    for (let k = i; k < j; k++) {
      if (labels[order[k]!] !== 1) continue;
      rankSum += rank;
      positives++;
    }
    i = j;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (order.length - positives));
}

/** Area under the precision-recall curve as average precision, ties taken together. */
export function averagePrecision(scores: Float64Array, labels: Uint8Array): number {
  return weightedAveragePrecision(scores, labels, rankedDown(scores), () => 1);
}

/** The same for rows that count `weightOf(row)` times (for the bootstrap); `order` is `rankedDown(scores)`. */
export function weightedAveragePrecision(
  scores: Float64Array,
  labels: Uint8Array,
  order: Uint32Array,
  weightOf: (row: number) => number,
): number {
  let seen = 0;
  let found = 0;
  let sum = 0;
  for (let i = 0; i < order.length; ) {
    let tied = 0;
    let j = i;
    for (; j < order.length && scores[order[j]!] === scores[order[i]!]; j++) {
      const weight = weightOf(order[j]!);
      seen += weight;
      if (labels[order[j]!] === 1) tied += weight;
    }
    found += tied;
    if (tied > 0) sum += (tied * found) / seen;
    i = j;
  }
  return found === 0 ? Number.NaN : sum / found;
}

export function logLoss(risks: Float64Array, labels: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < risks.length; i++) {
    const risk = Math.min(1 - 1e-12, Math.max(1e-12, risks[i]!));
    sum -= Math.log(labels[i] === 1 ? risk : 1 - risk);
  }
  return sum / risks.length;
}

/** One bar of a reliability plot: what was said on average, what happened, and how often. */
export interface ReliabilityBin {
  readonly said: number;
  readonly happened: number;
  readonly rows: number;
}

/** Ten bins of equal width; empty ones are left out. */
export function reliability(risks: Float64Array, labels: Uint8Array): readonly ReliabilityBin[] {
  const bins = Array.from({ length: 10 }, () => ({ said: 0, happened: 0, rows: 0 }));
  for (let i = 0; i < risks.length; i++) {
    const bin = bins[Math.min(9, Math.max(0, Math.floor(risks[i]! * 10)))]!;
    bin.said += risks[i]!;
    bin.happened += labels[i]!;
    bin.rows++;
  }
  return bins
    .filter((b) => b.rows > 0)
    .map((b) => ({ said: b.said / b.rows, happened: b.happened / b.rows, rows: b.rows }));
}

/** Expected calibration error over ten bins of equal width. Source: Naeini, Cooper & Hauskrecht 2015. */
export function calibrationError(risks: Float64Array, labels: Uint8Array): number {
  return reliability(risks, labels).reduce((sum, b) => sum + b.rows * Math.abs(b.said - b.happened), 0) / risks.length;
}

/** Points of the precision-recall curve, at most `points` of them, from the highest risk down. */
export function precisionRecall(
  scores: Float64Array,
  labels: Uint8Array,
  points: number,
): readonly { readonly recall: number; readonly precision: number }[] {
  const order = rankedDown(scores);
  const positives = labels.reduce((a, b) => a + b, 0);
  const curve: { recall: number; precision: number }[] = [];
  let found = 0;
  for (let i = 0; i < order.length; i++) {
    found += labels[order[i]!]!;
    if ((i + 1) % Math.ceil(order.length / points) === 0 || i === order.length - 1)
      curve.push({ recall: found / positives, precision: found / (i + 1) });
  }
  return curve;
}

/** The threshold with the best mean of the two recalls. */
export function balancedThreshold(risks: Float64Array, labels: Uint8Array): number {
  const order = rankedDown(risks);
  const positives = labels.reduce((a, b) => a + b, 0);
  const negatives = labels.length - positives;
  let best = 0.5;
  let bestScore = Number.NEGATIVE_INFINITY;
  let truePositive = 0;
  let falsePositive = 0;
  for (let i = 0; i < order.length; i++) {
    if (labels[order[i]!] === 1) truePositive++;
    else falsePositive++;
    const risk = risks[order[i]!]!;
    if (i + 1 < order.length && risks[order[i + 1]!] === risk) continue;
    const score = truePositive / positives - falsePositive / negatives;
    if (score > bestScore) {
      bestScore = score;
      best = risk;
    }
  }
  return best;
}
