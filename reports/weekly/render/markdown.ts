import { terminalText } from '../../clean-text.ts';
import type { Block, Inline, Page, Table, Text } from '../page.ts';

/** The page as Markdown (CommonMark with tables). Whatever comes from logs stays text: nothing in it becomes markup, a link or a line of its own. */
export function weeklyMarkdown(page: Page): string {
  const lines = [
    `# ${plain(page.title)}`,
    '',
    plain(page.period),
    '',
    ...page.sections.flatMap((s) => [
      ...(s.title === '' ? [] : [`## ${plain(s.title)}`, '']),
      ...s.blocks.flatMap(blockLines),
    ]),
    '---',
    '',
    ...page.footer.flatMap((line) => [plain(line), '']),
  ];
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

function blockLines(block: Block): readonly string[] {
  switch (block.kind) {
    case 'headline':
      return [`**${plain(block.text)}**`, ''];
    case 'heading':
      return [`### ${plain(block.text)}`, ''];
    case 'paragraph':
      return [inline(block.text), ''];
    case 'list':
      return [...block.entries.map((entry) => `- ${inline(entry)}`), ''];
    case 'cards':
      return [
        ...block.cards.map((card) => {
          const level = card.level === null ? '' : ` (${plain(card.level.name)})`;
          return `- **${plain(card.name)}: ${plain(card.value)}**${level}. ${card.notes.map(plain).join(' ')}`;
        }),
        '',
      ];
    case 'facts':
      return [
        ...block.facts.flatMap(({ name, text, line }) => [
          `- ${name === '' ? '' : `**${plain(name)}:** `}${inline(text)}`,
          ...(line === undefined || line === null ? [] : [`  ${code(line)}`]),
        ]),
        '',
      ];
    case 'table':
      return tableLines(block.table);
    case 'chart':
      return tableLines(block.chart.table);
    default:
      return block satisfies never;
  }
}

function tableLines({ caption, columns, rows }: Table): readonly string[] {
  return [
    `**${plain(caption)}**`,
    '',
    `| ${columns.map((c) => plain(c.title)).join(' | ')} |`,
    `| ${columns.map((c) => (c.isNumber ? '---:' : '---')).join(' | ')} |`,
    ...rows.map((row) => `| ${row.map((cell) => inline(cell)).join(' | ')} |`),
    '',
  ];
}

function inline(text: Text): string {
  return typeof text === 'string' ? plain(text) : text.map(inlinePart).join('');
}

function inlinePart(part: Inline): string {
  if (typeof part === 'string') return plain(part);
  switch (part.kind) {
    case 'strong':
      return `**${plain(part.text)}**`;
    case 'code':
      return code(part.text);
    case 'muted':
      return plain(part.text);
    case 'link':
      return /^https?:\/\/[^\s()<>\\]+$/i.test(part.url) ? `[${plain(part.text)}](${part.url})` : plain(part.url);
    default:
      return part satisfies never;
  }
}

/** Characters that begin markup somewhere in CommonMark or in tables. */
const MARKUP = /[\\`*_{}[\]<>#|~&!]/g;

function plain(text: string): string {
  return terminalText(text)
    .replace(MARKUP, (character) => `\\${character}`)
    .replace(/\b(https?|ftp|mailto|www)([:.])/gi, '$1\\$2') // no link by itself
    .replace(/^(\s*)(\d+)([.)])(\s)/, '$1$2\\$3$4')
    .replace(/^(\s*)([-+=])/, '$1\\$2');
}

/** A code span: with more backticks around it than stand in it, and no bar, which would end a cell of a table. */
function code(text: string): string {
  const clean = terminalText(text).replaceAll('|', '¦');
  const longest = Math.max(0, ...[...clean.matchAll(/`+/g)].map((m) => m[0].length));
  const fence = '`'.repeat(longest + 1);
  const pad = longest > 0 || /^ | $/.test(clean) || clean === '' ? ' ' : '';
  return `${fence}${pad}${clean}${pad}${fence}`;
}
