/** Time as the writer sees it, so that a test can turn it. */
export interface Clock {
  /** Milliseconds that never go backwards. */
  now(): number;
  /** Calls back once after that many milliseconds, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
