/** Which entries of a keyed state changed since they were last written down. Costs nothing until it is `kept`. */
export class Journal<K> {
  private readonly changes = new Set<K>();
  private isKept = false;

  keep(): void {
    this.isKept = true;
  }

  note(key: K): void {
    if (!this.isKept) return;
    this.changes.delete(key);
    this.changes.add(key);
  }

  /** The keys since the last time, in the order in which they changed last: the topic that they are written to keeps that order. */
  take(): readonly K[] {
    const keys = [...this.changes];
    this.changes.clear();
    return keys;
  }
}
