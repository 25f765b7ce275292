/** Numbers of one attempt, written in the order of their names. NaN is what is not known. */
export class FeatureWriter {
  readonly values: Float64Array;
  #next = 0;

  constructor(length: number) {
    this.values = new Float64Array(length);
  }

  get written(): number {
    return this.#next;
  }

  restart(): void {
    this.#next = 0;
  }

  put(value: number): void {
    this.values[this.#next++] = value;
  }

  /** A time span, as the logarithm of seconds. */
  span(ms: number): void {
    this.put(Math.log1p(Math.max(0, ms) / 1000));
  }

  skip(n: number): void {
    for (let i = 0; i < n; i++) this.put(Number.NaN);
  }
}
