/**
 * What falls due in event time: a binary heap of (time, serial), in two columns of numbers so that a million of them are small and keep
 * nothing else alive. Ties are broken by serial, so that the order never depends on chunking.
 */
export class Timers {
  private readonly times: number[] = [];
  private readonly serials: number[] = [];

  get size(): number {
    return this.times.length;
  }

  add(at: number, serial: number): void {
    this.times.push(at);
    this.serials.push(serial);
    let i = this.times.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.isBefore(at, serial, parent)) break;
      this.move(parent, i);
      i = parent;
    }
    this.times[i] = at;
    this.serials[i] = serial;
  }

  /** When the earliest one falls due; Infinity if there is none. */
  get nextAt(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the earliest one out; undefined if there is none. */
  take(): { readonly at: number; readonly serial: number } | undefined {
    const at = this.times[0];
    const serial = this.serials[0];
    const lastAt = this.times.pop();
    const lastSerial = this.serials.pop();
    if (at === undefined || serial === undefined || lastAt === undefined || lastSerial === undefined) return undefined;
    if (this.times.length > 0) this.sink(lastAt, lastSerial);
    return { at, serial };
  }

  /** Times and serials in turn, in heap order. */
  toData(): readonly number[] {
    return this.times.flatMap((at, i) => [at, this.serials[i] ?? 0]);
  }

  static fromData(data: readonly number[]): Timers {
    const timers = new Timers();
    for (let i = 0; i + 1 < data.length; i += 2) timers.add(data[i] ?? 0, data[i + 1] ?? 0);
    return timers;
  }

  private sink(at: number, serial: number): void {
    const n = this.times.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && this.isBefore(this.times[child + 1] ?? 0, this.serials[child + 1] ?? 0, child)) child++;
      if (this.isBefore(at, serial, child)) break;
      this.move(child, i);
      i = child;
    }
    this.times[i] = at;
    this.serials[i] = serial;
  }

  private isBefore(at: number, serial: number, i: number): boolean {
    const other = this.times[i] ?? 0;
    return at < other || (at === other && serial < (this.serials[i] ?? 0));
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from] ?? 0;
    this.serials[to] = this.serials[from] ?? 0;
  }
}
