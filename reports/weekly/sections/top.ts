import { explainCommand } from '../../wording.ts';
import type { Block, Inline, Section } from '../page.ts';
import type { RootCause, WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

/** One sentence each, with evidence, cost, remedy and what became of it since the last report. */
export function topSection(report: WeeklyReport, words: Words): Section {
  const blocks = report.top.flatMap((cause, i) => causeBlocks(cause, i + 1, words));
  return {
    id: 'top',
    title: words.titles.top,
    blocks: blocks.length === 0 ? [{ kind: 'paragraph', text: words.topNone }] : blocks,
  };
}

function causeBlocks(cause: RootCause, place: number, words: Words): readonly Block[] {
  const where = cause.scope === null ? '' : ` (${words.scope(cause.scope)})`;
  const { topFacts: names } = words;
  const [first, ...others] = cause.evidence;
  return [
    { kind: 'heading', text: `${place}. ${words.causeTitle(cause.label)}${where}`, layer: cause.layer },
    { kind: 'paragraph', text: words.topSentence(cause) },
    {
      kind: 'facts',
      facts: [
        { name: names.cost, text: words.cost(cause) },
        { name: names.owner, text: words.owner(cause.owner) },
        { name: names.when, text: words.when(cause) },
        { name: names.status, text: words.status(cause) },
        ...(first === undefined
          ? []
          : [{ name: names.why, text: words.evidence(first.name, first.text), line: first.line }]),
        ...others.map((e) => ({ name: '', text: words.evidence(e.name, e.text), line: e.line })),
        ...(cause.remedy === null ? [] : [{ name: names.todo, text: remedyText(cause, words) }]),
        { name: names.look, text: [{ kind: 'code' as const, text: explainCommand(cause.example) }] },
      ],
    },
  ];
}

function remedyText(cause: RootCause, words: Words): readonly Inline[] {
  const { remedy } = cause;
  if (remedy === null) return [];
  const parts = [remedy.setting, remedy.value, remedy.file].filter((part) => part !== null);
  return [
    words.remedy(cause.label, remedy),
    ...parts.flatMap((text): Inline[] => [' ', { kind: 'code', text }]),
    ' ',
    { kind: 'link', text: words.documentation, url: remedy.link },
  ];
}

export function goneSection(report: WeeklyReport, words: Words): Section | undefined {
  if (report.gone.length === 0) return undefined;
  return { id: 'gone', title: words.titles.gone, blocks: [{ kind: 'list', entries: report.gone.map(words.gone) }] };
}
