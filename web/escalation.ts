/** Whose turn it is once an incident has been open so long: the order follows the clock; the owner of the cause is named before it. */
const TURNS = [
  { fromMs: 5_400_000, to: 'all' },
  { fromMs: 3_600_000, to: 'security' },
  { fromMs: 1_800_000, to: 'operations' },
  { fromMs: 0, to: 'network' },
] as const;

export const turnOf = (openMs: number): string => TURNS.find((t) => openMs >= t.fromMs)?.to ?? 'network';
