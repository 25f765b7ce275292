/**
 * npm run docs: writes the generated parts of docs/causes.md (between `<!-- generated: LABEL -->` and `<!-- end -->`): owner, remedy, and
 * every piece of evidence with its prior and its shipped weight. The prose around them is written by people. A test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newCase } from '../models/cause/case.ts';
import { EVIDENCE, PRIOR_BASE } from '../models/cause/decide.ts';
import { remedyFor } from '../models/cause/remedies.ts';
import { SHIPPED_MODEL } from '../models/cause/shipped-model.ts';
import { newSession } from '../processors/correlate/session.ts';
import { Site } from '../processors/correlate/site.ts';
import { survey } from '../processors/correlate/survey.ts';
import { DEFAULT_TIMERS } from '../processors/profile/known-timers.ts';
import { OWNERS } from '../processors/profile/owners.ts';
import { CAUSE_LABELS, type CauseLabel } from '../processors/profile/profile.ts';

const PAGE = join(import.meta.dirname, 'causes.md');

/** A session of which nothing is known: the sentences of the evidence then show their shape. */
const session = newSession('connection', 0, 0, 1, 'none');
const nothing = newCase(session, survey(new Site(), session), DEFAULT_TIMERS);

/** The page with its generated parts renewed. Throws if a cause has no part, or a part names no cause. */
export function renewed(page: string): string {
  const found = new Set<string>();
  const text = page.replaceAll(/<!-- generated: (\S+) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const label = CAUSE_LABELS.find((l) => l === name);
    if (label === undefined) throw new Error(`docs/causes.md: ${name} is no cause`);
    found.add(name);
    return `<!-- generated: ${name} -->\n\n${part(label)}\n\n<!-- end -->`;
  });
  const missing = CAUSE_LABELS.filter((label) => !found.has(label));
  if (missing.length > 0) throw new Error(`docs/causes.md has no part for ${missing.join(', ')}`);
  return text;
}

function part(label: CauseLabel): string {
  const lines: string[] = [];
  if (OWNERS[label] !== null) lines.push(`**Owner**: ${OWNERS[label]}.`, '');
  const remedy = remedyFor(label, nothing);
  if (remedy) {
    lines.push(`**What to do**: ${escaped(withGaps(remedy.summary))}`);
    if (remedy.setting !== null) {
      const value = remedy.value === null ? '' : `, for example \`${remedy.value}\``;
      lines.push(`Setting: \`${remedy.setting}\`${value}${remedy.file === null ? '' : ` (${remedy.file})`}.`);
    }
    if (remedy.link !== null) lines.push(`See <${remedy.link}>.`);
    lines.push('');
  }
  lines.push('| evidence | kind | prior | weight | what it says |', '| --- | --- | ---: | ---: | --- |');
  lines.push(
    `| *base* | | ${signed(PRIOR_BASE[label] ?? 0)} | ${signed(SHIPPED_MODEL.base[label] ?? 0)} | what it starts from |`,
  );
  for (const row of rowsOf(label)) lines.push(row);
  return lines.join('\n');
}

/** Strongest for it first, strongest against it last. */
function rowsOf(label: CauseLabel): readonly string[] {
  return EVIDENCE.flatMap((rule) => {
    const prior = rule.prior[label];
    const weight = (SHIPPED_MODEL.weights[rule.name] ?? rule.prior)[label];
    if (prior === undefined && weight === undefined) return [];
    const says = escaped(withGaps(rule.text(nothing)));
    return [
      {
        weight: weight ?? 0,
        row: `| \`${rule.name}\` | ${rule.kind} | ${signed(prior)} | ${signed(weight)} | ${says} |`,
      },
    ];
  })
    .sort((a, b) => b.weight - a.weight || (a.row < b.row ? -1 : 1))
    .map(({ row }) => row);
}

const signed = (n: number | undefined): string =>
  n === undefined ? '' : `${n < 0 ? '−' : '+'}${Math.abs(n).toFixed(1)}`;

/** Figures and names that only a session can fill in. */
const withGaps = (text: string): string =>
  text
    .replaceAll(/(?<![\w.])-?0(?:\.0)?(?![\w.])/g, '…')
    .replaceAll('""', '"…"')
    .replaceAll('( ', '(… ')
    .replaceAll('()', '(…)')
    .replaceAll('state :', 'state …:')
    .replaceAll(/ {2,}|(?<=of|address|user|mail\]|timer:) (?=[.,(:]|$)/g, ' … ')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/ (?=[.,:;])/g, '')
    .replaceAll(/ of(?=[.,:;])/g, ' of …');

const escaped = (text: string): string =>
  text
    .replaceAll('|', '\\|')
    .replaceAll('<', '\\<')
    .replaceAll(/\s*\n\s*/g, ' ');

if (import.meta.main) writeFileSync(PAGE, renewed(readFileSync(PAGE, 'utf8')));
