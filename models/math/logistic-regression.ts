/** A linear model of log-odds. */
export interface LogisticModel {
  readonly bias: number;
  readonly weights: readonly number[];
}

/**
 * Newton's method with a ridge penalty on the weights (not on the bias). For a handful of features; the cost is rows times features squared.
 * `x` (rows,features) row-major. Source: Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 4.4.1.
 */
export function fitLogistic(
  x: Float64Array | Float32Array,
  labels: Uint8Array,
  features: number,
  ridge: number,
  rows: Uint32Array,
  iterations = 12,
): LogisticModel {
  const size = features + 1;
  const weights = new Float64Array(size); // the last is the bias
  for (let iteration = 0; iteration < iterations; iteration++) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    const values = new Float64Array(size).fill(1);
    for (const row of rows) {
      let margin = weights[features]!;
      for (let f = 0; f < features; f++) {
        values[f] = x[row * features + f]!;
        margin += weights[f]! * values[f]!;
      }
      const p = 1 / (1 + Math.exp(-margin));
      const error = p - labels[row]!;
      const curvature = p * (1 - p);
      for (let i = 0; i < size; i++) {
        gradient[i]! += error * values[i]!;
        const c = curvature * values[i]!;
        if (c === 0) continue;
        for (let j = 0; j <= i; j++) hessian[i * size + j]! += c * values[j]!;
      }
    }
    for (let f = 0; f < features; f++) {
      gradient[f]! += ridge * weights[f]!;
      hessian[f * size + f]! += ridge;
    }
    hessian[features * size + features]! += 1e-9;
    const step = solveSymmetric(hessian, gradient, size);
    let largest = 0;
    for (let i = 0; i < size; i++) {
      weights[i]! -= step[i]!;
      largest = Math.max(largest, Math.abs(step[i]!));
    }
    if (largest < 1e-8) break;
  }
  return { bias: weights[features]!, weights: [...weights.subarray(0, features)] };
}

/** Solves a x = b for a positive definite `a`, of which the lower triangle is given. Cholesky's method. */
function solveSymmetric(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const l = Float64Array.from(a);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      l[i * n + j] = i === j ? Math.sqrt(Math.max(1e-12, sum)) : sum / l[j * n + j]!;
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * n + k]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= l[k * n + i]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  return x;
}
