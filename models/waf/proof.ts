import { isSumRule, looksForAttack } from './counted-matches.ts';
import type { WafScope } from './decision.ts';
import type { LeftOut } from './exclusion.ts';
import { type Place, placeId } from './place.ts';
import type { WafMatch } from './request.ts';

/** What an engine said about one request that was sent to it. */
export interface Verdict {
  readonly blocked: boolean;
  readonly matches: readonly WafMatch[];
}

/** Where a replayed request comes from: the log, the original that `--audit` holds, or made from the part that matched. */
export type ReplayKind = 'logged' | 'original' | 'look-alike';

/** One blocked request of the log, after it was sent again. */
export interface Replay {
  readonly request: string; // id of the request
  /** Undefined: nothing that was sent is blocked by the same rule, `reason` says why. */
  readonly kind: ReplayKind | undefined;
  readonly reason: string;
  /** The answer of the engine with the exclusions; undefined if nothing was proven. */
  readonly excluded: Verdict | undefined;
}

/** One attack, sent to the engine without and with the exclusions. */
export interface AttackRun {
  /** Where the attack comes from: `942100-3`. */
  readonly test: string;
  /** What was sent, for a person: method, target and the planted value, cut. */
  readonly shown: string;
  readonly path: string; // as sent
  readonly baseline: Verdict;
  readonly excluded: Verdict;
}

export interface LetThrough {
  readonly test: string;
  readonly shown: string;
  /** Rules that stopped it without the exclusions. */
  readonly rules: readonly string[];
}

export interface PlaceProof {
  readonly id: string;
  readonly rule: string;
  readonly path: string;
  readonly target: string;
  readonly scope: WafScope; // as proven
  /** Why the scope is wider than what was decided; null if it is not. */
  readonly widened: string | null;
  readonly requests: number;
  /** Blocked requests of scanners and of clients that probe: not to be freed, and not counted. */
  readonly set_aside: number;
  readonly proven: { readonly logged: number; readonly original: number; readonly look_alike: number };
  readonly freed: number;
  readonly not_freed: readonly { readonly request: string; readonly rules: readonly string[] }[]; // at most 20
  readonly not_proven: readonly { readonly reason: string; readonly requests: number; readonly example: string }[];
  /** Attacks planted in the freed place. */
  readonly planted: {
    readonly sent: number;
    readonly blocked_before: number; // only these count
    readonly blocked_after: number;
    /** Only the excluded rule stopped these: what is given up. */
    readonly residue: number;
    readonly residue_rules: Readonly<Record<string, number>>;
    readonly residue_examples: readonly LetThrough[]; // at most 20
    /** Other rules stop these, and they passed all the same: the exclusion does more than it says. */
    readonly newly_let_through: readonly LetThrough[];
  };
  readonly passed: boolean;
  readonly why: string;
}

/** What `waf prove` found, by a real engine: stored, and written as JSON and Markdown. */
export interface WafProof {
  readonly made_at: string; // ISO 8601 UTC
  readonly passed: boolean;
  readonly why: readonly string[]; // it failed
  readonly basis: 'accepted' | 'proposed';
  readonly engine: {
    readonly name: string; // nginx/1.22.1 with ModSecurity …
    readonly rules: string; // CRS and version, or none
    readonly own_rules: readonly string[]; // file names
    readonly paranoia: number;
  };
  readonly requests: number;
  readonly proven: number;
  readonly look_alikes: number; // of the proven
  readonly freed: number;
  readonly places: readonly PlaceProof[];
  /** Chosen, but not to be written narrowly and safely: no part of the proof, nor of the export. */
  readonly left_out: readonly LeftOut[];
  readonly elsewhere: {
    readonly sent: number;
    readonly blocked_before: number;
    readonly blocked_after: number;
    readonly newly_let_through: readonly LetThrough[];
  };
  readonly attacks: string; // what was sent: the corpus and its size
  /** The directives that were proven. */
  readonly before: string;
  readonly after: string;
}

const LISTED_MAX = 20;

/** Whether a verdict is a block by this rule; of a rule that names its target, at this target. */
export function isBlockedBy(verdict: Verdict, place: Place): boolean {
  return (
    verdict.blocked &&
    verdict.matches.some(
      (m) => m.rule === place.rule && (place.target === '' || m.target === null || sameTarget(m.target, place.target)),
    )
  );
}

/** Names of headers are written as they came. */
const sameTarget = (a: string, b: string): boolean =>
  a === b || (a.startsWith('REQUEST_HEADERS:') && a.toLowerCase() === b.toLowerCase());

export const rulesOf = (verdict: Verdict): readonly string[] => [
  ...new Set(
    verdict.matches.filter((m) => !isSumRule(m)).map((m) => (m.target === null ? m.rule : `${m.rule} ${m.target}`)),
  ),
];

export interface PlaceRuns {
  readonly place: Place;
  readonly scope: WafScope;
  readonly widened: string | null;
  readonly replays: readonly Replay[];
  readonly setAside: number;
  readonly planted: readonly AttackRun[];
  readonly sent: number;
}

/** The proof of one place. `freedPlaces` are all that the exclusions free: a request may be stopped at several. */
export function judgePlaceRuns(runs: PlaceRuns, freedPlaces: readonly FreedPlace[]): PlaceProof {
  const proven = runs.replays.filter((r) => r.kind !== undefined);
  const freed = proven.filter((r) => r.excluded?.blocked === false);
  const notFreed = proven.filter((r) => r.excluded?.blocked !== false);
  const counted = runs.planted.filter((a) => a.baseline.blocked);
  const passed = counted.filter((a) => !a.excluded.blocked);
  const residue = passed.filter((a) => !othersStop(a.baseline, freedPlaces));
  const wrong = passed.filter((a) => othersStop(a.baseline, freedPlaces));
  const kinds = (kind: ReplayKind): number => proven.filter((r) => r.kind === kind).length;
  const why = whyNot(proven.length, notFreed, wrong.length);
  return {
    id: placeId(runs.place),
    ...runs.place,
    scope: runs.scope,
    widened: runs.widened,
    requests: runs.replays.length,
    set_aside: runs.setAside,
    proven: { logged: kinds('logged'), original: kinds('original'), look_alike: kinds('look-alike') },
    freed: freed.length,
    not_freed: notFreed
      .slice(0, LISTED_MAX)
      .map((r) => ({ request: r.request, rules: r.excluded === undefined ? [] : rulesOf(r.excluded) })),
    not_proven: groupReasons(runs.replays.filter((r) => r.kind === undefined)),
    planted: {
      sent: runs.sent,
      blocked_before: counted.length,
      blocked_after: counted.length - passed.length,
      residue: residue.length,
      residue_rules: countRules(residue),
      residue_examples: residue.slice(0, LISTED_MAX).map(letThrough),
      newly_let_through: wrong.map(letThrough),
    },
    passed: why === '',
    why,
  };
}

function whyNot(proven: number, notFreed: readonly Replay[], wrong: number): string {
  if (proven === 0)
    return 'nothing could be proven: no request that was sent is blocked by this rule without the exclusions';
  if (notFreed.length > 0) return `${notFreed.length} of ${proven} proven requests are still blocked`;
  return wrong > 0 ? `${wrong} attacks that other rules stop were let through` : '';
}

export interface FreedPlace {
  readonly place: Place;
  readonly scope: WafScope;
}

/**
 * Whether something other than what is excluded stops the request: a rule that denies by itself, or one whose severity alone reaches the threshold of
 * CRS (critical, 5 points). A sum of smaller ones that only passed the threshold together with the excluded rule is what the excluded rule caught.
 */
export function othersStop(baseline: Verdict, freed: readonly FreedPlace[]): boolean {
  return baseline.matches.some(
    (m) => !isSumRule(m) && !freed.some((f) => frees(f, m)) && (m.denies || (m.severity === 'CRITICAL' && isScored(m))),
  );
}

function frees(freed: FreedPlace, m: WafMatch): boolean {
  if (freed.place.rule !== m.rule) return false;
  if (freed.scope === 'path' || freed.scope === 'rule-everywhere') return true;
  return m.target === null || sameTarget(m.target, freed.place.target);
}

/**
 * The freed place that an attack lies in, wherever it was sent: its path, and only excluded rules stopped it. An exclusion of a rule on `/` frees what this
 * rule alone stopped there, in every parameter; that is given up at this place, not let through elsewhere.
 */
export function placeOfAttack(run: AttackRun, freed: readonly FreedPlace[]): FreedPlace | undefined {
  if (othersStop(run.baseline, freed)) return undefined;
  return freed.find(
    (f) =>
      (f.scope === 'target-everywhere' ||
        f.scope === 'rule-everywhere' ||
        decodedPath(f.place.path) === decodedPath(run.path)) &&
      run.baseline.matches.some((m) => frees(f, m)),
  );
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const isScored = (m: WafMatch): boolean => looksForAttack(m) || /^9(?:1|2)\d{4}$/.test(m.rule);

function groupReasons(replays: readonly Replay[]): PlaceProof['not_proven'] {
  const groups = new Map<string, { requests: number; example: string }>();
  for (const r of replays) {
    const known = groups.get(r.reason);
    if (known) known.requests++;
    else groups.set(r.reason, { requests: 1, example: r.request });
  }
  return [...groups].map(([reason, g]) => ({ reason, ...g })).sort((a, b) => b.requests - a.requests);
}

/** Attacks sent elsewhere must stay as they were. */
export function judgeElsewhere(runs: readonly AttackRun[], sent: number): WafProof['elsewhere'] {
  const counted = runs.filter((a) => a.baseline.blocked);
  const passed = counted.filter((a) => !a.excluded.blocked);
  return {
    sent,
    blocked_before: counted.length,
    blocked_after: counted.length - passed.length,
    newly_let_through: passed.map(letThrough),
  };
}

const letThrough = (a: AttackRun): LetThrough => ({ test: a.test, shown: a.shown, rules: rulesOf(a.baseline) });

/** How often each rule was among those that alone had stopped the residue. */
function countRules(residue: readonly AttackRun[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const a of residue)
    for (const rule of new Set(a.baseline.matches.filter((m) => !isSumRule(m)).map((m) => m.rule)))
      counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export type ProofHead = Pick<WafProof, 'made_at' | 'basis' | 'engine' | 'attacks' | 'left_out' | 'before' | 'after'>;

export function proofOf(head: ProofHead, places: readonly PlaceProof[], elsewhere: WafProof['elsewhere']): WafProof {
  const sum = (f: (p: PlaceProof) => number): number => places.reduce((n, p) => n + f(p), 0);
  const why = places.flatMap((p) => (p.passed ? [] : [`rule ${p.rule} on ${p.path}, ${p.target}: ${p.why}`]));
  if (elsewhere.newly_let_through.length > 0)
    why.push(`outside of the freed places ${elsewhere.newly_let_through.length} attacks were newly let through`);
  if (places.length === 0) why.push('there was nothing to prove');
  return {
    ...head,
    passed: why.length === 0,
    why,
    requests: sum((p) => p.requests),
    proven: sum((p) => p.proven.logged + p.proven.original + p.proven.look_alike),
    look_alikes: sum((p) => p.proven.look_alike),
    freed: sum((p) => p.freed),
    places,
    elsewhere,
  };
}
