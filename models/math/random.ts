/** Uniform numbers in [0, 1), the same for the same seed on every machine. Source: mulberry32, Tommy Ettinger (public domain). */
export function newRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Normally distributed numbers. Source: Box & Muller 1958. */
export function newNormal(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Shuffles in place. Source: Fisher & Yates, Knuth's algorithm P. */
export function shuffle(indices: Uint32Array, random: () => number): void {
  for (let i = indices.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const kept = indices[i] ?? 0;
    indices[i] = indices[j] ?? 0;
    indices[j] = kept;
  }
}
