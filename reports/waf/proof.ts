import type { LetThrough, PlaceProof, WafProof } from '../../models/waf/proof.ts';
import { terminalText } from '../clean-text.ts';
import { plural, wholeNumber } from '../wording.ts';

const provenOf = (p: PlaceProof): number => p.proven.logged + p.proven.original + p.proven.look_alike;

/** A few lines for a terminal. */
export function proofSummary(proof: WafProof): string {
  const { elsewhere } = proof;
  const lines = [
    `${proof.passed ? 'PASSED' : 'FAILED'}     freed ${wholeNumber(proof.freed)} of ${wholeNumber(proof.proven)} proven; proven ${wholeNumber(proof.proven)} of ${plural(proof.requests, 'logged request')}${proof.look_alikes > 0 ? `, ${wholeNumber(proof.look_alikes)} by look-alikes` : ''}`,
    `Elsewhere  ${wholeNumber(elsewhere.newly_let_through.length)} of ${plural(elsewhere.blocked_before, 'attack')} newly let through outside of the freed places`,
  ];
  for (const p of proof.places) {
    lines.push(
      `Place      ${p.id}  rule ${p.rule}, ${p.path}, ${p.target}: freed ${wholeNumber(p.freed)} of ${wholeNumber(provenOf(p))}; given up ${wholeNumber(p.planted.residue)} of ${plural(p.planted.blocked_before, 'attack')} planted there`,
    );
    if (p.widened !== null) lines.push(`           wider than asked: ${p.widened}`);
    if (p.set_aside > 0)
      lines.push(`           ${plural(p.set_aside, 'request')} of scanners set aside: not to be freed`);
    for (const n of p.not_freed.slice(0, 1))
      lines.push(`           still blocked, for example request ${n.request} by ${n.rules.join(', ')}`);
    for (const n of p.not_proven) lines.push(`           ${wholeNumber(n.requests)} not proven: ${n.reason}`);
  }
  for (const l of proof.left_out)
    lines.push(`Left out   rule ${l.place.rule}, ${l.place.path}, ${l.place.target}: ${l.reason}`);
  lines.push(`Engine     ${proof.engine.name}, ${proof.engine.rules}, paranoia level ${proof.engine.paranoia}`);
  return `${lines.map(terminalText).join('\n')}\n`;
}

/** The proof for a ticket. Whatever a log or an attack holds, it stays text. */
export function proofMarkdown(proof: WafProof): string {
  const lines = [
    '# Proof of WAF exclusions',
    '',
    `**${proof.passed ? 'Passed' : 'Failed'}**, ${proof.made_at}, on ${code(proof.engine.name)} with ${code(proof.engine.rules)} at paranoia level ${proof.engine.paranoia}${proof.engine.own_rules.length > 0 ? ` and own rules ${proof.engine.own_rules.map(code).join(', ')}` : ''}. Basis: what was ${proof.basis}. Attacks: ${code(proof.attacks)}.`,
    '',
    ...proof.why.map((w) => `- failed: ${plain(w)}`),
    ...(proof.why.length > 0 ? [''] : []),
    `- Freed ${proof.freed} of ${proof.proven} proven requests; ${proof.proven} of ${proof.requests} logged requests were proven${proof.look_alikes > 0 ? `, ${proof.look_alikes} of them by look-alikes` : ''}.`,
    `- Outside of the freed places ${proof.elsewhere.newly_let_through.length} of ${proof.elsewhere.blocked_before} attacks that were blocked before are let through now (${proof.elsewhere.sent} were sent).`,
    '',
    'A request is *proven* only if the engine blocks it by the same rule without the exclusions. A *look-alike* was made from the part that matched, because the log does not hold what was sent. *Given up* are attacks that only the excluded rule stopped in the freed place.',
    ...proof.places.flatMap(placeSection),
    ...(proof.left_out.length > 0
      ? [
          '',
          '## Left out',
          '',
          ...proof.left_out.map(
            (l) =>
              `- rule ${plain(l.place.rule)} on ${code(l.place.path)}, ${code(l.place.target)}: ${plain(l.reason)}`,
          ),
        ]
      : []),
    ...(proof.elsewhere.newly_let_through.length > 0
      ? ['', '## Newly let through elsewhere', '', ...proof.elsewhere.newly_let_through.map(letThroughLine)]
      : []),
    '',
    '## The exclusions',
    '',
    ...[proof.before, proof.after].filter((t) => t !== '').flatMap((t) => ['```apache', t.trimEnd(), '```', '']),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function placeSection(p: PlaceProof): string[] {
  const { planted } = p;
  const lines = [
    '',
    `## Rule ${plain(p.rule)} on ${code(p.path)}, ${code(p.target)}`,
    '',
    '| | |',
    '| --- | ---: |',
    `| logged requests | ${p.requests} |`,
    ...(p.set_aside > 0 ? [`| set aside: of scanners and clients that probe | ${p.set_aside} |`] : []),
    `| proven as logged | ${p.proven.logged} |`,
    `| proven by the original | ${p.proven.original} |`,
    `| proven by a look-alike | ${p.proven.look_alike} |`,
    `| freed | ${p.freed} |`,
    `| attacks planted here that were blocked before | ${planted.blocked_before} of ${planted.sent} |`,
    `| still blocked | ${planted.blocked_after} |`,
    `| given up (only the excluded rule stopped them) | ${planted.residue} |`,
    `| let through though other rules stop them | ${planted.newly_let_through.length} |`,
    '',
    `Scope: ${p.scope}.${p.widened === null ? '' : ` Wider than asked: ${plain(p.widened)}.`}${p.passed ? '' : ` **Failed: ${plain(p.why)}.**`}`,
  ];
  if (p.not_proven.length > 0)
    lines.push(
      '',
      'Not proven:',
      '',
      ...p.not_proven.map((n) => `- ${n.requests}: ${plain(n.reason)} (for example ${code(n.example)})`),
    );
  if (p.not_freed.length > 0)
    lines.push(
      '',
      'Still blocked:',
      '',
      ...p.not_freed.map((n) => `- ${code(n.request)} by ${n.rules.map(code).join(', ')}`),
    );
  if (planted.residue_examples.length > 0)
    lines.push('', 'Given up, for example:', '', ...planted.residue_examples.map(letThroughLine));
  if (planted.newly_let_through.length > 0)
    lines.push('', 'Let through though other rules stop them:', '', ...planted.newly_let_through.map(letThroughLine));
  return lines;
}

const letThroughLine = (a: LetThrough): string =>
  `- ${code(a.test)} ${code(a.shown)}, was stopped by ${a.rules.map(code).join(', ')}`;

/** A code span that its text cannot end. */
function code(text: string): string {
  const shown = terminalText(text);
  if (shown === '') return '(none)';
  const longest = Math.max(0, ...(shown.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${shown}${fence}` : `${fence} ${shown} ${fence}`;
}

/** Text without meaning for Markdown or HTML. */
const plain = (text: string): string => terminalText(text).replace(/[\\`*_{}[\]<>#|&!]/g, (c) => `\\${c}`);
