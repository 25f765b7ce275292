const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export interface AdamOptions {
  readonly rate: number;
  /** Decay of the weights themselves, per step and unit of rate. */
  readonly decay: number;
  /** Gradients longer than this are shortened to it. */
  readonly clip: number;
}

/**
 * Adam with decoupled weight decay and clipping by global norm, over flat arrays.
 * Source: Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019 (AdamW); Pascanu et al. 2013 (clipping).
 */
export class Adam {
  readonly mean: Float64Array;
  readonly square: Float64Array;
  step = 0;

  constructor(length: number) {
    this.mean = new Float64Array(length);
    this.square = new Float64Array(length);
  }

  /** Moves `weights` against `gradient`. Returns the norm of the gradient before clipping. */
  update(weights: Float64Array, gradient: Float64Array, options: AdamOptions): number {
    this.step++;
    let squares = 0;
    for (const g of gradient) squares += g * g;
    const norm = Math.sqrt(squares);
    const scale = norm > options.clip ? options.clip / norm : 1;
    const correct1 = 1 - BETA1 ** this.step;
    const correct2 = 1 - BETA2 ** this.step;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i]! * scale;
      const m = BETA1 * this.mean[i]! + (1 - BETA1) * g;
      const v = BETA2 * this.square[i]! + (1 - BETA2) * g * g;
      this.mean[i] = m;
      this.square[i] = v;
      weights[i]! -= options.rate * (m / correct1 / (Math.sqrt(v / correct2) + EPSILON) + options.decay * weights[i]!);
    }
    return norm;
  }
}
