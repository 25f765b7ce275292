/**
 * Products of small matrices in flat arrays, row-major, Float64Array. These loops are all that training costs: two rows and four inner
 * elements at a time keep values in registers, which was measurably faster than one (bench/lstm.ts).
 */

/** out (rows,cols) += a (rows,inner) · w (inner,cols). `aStride` and `outStride` are the distances between rows. */
export function addProduct(
  out: Float64Array,
  outAt: number,
  outStride: number,
  a: Float64Array,
  aAt: number,
  aStride: number,
  rows: number,
  inner: number,
  w: Float64Array,
  wAt: number,
  cols: number,
): void {
  let r = 0;
  for (; r + 1 < rows; r += 2) {
    const o0 = outAt + r * outStride;
    const o1 = o0 + outStride;
    const a0 = aAt + r * aStride;
    const a1 = a0 + aStride;
    let k = 0;
    for (; k + 3 < inner; k += 4) {
      const p0 = a[a0 + k]!;
      const p1 = a[a0 + k + 1]!;
      const p2 = a[a0 + k + 2]!;
      const p3 = a[a0 + k + 3]!;
      const q0 = a[a1 + k]!;
      const q1 = a[a1 + k + 1]!;
      const q2 = a[a1 + k + 2]!;
      const q3 = a[a1 + k + 3]!;
      const w0 = wAt + k * cols;
      const w1 = w0 + cols;
      const w2 = w1 + cols;
      const w3 = w2 + cols;
      for (let j = 0; j < cols; j++) {
        const x0 = w[w0 + j]!;
        const x1 = w[w1 + j]!;
        const x2 = w[w2 + j]!;
        const x3 = w[w3 + j]!;
        out[o0 + j]! += p0 * x0 + p1 * x1 + p2 * x2 + p3 * x3;
        out[o1 + j]! += q0 * x0 + q1 * x1 + q2 * x2 + q3 * x3;
      }
    }
    for (; k < inner; k++) {
      const p = a[a0 + k]!;
      const q = a[a1 + k]!;
      const wk = wAt + k * cols;
      for (let j = 0; j < cols; j++) {
        const x = w[wk + j]!;
        out[o0 + j]! += p * x;
        out[o1 + j]! += q * x;
      }
    }
  }
  if (r < rows) addRowProduct(out, outAt + r * outStride, a, aAt + r * aStride, inner, w, wAt, cols);
}

/** One row of `addProduct`: out (cols) += a (inner) · w (inner,cols). */
export function addRowProduct(
  out: Float64Array,
  outAt: number,
  a: Float64Array,
  aAt: number,
  inner: number,
  w: Float64Array,
  wAt: number,
  cols: number,
): void {
  let k = 0;
  for (; k + 3 < inner; k += 4) {
    const p0 = a[aAt + k]!;
    const p1 = a[aAt + k + 1]!;
    const p2 = a[aAt + k + 2]!;
    const p3 = a[aAt + k + 3]!;
    const w0 = wAt + k * cols;
    const w1 = w0 + cols;
    const w2 = w1 + cols;
    const w3 = w2 + cols;
    for (let j = 0; j < cols; j++) {
      out[outAt + j]! += p0 * w[w0 + j]! + p1 * w[w1 + j]! + p2 * w[w2 + j]! + p3 * w[w3 + j]!;
    }
  }
  for (; k < inner; k++) {
    const p = a[aAt + k]!;
    const wk = wAt + k * cols;
    for (let j = 0; j < cols; j++) out[outAt + j]! += p * w[wk + j]!;
  }
}

/** dw (inner,cols) += aᵀ (inner,rows) · d (rows,cols): the gradient of the weights. Four rows at a time. */
export function addOuter(
  dw: Float64Array,
  dwAt: number,
  a: Float64Array,
  aAt: number,
  aStride: number,
  d: Float64Array,
  dAt: number,
  rows: number,
  inner: number,
  cols: number,
): void {
  let r = 0;
  for (; r + 3 < rows; r += 4) {
    const a0 = aAt + r * aStride;
    const a1 = a0 + aStride;
    const a2 = a1 + aStride;
    const a3 = a2 + aStride;
    const d0 = dAt + r * cols;
    const d1 = d0 + cols;
    const d2 = d1 + cols;
    const d3 = d2 + cols;
    for (let k = 0; k < inner; k++) {
      const p0 = a[a0 + k]!;
      const p1 = a[a1 + k]!;
      const p2 = a[a2 + k]!;
      const p3 = a[a3 + k]!;
      if (p0 === 0 && p1 === 0 && p2 === 0 && p3 === 0) continue; // inputs are sparse: flags, missing values, padding
      const o = dwAt + k * cols;
      for (let j = 0; j < cols; j++) {
        dw[o + j]! += p0 * d[d0 + j]! + p1 * d[d1 + j]! + p2 * d[d2 + j]! + p3 * d[d3 + j]!;
      }
    }
  }
  for (; r < rows; r++) {
    for (let k = 0; k < inner; k++) {
      const p = a[aAt + r * aStride + k]!;
      if (p === 0) continue;
      const o = dwAt + k * cols;
      for (let j = 0; j < cols; j++) dw[o + j]! += p * d[dAt + r * cols + j]!;
    }
  }
}

/** wt (cols,inner) = wᵀ, so that gradients flow back through `addProduct` as well. */
export function transpose(wt: Float64Array, w: Float64Array, wAt: number, inner: number, cols: number): void {
  for (let k = 0; k < inner; k++) for (let j = 0; j < cols; j++) wt[j * inner + k] = w[wAt + k * cols + j]!;
}
