/**
 * How far a count is from what was expected, in standard deviations: the signed root of the Poisson deviance, 2 (k ln(k / mean) - (k - mean)). Nearly
 * standard normal down to small means, where (k - mean) / sqrt(mean) is badly skewed. `mean` > 0, `k` >= 0; neither need be whole.
 * Source: McCullagh & Nelder, Generalized Linear Models, 2nd ed. 1989, 2.4.3.
 */
export function signedPoissonDeviance(k: number, mean: number): number {
  const deviance = 2 * ((k > 0 ? k * Math.log(k / mean) : 0) - (k - mean));
  const root = Math.sqrt(Math.max(0, deviance));
  return k < mean ? -root : root;
}
