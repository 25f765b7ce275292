/** Monotonic counts by name and label, as Prometheus and the pipeline's own documents want them. */
export class Counters {
  private readonly counts = new Map<string, Map<string, number>>();

  add(name: string, label: string, n = 1): void {
    if (n === 0) return;
    const labels = this.counts.get(name) ?? new Map<string, number>();
    this.counts.set(name, labels);
    labels.set(label, (labels.get(label) ?? 0) + n);
  }

  of(name: string): number {
    let sum = 0;
    for (const n of this.counts.get(name)?.values() ?? []) sum += n;
    return sum;
  }

  entries(): readonly { readonly name: string; readonly label: string; readonly value: number }[] {
    return [...this.counts].flatMap(([name, labels]) => [...labels].map(([label, value]) => ({ name, label, value })));
  }
}
