/**
 * Random numbers of the distributions that service metrics have, for made data and tests. `uniform` gives numbers in [0, 1), `normal` standard
 * normal ones (random.ts).
 */

/** Poisson with mean >= 0: Knuth's product below 30; above it the rounded normal, which is near enough for made data. */
export function poisson(mean: number, uniform: () => number, normal: () => number): number {
  if (mean >= 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > limit; product *= uniform()) count++;
  return count;
}

/** Successes in `n` trials of probability `p`: each is tried. */
export function binomial(n: number, p: number, uniform: () => number): number {
  let successes = 0;
  for (let i = 0; i < n; i++) if (uniform() < p) successes++;
  return successes;
}

/** Log-uniform in [low, high): every factor is as likely. */
export function logUniform(low: number, high: number, uniform: () => number): number {
  return low * (high / low) ** uniform();
}
