import type { Profile } from '../processors/profile/profile.ts';
import { ownText } from './counting/own-text.ts';
import { compareText } from './counting/top-counter.ts';

const HELD = 12;

interface Example {
  readonly id: string;
  readonly probability: number;
  readonly lines: number;
  readonly scope: string;
}

/**
 * Sessions that show a cause best: the surest, with lines of several sources, of different scopes. The choice does not depend on the
 * order in which sessions come (except among scopes that fall out of the held dozen).
 */
export class BestExamples {
  readonly #held: Example[] = [];

  add(profile: Profile): void {
    const { session, cause, events } = profile.imapwhy;
    const probability = Math.round(cause.probability * 100) / 100;
    const last = this.#held[HELD - 1];
    if (last && compareExamples(last, { id: session.id, probability, lines: events.length, scope: '' }) <= 0) return;
    const example: Example = {
      id: ownText(session.id),
      probability,
      lines: Math.min(events.length, 12),
      scope: ownText(cause.scope ?? profile.user.name ?? ''),
    };
    this.#held.push(example);
    this.#held.sort(compareExamples);
    if (this.#held.length > HELD) this.#held.pop();
  }

  /** At most `limit` ids, one of each scope first. */
  ids(limit: number): readonly string[] {
    const scopes = new Set<string>();
    const first: Example[] = [];
    const later: Example[] = [];
    for (const example of this.#held) {
      (scopes.has(example.scope) ? later : first).push(example);
      scopes.add(example.scope);
    }
    return [...first, ...later].slice(0, limit).map((e) => e.id);
  }
}

function compareExamples(a: Example, b: Example): number {
  return b.probability - a.probability || Math.min(b.lines, 12) - Math.min(a.lines, 12) || compareText(a.id, b.id);
}
