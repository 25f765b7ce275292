import { latestDecisions, statusOf, type WafDecision, type WafScope } from './decision.ts';
import type { Exclusion } from './exclusion.ts';
import { type Place, placeKey, samePlace } from './place.ts';
import type { PlaceProof, WafProof } from './proof.ts';
import { placeOfRow, type WafQueue, type WafRow } from './queue.ts';

/** What is to be proven and exported: what a person accepted, or what the evidence proposes. */
export type Basis = 'accepted' | 'proposed';

/** One place that was chosen, with what is known of it. */
export interface Chosen {
  readonly place: Place;
  readonly scope: WafScope;
  readonly row: WafRow | undefined; // undefined: decided, but nothing stored was blocked there
  readonly decision: WafDecision | undefined;
}

/** In the order of the queue, then by place. `now`: UTC epoch ms. */
export function choose(
  queue: WafQueue,
  decisions: readonly WafDecision[],
  basis: Basis,
  now: number,
): readonly Chosen[] {
  const latest = latestDecisions(decisions);
  if (basis === 'proposed')
    return queue.rows
      .filter((r) => r.proposed)
      .map((row) => {
        const place = placeOfRow(row);
        const decision = latest.get(placeKey(place));
        return { place, scope: decision?.scope ?? 'target', row, decision };
      });
  const accepted = [...latest.values()].filter((d) => statusOf(d, now) === 'accepted');
  const order = new Map(queue.rows.map((r, i) => [placeKey(placeOfRow(r)), i]));
  const rank = (d: WafDecision): number => order.get(placeKey(d)) ?? queue.rows.length;
  return accepted
    .sort((a, b) => rank(a) - rank(b) || (placeKey(a) < placeKey(b) ? -1 : 1))
    .map((decision) => {
      const place = { rule: decision.rule, path: decision.path, target: decision.target };
      return { place, scope: decision.scope, row: queue.rows.find((r) => samePlace(placeOfRow(r), place)), decision };
    });
}

/** The exclusion of a chosen place; where a proof had to widen it, as it was proven. */
export function exclusionOf(chosen: Chosen, proven: ProvenPlace | undefined): Exclusion {
  const { place, row, decision } = chosen;
  const proof = proven?.place;
  return {
    place,
    scope: proof?.widened ? proof.scope : chosen.scope,
    methods: row?.methods ?? [],
    expires: decision?.expires ? Date.parse(decision.expires) : null,
    remarks: [
      `Rule ${place.rule} on ${place.path || 'any path'}, ${place.target || 'any part of the request'}${row ? `: ${row.rule.message}` : ''}`,
      ...(row
        ? [
            `${row.requests_blocked} requests blocked, ${row.legitimate_users} users, ${row.sessions_lost} IMAP sessions lost, ${row.first_seen} to ${row.last_seen}; probability of a false positive ${row.probability}.`,
          ]
        : []),
      decision === undefined || decision.decision !== 'accept'
        ? 'Proposed by the evidence; nobody has accepted it.'
        : `Accepted by ${decision.by} on ${decision.at}${decision.expires === null ? '' : `, ends ${decision.expires}`}.${decision.note === null ? '' : ` Note: ${decision.note}`}`,
      proven === undefined ? 'Not proven.' : proofRemark(proven),
      ...(proof?.widened ? [`Wider than asked: ${proof.widened}.`] : []),
    ],
  };
}

function proofRemark({ place: p, at }: ProvenPlace): string {
  const proven = p.proven.logged + p.proven.original + p.proven.look_alike;
  const alike = p.proven.look_alike > 0 ? ` (${p.proven.look_alike} by look-alikes)` : '';
  return `${p.passed ? 'Proven' : 'THE PROOF FAILED'} ${at}: freed ${p.freed} of ${proven} proven${alike}; given up: ${p.planted.residue} of ${p.planted.blocked_before} attacks planted here.${p.passed ? '' : ` ${p.why}.`}`;
}

/** What a proof says of one place, and when it was made. */
export interface ProvenPlace {
  readonly place: PlaceProof;
  readonly at: string;
}

/** The proof of a place with the scope that is asked for now; one of another scope proves nothing. */
export function proofOfPlace(proof: WafProof | undefined, chosen: Chosen): ProvenPlace | undefined {
  const place = proof?.places.find((p) => samePlace(p, chosen.place));
  if (proof === undefined || place === undefined) return undefined;
  const sameScope = place.scope === chosen.scope || (place.widened !== null && chosen.scope === 'target');
  return sameScope ? { place, at: proof.made_at } : undefined;
}

/** Sentences that say why a proof forbids to export these places; none if it does not, or does not speak of them. */
export function forbiddenBy(proof: WafProof | undefined, chosen: readonly Chosen[]): readonly string[] {
  const proven = chosen.flatMap((c) => proofOfPlace(proof, c) ?? []);
  if (proof === undefined || proven.length === 0) return [];
  const failed = proven.flatMap(({ place: p }) =>
    p.passed ? [] : [`rule ${p.rule} on ${p.path}, ${p.target}: ${p.why}`],
  );
  const through = proof.elsewhere.newly_let_through.length;
  return through === 0 ? failed : [...failed, `outside of the freed places ${through} attacks were newly let through`];
}
