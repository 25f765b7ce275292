import type { AttackTest } from './attack-corpus.ts';
import { familyOf } from './counted-matches.ts';

/** One value to plant. */
export interface Payload {
  readonly test: string;
  readonly rule: string;
  readonly value: string;
}

/** Every value once, by the first test that has it. Those of rules about answers (95x, 980) are no attacks: the test's own server sends them back. */
export function payloadsOf(tests: readonly AttackTest[]): readonly Payload[] {
  const byValue = new Map<string, Payload>();
  for (const t of tests)
    for (const value of t.payloads)
      if (!byValue.has(value) && !/^9(?:5\d|80)\d{3}$/.test(t.rule))
        byValue.set(value, { test: t.id, rule: t.rule, value });
  return [...byValue.values()];
}

/** At most `max`: those of the rule first, then of its kind of attack, then of all other kinds in turn. The same on every run. */
export function choosePayloads(all: readonly Payload[], rule: string, max: number): readonly Payload[] {
  const family = familyOf(rule);
  const own = all.filter((p) => p.rule === rule);
  const kin = all.filter((p) => p.rule !== rule && familyOf(p.rule) === family);
  const others = new Map<string, Payload[]>();
  for (const p of all) {
    const kind = familyOf(p.rule);
    if (kind === family) continue;
    const list = others.get(kind);
    if (list) list.push(p);
    else others.set(kind, [p]);
  }
  // Half of the room at least is for other kinds: what a rule catches besides its own kind is given up too.
  const near = [...own, ...kin].slice(0, Math.ceil(max / 2));
  const far = inTurn([...others.values()], max - near.length);
  return [...near, ...far, ...[...own, ...kin].slice(near.length)].slice(0, max);
}

function inTurn(lists: readonly (readonly Payload[])[], max: number): readonly Payload[] {
  const out: Payload[] = [];
  for (let i = 0; out.length < max && lists.some((l) => i < l.length); i++)
    for (const list of lists) {
      const p = list[i];
      if (p !== undefined && out.length < max) out.push(p);
    }
  return out;
}
